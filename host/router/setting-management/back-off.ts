/**
 * What is refused for a while after a failure, so that a host that keeps trying does not make this router ask the server
 * again and again. Blocks are per SPD entry and selectors, end by themselves, and last longer with each further failure.
 */
import type { Instant } from '../../model/instant.ts';
import {
  type PacketSelector,
  type Selector,
  selectorContains,
  selectorMatches,
} from '../../model/selector.ts';
import type { SettingFailure } from './events.ts';
import type { SettingTimers } from './timers.ts';

export interface Block {
  readonly selectors: readonly Selector[];
  readonly failure: SettingFailure;
  readonly until: Instant;
}

/** Blocks of one entry that are kept; past it the one that ends first gives way. */
const maxBlocks = 16;

export class BackOff {
  readonly #timers: SettingTimers;
  readonly #blocks = new Map<string, Block[]>();
  /** Failures of an entry in a row. */
  readonly #failures = new Map<string, number>();

  constructor(timers: SettingTimers) {
    this.#timers = timers;
  }

  /** Blocks `selectors` of `entry` from now on. */
  add(entry: string, selectors: readonly Selector[], failure: SettingFailure, now: Instant): void {
    const failures = this.#failures.get(entry) ?? 0;
    this.#failures.set(entry, failures + 1);
    const lastsMs = Math.min(this.#timers.backOffMs * 2 ** Math.min(failures, 16), this.#timers.backOffMaxMs);
    const kept = this.of(entry).filter((block) => !covers(selectors, block.selectors));
    kept.sort((a, b) => b.until - a.until);
    this.#blocks.set(entry, [{ selectors, failure, until: now + lastsMs }, ...kept.slice(0, maxBlocks - 1)]);
  }

  of(entry: string): readonly Block[] {
    return this.#blocks.get(entry) ?? [];
  }

  entries(): string[] {
    return [...this.#blocks.keys()];
  }

  holds(entry: string, packet: PacketSelector): boolean {
    return this.of(entry).some(({ selectors }) =>
      selectors.some((selector) => selectorMatches(selector, packet)),
    );
  }

  /** When the first block of `entry` ends. */
  nextEnd(entry: string): Instant | undefined {
    const ends = this.of(entry).map(({ until }) => until);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Keeps the blocks that `isKept` says; true when one is gone. */
  keep(entry: string, isKept: (block: Block) => boolean): boolean {
    const before = this.of(entry);
    const kept = before.filter(isKept);
    if (kept.length === 0) this.#blocks.delete(entry);
    else this.#blocks.set(entry, kept);
    return kept.length < before.length;
  }

  /** The entry got what it asked for: its blocks inside `selectors` end; true when one did. */
  unblock(entry: string, selectors: readonly Selector[]): boolean {
    return this.keep(entry, (block) => !covers(selectors, block.selectors));
  }

  /** What the entry got works: its next failure counts as the first. */
  forgive(entry: string): void {
    this.#failures.delete(entry);
  }

  /** The entry is gone, or is another one now. */
  forget(entry: string): void {
    this.#failures.delete(entry);
    this.#blocks.delete(entry);
  }

  /** What the engine is to refuse for `entry`. */
  selectors(entry: string): Selector[] {
    return this.of(entry).flatMap((block) => block.selectors);
  }
}

function covers(outer: readonly Selector[], inner: readonly Selector[]): boolean {
  return inner.every((one) => outer.some((other) => selectorContains(other, one)));
}
