/** When a stage is through, and what comes after it. */
import type { Members } from './members.ts';
import type { StoredRollout } from './stored.ts';

export type StageDecision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'next' }
  /** The last stage is through but for routers that are away: they are told when they come. */
  | { readonly kind: 'linger' }
  | { readonly kind: 'done' }
  | { readonly kind: 'stop'; readonly reason: string };

/** @param isTimeOver the stage has waited long enough for routers that are away */
export function stageDecision(rollout: StoredRollout, members: Members, isTimeOver: boolean): StageDecision {
  const { counts, ofStage, stageSize, waitingOpen } = members;
  const isLast = rollout.stage === rollout.stages.length - 1;
  if (counts.told > 0) return { kind: 'wait' };
  if (ofStage.waiting > 0 && !isTimeOver) return { kind: 'wait' };
  // Whoever confirms nothing has proved nothing: a person decides, once for each stage.
  if (stageSize > ofStage.left && ofStage.done === 0 && !rollout.isExcused) {
    const detail = `${ofStage.failed} failed, ${ofStage.waiting} away`;
    const percent = rollout.stages[rollout.stage];
    const reason = `none of the ${stageSize} routers that the stage of ${percent} % added has confirmed: ${detail}`;
    return { kind: 'stop', reason };
  }
  if (!isLast) return { kind: 'next' };
  return waitingOpen === 0 ? { kind: 'done' } : { kind: 'linger' };
}
