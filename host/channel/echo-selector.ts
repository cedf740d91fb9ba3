/** What the SAs of a self-test are for: ICMP between the inner addresses of a router and the echo peer. Both ends derive it from the names. */
import type { Selector } from '../model/selector.ts';
import { icmpv6 } from './echo-packet.ts';
import { innerAddress } from './inner-address.ts';

/** Seen from the identity `viewer`. */
export function echoSelector(viewer: string, peer: string): Selector {
  return {
    local: { address: innerAddress(viewer), length: 128 },
    remote: { address: innerAddress(peer), length: 128 },
    protocol: icmpv6,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}
