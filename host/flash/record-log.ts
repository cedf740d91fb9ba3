/**
 * The log of the config flash: records that are only ever added, in two copies. A record counts when either copy holds it
 * whole; so a power cut while one is being written leaves it away or adds it, and nothing else.
 *
 * A copy that is full is started anew with what is still wanted. The rule that makes this safe, checked before every write:
 * *no sector is overwritten that holds the only good place of what is in force.* The other copy is written first where that is
 * not so yet; where it cannot be written either, nothing is. Pure: the device is injected, and nothing here knows what a record says.
 */
import { fail, ok, type Result } from '../model/result.ts';
import type { BlockDevice } from './block-device.ts';
import { mostFrames, sectorsOf } from './frame.ts';
import { type Extent, LogCopy } from './log-copy.ts';

/** Fewer sectors than this cannot hold two copies of anything worth the name. */
const fewestSectors = 8;

export type LogFailure =
  /** Together with what is wanted it needs more sectors than a copy has; nothing was written. */
  | 'FULL'
  /** Neither copy could be written; what is there is as before. */
  | 'DEVICE';

/** Numbers of records that are to be kept. */
export interface Wanted {
  /** Without these nothing is in force: their only good places are never overwritten. */
  readonly vital: readonly number[];
  /** The most important first. */
  readonly others: readonly number[];
}

/** What `status` says of a copy. */
export interface CopyStatus {
  readonly sectors: number;
  readonly usedSectors: number;
  /** How often it was started anew: no sector has been written much more often, short of power cuts. */
  readonly generation: number;
  readonly damagedSectors: number;
  /** It alone could start the router with what is wanted. */
  readonly isComplete: boolean;
  /** Why the device last refused to write; empty when it did not. */
  readonly refusal: string;
}

export class RecordLog {
  readonly #device: BlockDevice;
  readonly #copies: readonly [LogCopy, LogCopy];

  /** Reads the device. What is found may be nothing; see `contents`. */
  constructor(device: BlockDevice) {
    this.#device = device;
    this.#copies = [new LogCopy(device, 0), new LogCopy(device, 1)];
    for (const copy of this.#copies) copy.scan();
  }

  /** What is on the device: records, nothing, records of a later version of the format, or something else. */
  get contents(): 'records' | 'blank' | 'later-format' | 'other' {
    const [first, second] = this.#copies;
    if (first.laterFormatSectors + second.laterFormatSectors > 0) return 'later-format';
    if (this.#copies.some((copy) => copy.lastSequence > 0)) return 'records';
    if (first.sectors < fewestSectors / 2) return 'other';
    const used = this.#copies.reduce((sum, copy) => sum + copy.sectors - copy.blankSectors, 0);
    // One torn sector is what a power cut leaves of the very first write.
    return used === 0 || (used === 1 && first.tornSectors === 1) ? 'blank' : 'other';
  }

  /** Numbers of all records that can be read, in ascending order. */
  get sequences(): number[] {
    const found = new Set(this.#copies.flatMap(({ places }) => places.map(({ sequence }) => sequence)));
    return [...found].sort((a, b) => a - b);
  }

  /** The last record was begun, and no copy holds it whole: power was lost, or both copies are damaged. */
  get isLastLost(): boolean {
    return this.#lastSequence > (this.sequences.at(-1) ?? 0);
  }

  /** The record's octets, as a copy that the caller wipes where they are secret. */
  read(sequence: number): Uint8Array | undefined {
    for (const copy of this.#copies) {
      for (const place of copy.places) {
        const record = place.sequence === sequence ? copy.read(place) : undefined;
        if (record !== undefined) return record;
      }
    }
    return undefined;
  }

  /** How the copies are, where the records of `wanted` matter. */
  status(wanted: Wanted): readonly CopyStatus[] {
    return this.#copies.map((copy) => ({
      sectors: copy.sectors,
      usedSectors: copy.position,
      generation: copy.generation,
      damagedSectors: copy.damagedSectors,
      isComplete: allOf(wanted).every((sequence) => copy.holds(sequence)),
      refusal: copy.refusal,
    }));
  }

