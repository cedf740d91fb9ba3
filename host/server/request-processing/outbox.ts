/** The actions of request processing while one event is handled, in the order in which the shell is to carry them out. */
import type { ServerMessage } from '../../messages/message.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import type { AuditKind, RequestAction, StoredRouter } from './events.ts';

/** Actions of the event under way. All that is stored goes into one action ahead of the sends. */
export class Outbox {
  readonly #put = new Map<string, StoredEntry>();
  readonly #remove = new Set<string>();
  readonly #routers = new Map<string, StoredRouter>();
  #actions: RequestAction[] = [];

  send(message: ServerMessage): void {
    this.#actions.push({ kind: 'send', router: message.source, message });
  }

  audit(what: AuditKind, about: { router: string; peer?: string; kind?: string }, detail: string): void {
    const { router, peer = '', kind = '' } = about;
    this.#actions.push({ kind: 'audit', what, router, peer, kindName: kind, detail });
  }

  put(entry: StoredEntry): void {
    this.#remove.delete(entry.key);
    this.#put.set(entry.key, entry);
  }

  remove(key: string): void {
    this.#put.delete(key);
    this.#remove.add(key);
  }

  putRouter(router: StoredRouter): void {
    this.#routers.set(router.name, router);
  }

  /** The actions since the last call. */
  drain(): RequestAction[] {
    const actions = this.#actions;
    this.#actions = [];
    if (this.#put.size === 0 && this.#remove.size === 0 && this.#routers.size === 0) return actions;
    const store: RequestAction = {
      kind: 'store',
      put: [...this.#put.values()],
      remove: [...this.#remove],
      routers: [...this.#routers.values()],
    };
    this.#put.clear();
    this.#remove.clear();
    this.#routers.clear();
    return [store, ...actions];
  }
}
