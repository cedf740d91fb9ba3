/**
 * The last things that a person would want to know of a process, oldest first: what the control socket shows as
 * `/events` and the lab draws as a time sequence. Bounded, and it never holds key material.
 */
import type { Instant } from './instant.ts';

export interface LoggedEvent {
  /** On the boot-time clock: comparable between processes of one machine. */
  readonly atMs: Instant;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
  readonly where: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly what: string;
  readonly detail: string;
}

export class EventLog {
  readonly #where: string;
  readonly #capacity: number;
  readonly #events: LoggedEvent[] = [];

  /** `where` is the name of the router or server that writes it. */
  constructor(where: string, capacity = 2000) {
    this.#where = where;
    this.#capacity = capacity;
  }

  /** Adds an event; the oldest are forgotten. */
  add(level: LoggedEvent['level'], what: string, detail: string, atMs: Instant): void {
    this.#events.push({ atMs, timeMs: Date.now(), where: this.#where, level, what, detail });
    // Trimmed in blocks, so that a full log does not shift at every event.
    if (this.#events.length > this.#capacity + 256) this.#events.splice(0, 256);
  }

  /** A copy of what is there. */
  rows(): LoggedEvent[] {
    return this.#events.slice(-this.#capacity);
  }
}
