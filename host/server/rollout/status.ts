/** A roll-out for people and programs: how far it is, who failed and why, whom it waits for. */
import type { RolloutStatus } from '../../model/status.ts';
import type { Members } from './members.ts';
import type { StoredRollout } from './stored.ts';

/** Names listed of each sort; the counts are whole. */
const listed = 100;

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
