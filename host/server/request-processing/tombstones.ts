/**
 * Ids of requests that are over, remembered for a while so that nothing late revives them, with the answer that ended
 * each: it is sent a few times unasked, since nothing acknowledges it, and again whenever the request is repeated.
 */
import type { MessageId, ServerMessage } from '../../messages/message.ts';
import type { DeadlineHeap } from '../../model/deadline-heap.ts';
import type { Instant } from '../../model/instant.ts';
import type { Outbox } from './outbox.ts';
import { type ProcessingSettings, repeatAfterMs } from './settings.ts';
import type { Timer } from './timer.ts';

/** How a request ended. */
export interface Tombstone {
  readonly id: MessageId;
  readonly router: string;
  readonly answer: ServerMessage | undefined;
  readonly until: Instant;
}

export class Tombstones {
  /** In order of `until`, since all last equally long. */
  readonly #byId = new Map<MessageId, Tombstone>();
  readonly #settings: ProcessingSettings;
  readonly #deadlines: DeadlineHeap<Timer>;
  readonly #out: Outbox;
  readonly #expiry: Timer;

  constructor(settings: ProcessingSettings, deadlines: DeadlineHeap<Timer>, out: Outbox) {
    this.#settings = settings;
    this.#deadlines = deadlines;
    this.#out = out;
    this.#expiry = { run: (now) => this.#expire(now) };
  }

  find(id: MessageId): Tombstone | undefined {
    return this.#byId.get(id);
  }

  /** Remembers that the request is over; an `answer` is sent now and a few more times. */
  bury(id: MessageId, router: string, answer: ServerMessage | undefined, now: Instant): void {
    this.#byId.delete(id);
    this.#byId.set(id, { id, router, answer, until: now + this.#settings.tombstoneMs });
    if (!this.#deadlines.has(this.#expiry))
      this.#deadlines.set(this.#expiry, now + this.#settings.tombstoneMs);
    if (answer === undefined) return;
    let tries = 1;
    this.#out.send(answer);
    const repeat: Timer = {
      run: (at) => {
        tries += 1;
        this.#out.send(answer);
        if (tries < this.#settings.noticeTries) {
          this.#deadlines.set(repeat, at + repeatAfterMs(this.#settings, tries));
        }
      },
    };
    if (this.#settings.noticeTries > 1)
      this.#deadlines.set(repeat, now + repeatAfterMs(this.#settings, tries));
  }

  #expire(now: Instant): void {
    for (const tombstone of this.#byId.values()) {
      if (tombstone.until > now) {
        this.#deadlines.set(this.#expiry, tombstone.until);
        return;
      }
      this.#byId.delete(tombstone.id);
    }
  }
}
