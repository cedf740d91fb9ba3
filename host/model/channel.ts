/** What the settings say of the channel, at a router and at the server alike, and what holds where they say nothing. */
import { type ChannelLifetimes, defaultChannelLifetimes } from './channel-lifetimes.ts';
import { type ChannelProposals, defaultChannelProposals } from './child-proposal.ts';

export interface ChannelSettings {
  readonly proposals: ChannelProposals;
  readonly lifetimes: ChannelLifetimes;
  /** Octets of the longest IP packet with an IKE message, to a peer that puts fragments together (RFC 7383). */
  readonly datagramOctets: number;
}

/** What every IPv4 host takes (RFC 791 section 3.1). */
export const shortestDatagramOctets = 576;
/** Ours: what Ethernet's jumbo frames carry. */
export const longestDatagramOctets = 9000;
/** Every IPv6 link carries this much (RFC 8200 section 5), and next to every IPv4 path; strongSwan's default too. */
export const defaultDatagramOctets = 1280;

export const defaultChannelSettings: ChannelSettings = {
  proposals: defaultChannelProposals,
  lifetimes: defaultChannelLifetimes,
  datagramOctets: defaultDatagramOctets,
};
