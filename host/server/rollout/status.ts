/** A roll-out for people and programs: how far it is, who failed and why, whom it waits for. */
import type { Members } from './members.ts';
import type { RolloutState, StoredRollout } from './stored.ts';

/** Names listed of each sort; the counts are whole. */
const listed = 100;

export interface RolloutStatus {
  readonly version: string;
  readonly url: string;
  readonly state: RolloutState;
  readonly reason: string;
  readonly startedAtUtcMs: number;
  readonly maxFailures: number;
  readonly stages: readonly {
    readonly percent: number;
    /** Routers that may be touched by its end. */
    readonly routers: number;
    readonly state: 'over' | 'open' | 'to come';
  }[];
  /** Until the open stage waits no longer for routers that are away; null when it does not. */
  readonly stageSecondsLeft: number | null;
  readonly routers: number;
  readonly done: number;
  readonly failed: number;
  readonly underWay: number;
  /** In stages that are open, and not told because they have no channel. */
  readonly away: number;
  readonly toCome: number;
  readonly left: number;
  readonly failures: readonly { readonly router: string; readonly reason: string }[];
  /** `progress`: `writing`, `trial`, or empty while nothing was heard. */
  readonly told: readonly { readonly router: string; readonly progress: string }[];
  readonly absent: readonly string[];
}

export function rolloutStatus(
  rollout: StoredRollout,
  members: Members,
  ends: readonly number[],
  isAway: (router: string) => boolean,
  stageMsLeft: number | undefined,
): RolloutStatus {
  const failures: { router: string; reason: string }[] = [];
  const told: { router: string; progress: string }[] = [];
  const absent: string[] = [];
  let away = 0;
  for (const member of members.all()) {
    const { router, reason, state, progress } = member;
    if (state === 'failed' && failures.length < listed) failures.push({ router, reason });
    if (state === 'told' && told.length < listed) told.push({ router, progress });
    if (state !== 'waiting' || !members.isOpen(member) || !isAway(router)) continue;
    away += 1;
    if (absent.length < listed) absent.push(router);
  }
  const { counts } = members;
  const { version, url, state, reason, startedAtUtcMs, maxFailures, stages, stage } = rollout;
  return {
    version,
    url,
    state,
    reason,
    startedAtUtcMs,
    maxFailures,
    stages: stages.map((percent, index) => ({
      percent,
      routers: ends[index] ?? 0,
      state: state === 'done' || index < stage ? 'over' : index === stage ? 'open' : 'to come',
    })),
    stageSecondsLeft: stageMsLeft === undefined ? null : Math.max(0, Math.round(stageMsLeft / 1000)),
    routers: members.size,
    done: counts.done,
    failed: counts.failed,
    underWay: counts.told,
    away,
    toCome: counts.waiting - away,
    left: counts.left,
    failures,
    told,
    absent,
  };
}
