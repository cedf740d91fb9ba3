/**
 * `sekisho policy explain`: which distribution policy two routers would get, and for each other policy of the file why it
 * is not that one. It asks the same set in the same order as request processing, so that it cannot say something else.
 */
import type { DistributionPolicy } from '../../model/policy.ts';
import { describeProposal } from '../../model/proposal.ts';
import { formatSelector, type PacketSelector, selectorMatches } from '../../model/selector.ts';
import type { PairPolicy, PolicySet } from './policy-set.ts';

export interface PolicyExplanation {
  readonly a: string;
  readonly b: string;
  /** The packet that was asked about, seen from `a`; undefined when the question was about the pair. */
  readonly packet: PacketSelector | undefined;
  /** The kind that applies; undefined when none does, or when the question was about the pair. */
  readonly applies: string | undefined;
  /** Why nothing can apply, whatever the policies say. */
  readonly obstacle: string | undefined;
  /** Every policy of the file that is for this pair, or could be thought to be, in the order of the look-up. */
  readonly policies: readonly ExplainedPolicy[];
}

export interface ExplainedPolicy {
  readonly kind: string;
  readonly between: readonly [string, string];
  /** `candidate`: for this pair, and no packet was named. */
  readonly verdict: 'applies' | 'candidate' | 'no-match' | 'shadowed' | 'later' | 'other-pair';
  readonly why: string;
  readonly proposal: string;
  /** What it selects between these two, seen from `a`. */
  readonly selectors: readonly string[];
}

/** Explains what `a` and `b` would get, for `packet` as `a` sends it or for the pair as a whole. */
export function explainPolicy(
  set: PolicySet,
  a: string,
  b: string,
  packet?: PacketSelector,
): PolicyExplanation {
  const ordered = set.ofPair(a, b);
  const winner =
    packet === undefined ? undefined : ordered.find(({ policy }) => holds(set, policy, a, b, packet));
  const inOrder = ordered.map((placed) => explainPlaced(set, a, b, placed, packet, winner));
  const rest = set.policies
    .filter((policy) => !ordered.some((placed) => placed.policy === policy))
    .map((policy) => explainOther(set, a, b, policy, ordered));
  return {
    a,
    b,
    packet,
    applies: winner?.policy.kind,
    obstacle: obstacleOf(set, a, b),
    policies: [...inOrder, ...rest],
  };
}

function obstacleOf(set: PolicySet, a: string, b: string): string | undefined {
  for (const name of [a, b]) {
    if (set.router(name) === undefined) return `router ${name} is not in the file`;
  }
  if (a === b) return 'a router gets no setting with itself';
  return set.ofPair(a, b).length === 0 ? `no policy is for ${a} and ${b}` : undefined;
}

function holds(
  set: PolicySet,
  policy: DistributionPolicy,
  a: string,
  b: string,
  packet: PacketSelector,
): boolean {
  return set.selectors(policy, a, b).some((selector) => selectorMatches(selector, packet));
}

function explainPlaced(
  set: PolicySet,
  a: string,
  b: string,
  { policy, precedence }: PairPolicy,
  packet: PacketSelector | undefined,
  winner: PairPolicy | undefined,
): ExplainedPolicy {
  const selectors = set.selectors(policy, a, b).map(formatSelector);
  const { kind, between, proposal } = policy;
  const place = `${between.includes('*') ? 'wildcard' : 'exact pair'}, number ${precedence + 1} in order`;
  if (selectors.length === 0) {
    const why = `${place}; it selects nothing between the networks of ${a} and ${b}`;
    return { kind, between, proposal, verdict: 'no-match', why, selectors };
  }
  if (packet === undefined) return { kind, between, proposal, verdict: 'candidate', why: place, selectors };
  if (winner?.policy === policy) {
    return {
      kind,
      between,
      proposal,
      verdict: 'applies',
      why: `${place}; the first that holds the packet`,
      selectors,
    };
  }
  if (winner !== undefined && precedence > winner.precedence) {
    return {
      kind,
      between,
      proposal,
      verdict: 'later',
      why: `${place}, after ${winner.policy.kind}`,
      selectors,
    };
  }
  return {
    kind,
    between,
    proposal,
    verdict: 'no-match',
    why: `${place}; the packet is in none of its selectors`,
    selectors,
  };
}

function explainOther(
  set: PolicySet,
  a: string,
  b: string,
  policy: DistributionPolicy,
  ordered: readonly PairPolicy[],
): ExplainedPolicy {
  const { kind, between, proposal } = policy;
  const isForPair =
    set.router(a) !== undefined &&
    set.router(b) !== undefined &&
    a !== b &&
    (names(between, a, b) || names(between, b, a));
  if (!isForPair) {
    return {
      kind,
      between,
      proposal,
      verdict: 'other-pair',
      why: `for ${between[0]} and ${between[1]}`,
      selectors: [],
    };
  }
  const earlier = ordered.find((placed) => placed.policy.kind === kind);
  return {
    kind,
    between,
    proposal,
    verdict: 'shadowed',
    why: `the pair has ${kind} already, from ${earlier?.policy.between.join(' and ') ?? 'an earlier policy'}`,
    selectors: [],
  };
}

function names(between: readonly [string, string], first: string, second: string): boolean {
  return (between[0] === first || between[0] === '*') && (between[1] === second || between[1] === '*');
}

/** The explanation for people, one policy a line. */
export function formatExplanation(explanation: PolicyExplanation): string {
  const { a, b, packet, applies, obstacle, policies } = explanation;
  const head =
    obstacle ??
    (packet === undefined
      ? `policies of ${a} and ${b}, in the order in which a packet is looked up:`
      : applies === undefined
        ? `no policy of ${a} and ${b} holds this packet: no corresponding entry`
        : `${applies} applies`);
  const lines = policies
    .filter(({ verdict }) => verdict !== 'other-pair')
    .flatMap(({ kind, proposal, verdict, why, selectors }) => [
      `  ${kind}: ${verdict} (${why}), ${describeProposal(proposal)}`,
      ...selectors.map((selector) => `      ${selector}`),
    ]);
  const others = policies.filter(({ verdict }) => verdict === 'other-pair').length;
  return [head, ...lines, ...(others > 0 ? [`  ${others} more, for other routers`] : [])].join('\n');
}
