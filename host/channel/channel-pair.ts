/**
 * The SA pair of a channel: what IKE negotiated, in the form in which the engine installs it. Tunnel mode between the two
 * inner addresses, always UDP-encapsulated on port 4500, delivered to the host program and never to the network.
 */
import type { SaPair } from '../dataplane/engine.ts';
import type { ChildSa } from '../ike/events.ts';
import type { Address, Endpoint } from '../model/address.ts';
import { defaultReplayWindow, type SaKeys, type SecurityAssociation } from '../model/security-association.ts';
import type { Selector } from '../model/selector.ts';

export interface ChannelPairOptions {
  readonly childSa: ChildSa;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  readonly localInner: Address;
  readonly peerInner: Address;
  /** Seconds from now after which the pair stops, whatever happens to its renewal. */
  readonly hardSeconds: number;
}

/** The pair, which takes over the keys of `childSa`. It belongs to no SPD entry: only the channel's own code sends through it. */
export function channelPair(options: ChannelPairOptions): SaPair {
  const { childSa, local, peer, hardSeconds } = options;
  const selector: Selector = {
    local: { address: options.localInner, length: 128 },
    remote: { address: options.peerInner, length: 128 },
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
  const lifetime = { seconds: hardSeconds, octets: undefined, packets: undefined };
  const association = (
    direction: 'outbound' | 'inbound',
    spi: number,
    keys: SaKeys,
  ): SecurityAssociation => ({
    direction,
    spi,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: childSa.proposal,
    keys,
    esn: childSa.esn,
    replayWindow: defaultReplayWindow,
    encapsulation: 'udp',
    localAddress: local.address,
    localPort: local.port,
    peer,
    selectors: [selector],
    soft: lifetime,
    hard: lifetime,
    dscp: 'copy',
    dontFragment: 'clear',
  });
  return {
    entry: '',
    kind: '',
    precedence: 0,
    precedents: [],
    deliver: 'host',
    inbound: association('inbound', childSa.inboundSpi, childSa.inbound),
    outbound: association('outbound', childSa.outboundSpi, childSa.outbound),
  };
}
