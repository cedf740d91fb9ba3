/**
 * Everything that the policy file says about routers and pairs, indexed so that no question costs more as the fleet
 * grows. The order of a pair's policies is fixed here: those for exactly this pair, then those with a wildcard, each in
 * the order of the file; a wildcard stands for enrolled routers only; of two policies with one kind the earlier counts.
 * Immutable: a reload makes a new set, and `difference` says what it touches.
 */
import { echoSelector } from '../../channel/echo-selector.ts';
import type { DistributionPolicy } from '../../model/policy.ts';
import type { Prefix } from '../../model/prefix.ts';
import { intersectSelectorLists, mirrorSelector, type Selector } from '../../model/selector.ts';
import { firstPolicyWarnings } from './policy-warnings.ts';
import { isEchoPair, selfTestPolicy } from './self-test-policy.ts';

/** A router as the policies know it; its credential is the business of the channel. */
export interface EnrolledRouter {
  readonly name: string;
  /** Networks behind the router; no two routers' networks overlap. */
  readonly networks: readonly Prefix[];
  /** Proposals that the operator allows for it; undefined is no restriction. */
  readonly proposals: readonly string[] | undefined;
}

/** One of a pair's policies and its place among them; lower goes first. */
export interface PairPolicy {
  readonly policy: DistributionPolicy;
  readonly precedence: number;
}

/** What a new set touches. */
export interface PolicyDifference {
  /** True when a wildcard for all pairs changed: any pair may be touched. */
  readonly everyPair: boolean;
  /** Routers of which any pair may be touched. */
  readonly routers: ReadonlySet<string>;
  /** Keys (`pairKey`) of single pairs. */
  readonly pairs: ReadonlySet<string>;
}

const WILDCARD = '*';

interface PlacedPolicy {
  readonly policy: DistributionPolicy;
  readonly line: number;
}

