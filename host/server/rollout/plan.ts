/**
 * What an operator asks of a roll-out, and what follows from it before anything happens: which router comes when, and how many
 * each stage may touch. The order is that of a hash of version and name: nobody chose it, it is the same after every restart,
 * and another version begins with other routers.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { HostError } from '../../model/host-error.ts';
import { releaseUrlPattern, releaseVersionPattern, type VersionUpStanding } from '../../model/version-up.ts';

export interface RolloutPlan {
  readonly version: string;
  /** Where the release is; empty is where each router's settings say. */
  readonly url: string;
  /** Percent of the routers that may be touched by the end of each stage; rising. */
  readonly stages: readonly number[];
  /** So many routers that failed stop it. */
  readonly maxFailures: number;
  /** How long a stage waits for routers that are away, and a router that was told has to confirm. */
  readonly stageSeconds: number;
  /** These alone; undefined is every enrolled router. */
  readonly routers: readonly string[] | undefined;
}

const planSchema = z.strictObject({
  version: z.string().regex(releaseVersionPattern, 'expected a version as in 1.4.0'),
  url: z
    .union([z.literal(''), z.string().regex(releaseUrlPattern, 'expected a URL without blanks')])
    .default(''),
  stages: z
    .array(z.number().gt(0, 'expected more than 0 %').lte(100, 'expected at most 100 %'))
    .min(1)
    .max(16, 'expected at most 16 stages')
    .refine(
      (stages) => stages.every((percent, index) => index === 0 || percent > (stages[index - 1] ?? 0)),
      'expected rising percentages as in 1%,10%,100%',
    ),
  maxFailures: z.int().min(1, 'expected 1 or more').max(1_000_000),
  stageSeconds: z
    .int()
    .min(10, 'expected 10 s or more')
    .max(30 * 86_400, 'expected 30 days at most')
    .default(3600),
  routers: z.array(z.string()).min(1).optional(),
});

/** The plan in what came over the control socket. Throws HostError USAGE. */
export function parsePlan(body: unknown): RolloutPlan {
  const parsed = planSchema.safeParse(body);
  if (parsed.success) return { ...parsed.data, routers: parsed.data.routers };
  const [issue] = parsed.error.issues;
  throw new HostError('USAGE', `rollout: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** The routers in the order in which they come. */
export function rolloutOrder(version: string, routers: readonly string[]): string[] {
  const keyed = routers.map((name) => ({ name, key: hashOf(`${version}\n${name}`) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.map(({ name }) => name);
}

/** How many of `count` routers may be touched by the end of each stage: the share, rounded up, so that a stage is never nobody. */
export function stageEnds(stages: readonly number[], count: number): number[] {
  // Percent have at most a few decimals: counted in thousandths, so that 7 % of 100 is 7.
  return stages.map((percent) => Math.min(count, Math.ceil((Math.round(percent * 1000) * count) / 100_000)));
}

/** The id of a router's order: the same however often it is sent, also after a restart of the server. */
export function orderId(rolloutId: string, router: string): string {
  return hashOf(`${rolloutId}\n${router}`).slice(0, 16);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What is known of a router when a roll-out starts. */
export interface KnownRouter {
  readonly name: string;
  /** Empty before its first hello. */
  readonly software: string;
  /** As it last reported it, on whatever channel; null when it never did. */
  readonly standing: VersionUpStanding | null;
}

/** The routers that the plan is for. Throws HostError USAGE when one is not enrolled, or there is none. */
export function chooseRouters(plan: RolloutPlan, known: readonly KnownRouter[]): Map<string, KnownRouter> {
  const byName = new Map(known.map((router) => [router.name, router]));
  if (plan.routers === undefined) {
    if (byName.size === 0) throw new HostError('USAGE', 'no router is enrolled');
    return byName;
  }
  const chosen = new Map<string, KnownRouter>();
  for (const name of plan.routers) {
    const router = byName.get(name);
    if (router === undefined) throw new HostError('USAGE', `router ${name} is not enrolled`);
    chosen.set(name, router);
  }
  return chosen;
}