  /**
   * Adds a record to both copies, and flushes each before the other is touched.
   *
   * @param wanted records that are still wanted when the new one is there
   * @param spareSectors that are to be left for what may have to follow
   * @returns the record's number as soon as at least one copy holds it
   */
  append(record: Uint8Array, wanted: Wanted, spareSectors = 0): Result<number, LogFailure> {
    const sequence = this.#lastSequence + 1;
    const needed = this.#sectorsOf(record) + spareSectors + this.#wantedSectors(wanted);
    const [{ sectors }] = this.#copies;
    if (needed > sectors || this.#sectorsOf(record) > mostFrames) {
      return fail(
        'FULL',
        `a copy has ${sectors} sectors of ${this.#device.sectorOctets} octets, and ${needed} are needed`,
      );
    }
    this.#writeCopies(wanted, [sequence, record]);
    const written = this.#copies.filter((copy) => copy.holds(sequence));
    if (written.length > 0) return ok(sequence);
    return fail('DEVICE', this.#refusals());
  }

  /** Brings both copies to hold everything of `wanted`. Returns the numbers of the copies that did not. */
  repair(wanted: Wanted): number[] {
    const lacking = this.#copies.filter((copy) => allOf(wanted).some((one) => !copy.holds(one)));
    if (lacking.length > 0) this.#writeCopies(wanted);
    return lacking.map((copy) => copy.index);
  }

  /**
   * Overwrites everything with zeros but the record `last`, which both copies hold and which says that nothing before it
   * counts. Interrupted, it is called again.
   */
  eraseAllBut(last: number): Result<null, 'DEVICE'> {
    for (const copy of this.#copies) {
      const record = this.read(last);
      if (record === undefined) return fail('DEVICE', 'what was written cannot be read back');
      const extent = { first: 0, sectors: this.#sectorsOf(record) };
      const isInPlace = copy.places.some(
        ({ sequence, first, generation }) =>
          sequence === last && first === 0 && generation === copy.generation,
      );
      const isElsewhere = this.#copies.some((other) => other !== copy && other.keepsDespite(last, nowhere));
      if (!isInPlace && isElsewhere) copy.write([[last, record]], extent);
      if (copy.holds(last) && copy.blankSectors < copy.sectors - extent.sectors) copy.blankOutside(extent);
    }
    const isDone = this.#copies.every(
      (copy) => copy.refusal === '' && copy.position === copy.sectors - copy.blankSectors,
    );
    return isDone ? ok(null) : fail('DEVICE', this.#refusals());
  }

  get #lastSequence(): number {
    return Math.max(...this.#copies.map(({ lastSequence }) => lastSequence));
  }

  #refusals(): string {
    const said = this.#copies.map(({ refusal }) => refusal).filter((refusal) => refusal !== '');
    return said[0] ?? 'what was written cannot be read back';
  }

  #sectorsOf({ length }: Uint8Array): number {
    return sectorsOf(length, this.#device.sectorOctets);
  }

  #wantedSectors(wanted: Wanted): number {
    const places = this.#copies.flatMap((copy) => copy.places);
    return allOf(wanted).reduce(
      (sum, one) => sum + (places.find(({ sequence }) => sequence === one)?.sectors ?? 0),
      0,
    );
  }

  /** Writes what each copy lacks, and the new record, the copy first whose overwritten sectors matter least. */
  #writeCopies(wanted: Wanted, added?: readonly [number, Uint8Array]): void {
    const done = new Set<LogCopy>();
    while (done.size < this.#copies.length) {
      const plans = this.#copies
        .filter((copy) => !done.has(copy))
        .map((copy) => this.#plan(copy, wanted, added));
      const next = plans.reduce((best, plan) => (plan.firstAtRisk > best.firstAtRisk ? plan : best));
      done.add(next.copy);
      if (next.firstAtRisk < wanted.vital.length)
        next.copy.refusal = 'not written: it has the only good place of what is in force';
      else if (next.records.length > 0 && next.extent !== undefined)
        next.copy.write(next.records, next.extent);
      for (const plan of plans) {
        for (const [sequence, record] of plan.records) if (sequence !== added?.[0]) record.fill(0);
      }
    }
  }

  /** What is to be written to a copy and where; `firstAtRisk` is the rank of what would be lost if power were, Infinity for nothing. */
  #plan(copy: LogCopy, { vital, others }: Wanted, added?: readonly [number, Uint8Array]): CopyPlan {
    const wanted = [...vital, ...others];
    const load = (sequences: readonly number[]): (readonly [number, Uint8Array])[] =>
      [...sequences]
        .sort((a, b) => a - b)
        .flatMap((sequence) => {
          const record = this.read(sequence);
          return record === undefined ? [] : [[sequence, record] as const];
        });
    let records = [
      ...load(wanted.filter((one) => !copy.holds(one))),
      ...(added === undefined ? [] : [added]),
    ];
    let extent = copy.extentFor(records.map(([, record]) => record));
    if (extent === undefined || extent.first === 0) {
      // Started anew: with everything that is wanted.
      for (const [sequence, record] of records) if (sequence !== added?.[0]) record.fill(0);
      records = [...load(wanted), ...(added === undefined ? [] : [added])];
      extent = copy.extentFor(records.map(([, record]) => record));
      if (extent !== undefined) extent = { ...extent, first: 0 };
    }
    const written = records.length === 0 ? undefined : extent;
    const atRisk = wanted.findIndex(
      (sequence) =>
        written !== undefined &&
        !this.#copies.some((one) =>
          one === copy ? one.keepsDespite(sequence, written) : one.keepsDespite(sequence, nowhere),
        ),
    );
    return { copy, records, extent, firstAtRisk: atRisk < 0 ? Number.POSITIVE_INFINITY : atRisk };
  }
}

interface CopyPlan {
  readonly copy: LogCopy;
  readonly records: readonly (readonly [number, Uint8Array])[];
  readonly extent: Extent | undefined;
  readonly firstAtRisk: number;
}

function allOf({ vital, others }: Wanted): readonly number[] {
  return [...vital, ...others];
}

const nowhere: Extent = { first: 0, sectors: 0 };