/** The key of a pair, the same whichever way round. `|` cannot be in a name. */
export function pairKey(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

export class PolicySet {
  readonly policies: readonly DistributionPolicy[];
  /** What whoever looks at the policies has to be warned of, in a few lines. */
  readonly warnings: readonly string[];
  readonly #routers: ReadonlyMap<string, EnrolledRouter>;
  readonly #exact = new Map<string, PlacedPolicy[]>();
  /** By the one router that a wildcard policy names, or by `*` where it names none. */
  readonly #wildcard = new Map<string, PlacedPolicy[]>();

  constructor(routers: readonly EnrolledRouter[], policies: readonly DistributionPolicy[]) {
    this.policies = policies;
    this.warnings = firstPolicyWarnings(policies);
    this.#routers = new Map(routers.map((router) => [router.name, router]));
    policies.forEach((policy, line) => {
      const [first, second] = policy.between;
      const wildcard = first === WILDCARD || second === WILDCARD;
      const index = wildcard ? this.#wildcard : this.#exact;
      const key = wildcard ? (first === WILDCARD ? second : first) : pairKey(first, second);
      const known = index.get(key);
      if (known === undefined) index.set(key, [{ policy, line }]);
      else known.push({ policy, line });
    });
  }

  /** The enrolled router of that name. */
  router(name: string): EnrolledRouter | undefined {
    return this.#routers.get(name);
  }

  routers(): IterableIterator<EnrolledRouter> {
    return this.#routers.values();
  }

  /** The policies of the pair in their order; empty when either router is not enrolled, or both are one. */
  ofPair(a: string, b: string): PairPolicy[] {
    if (isEchoPair(a, b)) return this.#ofEchoPair(a, b);
    if (a === b || !this.#routers.has(a) || !this.#routers.has(b)) return [];
    const exact = this.#exact.get(pairKey(a, b)) ?? [];
    const wildcards = [a, b, WILDCARD]
      .flatMap((key) => this.#wildcard.get(key) ?? [])
      .sort((one, other) => one.line - other.line);
    const kinds = new Set<string>();
    const found: PairPolicy[] = [];
    for (const { policy } of [...exact, ...wildcards]) {
      if (kinds.has(policy.kind)) continue;
      kinds.add(policy.kind);
      found.push({ policy, precedence: found.length });
    }
    return found;
  }

  /**
   * What `policy` is for, between these two: its selectors seen from `viewer`, within the networks of both. Empty when
   * they have nothing in common.
   */
  selectors(policy: DistributionPolicy, viewer: string, peer: string): Selector[] {
    if (isEchoPair(viewer, peer)) return [echoSelector(viewer, peer)];
    const networks = this.#networkSelectors(viewer, peer);
    if (policy.selectors === undefined) return networks;
    return intersectSelectorLists(orientSelectors(policy, policy.selectors, viewer, peer), networks);
  }

  /** Any enrolled router may test itself. */
  #ofEchoPair(a: string, b: string): PairPolicy[] {
    const router = this.#routers.get(a) ?? this.#routers.get(b);
    return router === undefined ? [] : [{ policy: selfTestPolicy(router.proposals), precedence: 0 }];
  }

  #networkSelectors(viewer: string, peer: string): Selector[] {
    const found: Selector[] = [];
    for (const local of this.#routers.get(viewer)?.networks ?? []) {
      for (const remote of this.#routers.get(peer)?.networks ?? []) {
        if (local.address.family === remote.address.family) found.push(betweenNetworks(local, remote));
      }
    }
    return found;
  }

  /** What going from this set to `next` touches; a set that says the same touches nothing. */
  difference(next: PolicySet): PolicyDifference {
    const routers = new Set<string>();
    for (const name of new Set([...this.#routers.keys(), ...next.#routers.keys()])) {
      if (JSON.stringify(this.#routers.get(name)) !== JSON.stringify(next.#routers.get(name)))
        routers.add(name);
    }
    const pairs = changedKeys(this.#exact, next.#exact);
    const wildcards = changedKeys(this.#wildcard, next.#wildcard);
    const everyPair = wildcards.delete(WILDCARD);
    for (const name of wildcards) routers.add(name);
    return { everyPair, routers, pairs };
  }
}

function betweenNetworks(local: Prefix, remote: Prefix): Selector {
  return {
    local,
    remote,
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}

/** The policy's selectors seen from `viewer`: a policy for all pairs holds both ways round. */
function orientSelectors(
  policy: DistributionPolicy,
  selectors: readonly Selector[],
  viewer: string,
  peer: string,
): Selector[] {
  const [first, second] = policy.between;
  const asFirst = (first === viewer || first === WILDCARD) && (second === peer || second === WILDCARD);
  const asSecond = (first === peer || first === WILDCARD) && (second === viewer || second === WILDCARD);
  return [...(asFirst ? selectors : []), ...(asSecond ? selectors.map(mirrorSelector) : [])];
}

/** Keys of which the list of policies, or its order, is not the same. */
function changedKeys(
  before: ReadonlyMap<string, readonly PlacedPolicy[]>,
  after: ReadonlyMap<string, readonly PlacedPolicy[]>,
): Set<string> {
  const changed = new Set<string>();
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    if (describeAll(before.get(key)) !== describeAll(after.get(key))) changed.add(key);
  }
  return changed;
}

function describeAll(placed: readonly PlacedPolicy[] | undefined): string {
  return (placed ?? []).map(({ policy }) => describePolicy(policy)).join('\n');
}

/** All that a policy says but its revision, in one canonical line. */
export function describePolicy(policy: Omit<DistributionPolicy, 'revision'>): string {
  const { kind, between, selectors, protocol, mode, proposal, lifetimeSeconds, esn, replayWindow } = policy;
  const { lifetimeOctets, lifetimePackets, encapsulation, dscp, dontFragment } = policy;
  const { tfcPadding, dummiesPerSecond } = policy;
  return JSON.stringify([
    kind,
    between,
    selectors?.map(canonicalSelector) ?? null,
    protocol,
    mode,
    proposal,
    lifetimeSeconds,
    lifetimeOctets?.toString() ?? null,
    lifetimePackets?.toString() ?? null,
    esn,
    replayWindow,
    encapsulation,
    dscp,
    dontFragment,
    tfcPadding,
    dummiesPerSecond,
  ]);
}

function canonicalSelector(selector: Selector): unknown {
  const { local, remote, protocol, localPorts, remotePorts, icmpType, icmpCode } = selector;
  return [
    [...local.address.octets, local.length],
    [...remote.address.octets, remote.length],
    protocol,
    localPorts,
    remotePorts,
    icmpType,
    icmpCode,
  ];
}
