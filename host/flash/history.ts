/**
 * What the records say together: which revision is in force, which one was before, which one is on trial. Records are taken in
 * the order of their numbers; one that is missing, because it is damaged in both copies, takes away what it said and nothing else. Pure.
 */
import type { Decision, FlashRecord, RevisionHead } from './record.ts';
import type { Wanted } from './record-log.ts';

export interface Revision {
  readonly head: RevisionHead;
  readonly sequence: number;
  /** Of the decision that confirmed it; absent where it needed none. */
  readonly decidedBy?: number;
}

export interface History {
  readonly current: Revision | undefined;
  readonly previous: Revision | undefined;
  /** On trial, and not decided. */
  readonly trial: Revision | undefined;
  /** The last one that went wrong; until another is confirmed. */
  readonly reverted: Decision | undefined;
  readonly lastNumber: number;
  /** Number of the record that voids all before it, a reset or a revision, while nothing follows. */
  readonly voidedBy: number | undefined;
  /** There is something that only other software reads. */
  readonly isShared: boolean;
  /** Numbers of the records that all this is made of. */
  readonly wanted: Wanted;
  /** What a person should know, as sentences. */
  readonly problems: readonly string[];
}

/** A record with its number. */
export type NumberedRecord = readonly [sequence: number, record: FlashRecord];

/**
 * @param records in ascending order
 * @param isReadable whether this version understands a revision's settings; one that it does not is kept for the version that does
 */
export function historyOf(
  records: readonly NumberedRecord[],
  isReadable: (head: RevisionHead) => boolean,
): History {
  const fold = new Fold();
  for (const [sequence, record] of records) fold.take(sequence, record);
  return fold.result(isReadable);
}

class Fold {
  #confirmed: Revision[] = [];
  #trial: Revision | undefined;
  #reverted: { readonly decision: Decision; readonly sequence: number } | undefined;
  #lastNumber = 0;
  #voidedBy: number | undefined;
  #missing: number[] = [];
  readonly #unknown = new Map<number, number>();

  take(sequence: number, record: FlashRecord): void {
    switch (record.kind) {
      case 'revision':
        this.#revision({ head: record.head, sequence });
        break;
      case 'decision':
        this.#decision(record.head, sequence);
        break;
      case 'reset':
        this.#void(sequence);
        this.#lastNumber = Math.max(this.#lastNumber, record.head.lastNumber);
        break;
      case 'unknown':
        this.#unknown.set(record.code, sequence);
        break;
    }
  }

  result(isReadable: (head: RevisionHead) => boolean): History {
    const readable = this.#confirmed.filter(({ head }) => isReadable(head));
    const current = readable.at(-1);
    const previous = readable.at(-2);
    const later = this.#confirmed.slice(current === undefined ? 0 : this.#confirmed.indexOf(current) + 1);
    const trial = this.#trial !== undefined && isReadable(this.#trial.head) ? this.#trial : undefined;
    const inForce =
      current === undefined ? 'none is in force' : `revision ${current.head.number} is in force`;
    return {
      current,
      previous,
      trial,
      reverted: this.#reverted?.decision,
      lastNumber: this.#lastNumber,
      voidedBy: this.#isFollowed() ? undefined : this.#voidedBy,
      isShared: later.length > 0 || this.#unknown.size > 0,
      wanted: {
        vital: placesOf(current),
        others: [
          ...placesOf(trial),
          ...later.flatMap(placesOf),
          ...(this.#voidedBy === undefined || this.#voidedBy === current?.sequence ? [] : [this.#voidedBy]),
          ...placesOf(previous),
          ...(this.#reverted === undefined ? [] : [this.#reverted.sequence]),
          ...this.#unknown.values(),
        ],
      },
      problems: [
        ...this.#missing.map(
          (number) => `revision ${number} was confirmed and cannot be read any more: ${inForce}`,
        ),
        ...later.map(
          ({ head }) =>
            `revision ${head.number} is in a form that only other software reads (${head.software}): ${inForce}`,
        ),
      ],
    };
  }

  /** Whether a record that this version does not know came after what voids those before it: software that knows it had its reasons. */
  #isFollowed(): boolean {
    const by = this.#voidedBy;
    return by !== undefined && [...this.#unknown.values()].some((sequence) => sequence > by);
  }

  #revision(revision: Revision): void {
    this.#lastNumber = Math.max(this.#lastNumber, revision.head.number);
    this.#voidedBy = undefined;
    if (revision.head.voidsBefore) this.#void(revision.sequence);
    if (revision.head.trial !== undefined) {
      this.#trial = revision;
      return;
    }
    this.#trial = undefined;
    this.#confirm(revision);
  }

  #void(by: number): void {
    this.#confirmed = [];
    this.#trial = undefined;
    this.#reverted = undefined;
    this.#missing = [];
    this.#voidedBy = by;
  }

  #decision(decision: Decision, sequence: number): void {
    this.#lastNumber = Math.max(this.#lastNumber, decision.number);
    const trial = this.#trial;
    if (trial?.head.number === decision.number) {
      this.#trial = undefined;
      if (decision.decision === 'confirmed') this.#confirm({ ...trial, decidedBy: sequence });
      else this.#reverted = { decision, sequence };
    } else if (decision.decision === 'confirmed') this.#missing.push(decision.number);
  }

  #confirm(revision: Revision): void {
    this.#confirmed.push(revision);
    this.#reverted = undefined;
    this.#missing = [];
  }
}

function placesOf(revision: Revision | undefined): number[] {
  if (revision === undefined) return [];
  return [revision.sequence, ...(revision.decidedBy === undefined ? [] : [revision.decidedBy])];
}
