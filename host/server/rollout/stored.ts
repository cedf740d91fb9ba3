/** A roll-out as the store keeps it: one row for the whole, one for each router. Instants are UTC, since they outlive the machine's clock. */
import type { RolloutPlan } from './plan.ts';

/**
 * `stopped`: too many failed, or a stage confirmed nobody; a person may resume it. `aborted` and `done` are final. Whatever the
 * state, routers that were told go on and their reports count.
 */
export const rolloutStates = ['running', 'paused', 'stopped', 'aborted', 'done'] as const;
export type RolloutState = (typeof rolloutStates)[number];

export interface StoredRollout extends Omit<RolloutPlan, 'routers'> {
  /** 64 random bits. */
  readonly id: string;
  readonly state: RolloutState;
  /** Why it is stopped. */
  readonly reason: string;
  /** Index of the stage that is open. */
  readonly stage: number;
  /** A person resumed it after a stop: this stage need not have confirmed anything. */
  readonly isExcused: boolean;
  readonly stageEndsAtUtcMs: number;
  readonly startedAtUtcMs: number;
}

/**
 * `waiting`: not told yet. `told`: has to confirm or to fail. `left`: not concerned, because it has no slots or is enrolled no
 * more.
 */
export const memberStates = ['waiting', 'told', 'done', 'failed', 'left'] as const;
export type MemberState = (typeof memberStates)[number];

export interface StoredMember {
  readonly router: string;
  /** In the order of the roll-out. */
  readonly place: number;
  readonly state: MemberState;
  /** Why it failed or left; empty otherwise. */
  readonly reason: string;
  /** When it was told; 0 before. */
  readonly toldAtUtcMs: number;
  /** Instant of what the router's last version-up had come to when it was told: a failure of then is none of now. */
  readonly before: number;
}

/** What becomes durable as one. */
export interface RolloutChange {
  readonly rollout: StoredRollout;
  readonly members: readonly StoredMember[];
  /** A new roll-out: the rows of the one before go. */
  readonly isNew: boolean;
}

export interface StoredRolloutState {
  readonly rollout: StoredRollout;
  readonly members: readonly StoredMember[];
}
