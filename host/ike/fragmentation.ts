/**
 * Whether the two ends of an IKE SA send messages in fragments, and how long those are: IP fragments get lost on many
 * paths, and a message with certificates is longer than a packet. IKE_SA_INIT itself, where this is settled, stays in one
 * piece. RFC 7383 sections 2.3 and 2.5.1.
 */
import { notifyTypes } from './wire/iana-numbers.ts';
import { encodeNotify } from './wire/notify.ts';
import type { PayloadValue } from './wire/payload-chain.ts';
import type { PayloadSet } from './wire/payload-set.ts';

/** IPv6 header, UDP header, non-ESP marker; 20 octets more than IPv4 needs. */
const datagramOverheadOctets = 40 + 8 + 4;

/** Says that this end puts fragments together. */
export function fragmentationNotify(): PayloadValue {
  return encodeNotify(notifyTypes.fragmentationSupported);
}

/**
 * Octets of the longest IKE message to a peer whose IKE_SA_INIT was `payloads`, undefined if it takes no fragments.
 *
 * @param datagramOctets of the longest IP packet
 */
export function longestMessage(payloads: PayloadSet, datagramOctets: number): number | undefined {
  const isSupported = payloads.notify(notifyTypes.fragmentationSupported) !== undefined;
  return isSupported ? datagramOctets - datagramOverheadOctets : undefined;
}
