/**
 * The policy between the echo peer and any router, which stands in no file: one short-lived SA in tunnel mode, by UDP, for ICMP
 * between the two inner addresses. Nothing that a router protects can match it, and no policy of a file names its peer.
 */
import { echoPeerName, selfTestKind } from '../../messages/echo-peer.ts';
import type { DistributionPolicy } from '../../model/policy.ts';
import { defaultProposal } from '../../model/proposal.ts';
import { defaultReplayWindow } from '../../model/security-association.ts';

/** A self-test takes seconds; what a router that died in one leaves behind ends with this. */
export const selfTestSeconds = 60;

/** True when one of the two is the echo peer. */
export function isEchoPair(a: string, b: string): boolean {
  return a === echoPeerName || b === echoPeerName;
}

/** The policy for a router that may have these proposals; undefined is all of them. */
export function selfTestPolicy(allowed: readonly string[] | undefined): DistributionPolicy {
  const isUsual = allowed === undefined || allowed.includes(defaultProposal);
  return {
    kind: selfTestKind,
    revision: 1,
    between: [echoPeerName, '*'],
    selectors: undefined,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: isUsual ? defaultProposal : (allowed[0] ?? defaultProposal),
    lifetimeSeconds: selfTestSeconds,
    lifetimeOctets: undefined,
    // Bounds what the echo peer can be made to answer.
    lifetimePackets: 64n,
    esn: true,
    replayWindow: defaultReplayWindow,
    encapsulation: 'udp',
    dscp: 'copy',
    dontFragment: 'clear',
    tfcPadding: 0,
    dummiesPerSecond: 0,
  };
}
