/**
 * What is to be stored before messages may leave. When the disk refuses (full, read-only), the changes are kept and tried
 * again with the next ones, and the messages that depend on them count as lost: the protocol repeats them.
 */
import type { StoredEntry } from './management-table/entry.ts';
import type { RequestAction, StoredRouter } from './request-processing/events.ts';
import type { RolloutChange } from './rollout/stored.ts';

export type StoreAction = Extract<RequestAction, { kind: 'store' }>;

export class CommitQueue {
  readonly #commit: (action: StoreAction) => void;
  readonly #put = new Map<string, StoredEntry>();
  readonly #remove = new Set<string>();
  readonly #routers = new Map<string, StoredRouter>();
  #rollout: RolloutChange | undefined;

  /** `commit` makes the changes durable as one, or throws and changes nothing. */
  constructor(commit: (action: StoreAction) => void) {
    this.#commit = commit;
  }

  /** True while something waits for the disk. */
  get isBehind(): boolean {
    return this.#put.size + this.#remove.size + this.#routers.size > 0 || this.#rollout !== undefined;
  }

  /** Makes the action and everything before it durable. Throws what the store threw; the changes then wait. */
  add(action: StoreAction): void {
    if (!this.isBehind) {
      try {
        this.#commit(action);
        return;
      } catch (error) {
        this.#keep(action);
        throw error;
      }
    }
    this.#keep(action);
    this.retry();
  }

  /** Makes what waits durable, if anything does. Throws what the store threw; it then waits on. */
  retry(): void {
    if (!this.isBehind) return;
    this.#commit({
      kind: 'store',
      put: [...this.#put.values()],
      remove: [...this.#remove],
      routers: [...this.#routers.values()],
      ...(this.#rollout === undefined ? {} : { rollout: this.#rollout }),
    });
    this.#rollout = undefined;
    this.#put.clear();
    this.#remove.clear();
    this.#routers.clear();
  }

  #keep(action: StoreAction): void {
    for (const key of action.remove) {
      this.#put.delete(key);
      this.#remove.add(key);
    }
    for (const entry of action.put) {
      this.#remove.delete(entry.key);
      this.#put.set(entry.key, entry);
    }
    for (const router of action.routers) this.#routers.set(router.name, router);
    if (action.rollout !== undefined) this.#rollout = joinedChanges(this.#rollout, action.rollout);
  }
}

/** The later one counts; of a roll-out that is new, nothing of the one before is left. */
function joinedChanges(before: RolloutChange | undefined, next: RolloutChange): RolloutChange {
  if (before === undefined || next.isNew) return next;
  const members = new Map(before.members.map((member) => [member.router, member]));
  for (const member of next.members) members.set(member.router, member);
  return { rollout: next.rollout, members: [...members.values()], isNew: before.isNew };
}
