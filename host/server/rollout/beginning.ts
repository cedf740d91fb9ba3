/** A roll-out as it is when it starts. */
import type { RolloutPlan } from './plan.ts';
import type { StoredMember, StoredRollout } from './stored.ts';

/** Nobody is told yet; its first stage is open. */
export function newRollout(plan: RolloutPlan, id: string, startedAtUtcMs: number): StoredRollout {
  const { version, url, stages, maxFailures, stageSeconds } = plan;
  return {
    id,
    version,
    url,
    stages,
    maxFailures,
    stageSeconds,
    state: 'running',
    reason: '',
    stage: 0,
    isExcused: false,
    stageEndsAtUtcMs: 0,
    startedAtUtcMs,
  };
}

/** @param order the routers in the order in which they come */
export function newMembers(order: readonly string[]): StoredMember[] {
  return order.map((router, place) => ({
    router,
    place,
    state: 'waiting',
    reason: '',
    toldAtUtcMs: 0,
    before: 0,
  }));
}
