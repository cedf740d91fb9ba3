/**
 * What the policies say about one kind of one pair, worked out for the ends: which selectors, after which other kinds,
 * and a digest by which an entry can tell later whether a reload touched it.
 */
import { createHash } from 'node:crypto';
import type { Precedent } from '../../messages/message.ts';
import type { DistributionPolicy } from '../../model/policy.ts';
import {
  anySelectorMatches,
  formatSelector,
  intersectSelectorLists,
  intersectSelectors,
  mirrorPacket,
  mirrorSelector,
  type PacketSelector,
  type Selector,
  selectorMatches,
} from '../../model/selector.ts';
import { describePolicy, type PolicySet } from './policy-set.ts';

export interface PairSetting {
  readonly policy: DistributionPolicy;
  readonly precedence: number;
  /** What the kind is for, seen from the router that asked for this setting. */
  readonly selectors: readonly Selector[];
  /** The kinds before it, likewise. */
  readonly precedents: readonly Precedent[];
}

/** The first policy of the pair whose selectors hold `packet`, seen from `viewer`. */
export function kindOfPacket(
  set: PolicySet,
  viewer: string,
  peer: string,
  packet: PacketSelector,
): string | undefined {
  return set
    .ofPair(viewer, peer)
    .find(({ policy }) =>
      set.selectors(policy, viewer, peer).some((selector) => selectorMatches(selector, packet)),
    )?.policy.kind;
}

/** The setting of one kind, or undefined when the pair has no such kind. */
export function pairSetting(
  set: PolicySet,
  viewer: string,
  peer: string,
  kind: string,
): PairSetting | undefined {
  const policies = set.ofPair(viewer, peer);
  const found = policies.find(({ policy }) => policy.kind === kind);
  if (found === undefined) return undefined;
  return {
    policy: found.policy,
    precedence: found.precedence,
    selectors: set.selectors(found.policy, viewer, peer),
    precedents: policies.slice(0, found.precedence).map(({ policy, precedence }) => ({
      kind: policy.kind,
      precedence,
      selectors: set.selectors(policy, viewer, peer),
    })),
  };
}

/** What both ends asked for and the kind allows, seen from `viewer`; empty when that is nothing. */
export function agreedSelectors(
  setting: PairSetting,
  asked: readonly Selector[],
  askedByPeer: readonly Selector[],
): Selector[] {
  const mirrored = askedByPeer.map(mirrorSelector);
  return intersectSelectorLists(intersectSelectorLists(asked, mirrored), setting.selectors);
}

/**
 * A packet that made one of the ends ask and that `agreed` does not take, seen from `viewer`: SAs for `agreed` would leave
 * it waiting, and it would make its router ask again at once.
 */
export function missedPacket(
  agreed: readonly Selector[],
  packet: PacketSelector | null,
  packetOfPeer: PacketSelector | null,
): PacketSelector | undefined {
  const mirrored = packetOfPeer === null ? null : mirrorPacket(packetOfPeer);
  return [packet, mirrored].find((one) => one !== null && !anySelectorMatches(agreed, one)) ?? undefined;
}

/** The kinds before this one that share packets with `agreed`; the others cannot take any of its packets. */
export function relevantPrecedents(setting: PairSetting, agreed: readonly Selector[]): Precedent[] {
  return setting.precedents
    .map((precedent) => ({
      ...precedent,
      selectors: precedent.selectors.filter((selector) =>
        agreed.some((one) => intersectSelectors(selector, one) !== undefined),
      ),
    }))
    .filter((precedent) => precedent.selectors.length > 0);
}

/** Equal for two sets exactly when they say the same about this kind of this pair; undefined when there is none. */
export function settingDigest(set: PolicySet, a: string, b: string, kind: string): string | undefined {
  const [viewer, peer] = a < b ? [a, b] : [b, a];
  const setting = pairSetting(set, viewer, peer, kind);
  if (setting === undefined) return undefined;
  const text = JSON.stringify([
    describePolicy(setting.policy),
    setting.precedence,
    setting.selectors.map(formatSelector),
    setting.precedents.map(({ kind: earlier, selectors }) => [earlier, selectors.map(formatSelector)]),
    set.router(viewer)?.proposals ?? null,
    set.router(peer)?.proposals ?? null,
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
