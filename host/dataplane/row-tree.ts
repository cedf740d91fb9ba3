/**
 * Plants the tree of SPD rows that the firmware looks packets up in (firmware/abi/bank.ts): decides which rows stand together
 * below a cover. What a cover selects is computed by the firmware, so this file can make a lookup slow, never wrong.
 *
 * A group of rows is split until few are left (row-split.ts). A part gets a cover if it has at most half of the rows of the
 * cover around it, else its parts stand there in its place: so no cover is more than a binary logarithm deep, and there are
 * no more covers than SPD_ROWS_PER_COVER allows. Proof: a cover without covers below it has COVER_ROWS_MIN rows of its own,
 * below no other cover; so has one with a single cover below it, which holds at most half of its rows; covers with several
 * below them are fewer than covers with none. With n rows there are under 2 n / COVER_ROWS_MIN.
 */
import { SPD_ROWS_PER_COVER } from '../../firmware/abi/bank.ts';
import { ROW_BELOW, ROW_ORDER, ROW_SIZE } from '../../firmware/abi/spd-row.ts';
import { type Row, writeRow } from './row-image.ts';
import { RowSplitter } from './row-split.ts';

/** Fewer rows are compared sooner than a cover and then the rows. */
const COVER_ROWS_MIN = 2 * SPD_ROWS_PER_COVER;

/** A row by its order, or a cover with what stands below it. */
type Branch = number | Cover;

interface Cover {
  /** The lowest order below. */
  readonly order: number;
  readonly branches: readonly Branch[];
}

/** Renders `rows`, which are in the order of the SPD, as the octets of a bank's tree. */
export function rowTree(rows: readonly Row[]): Uint8Array {
  const image = new DataView(new ArrayBuffer(rows.length * ROW_SIZE));
  rows.forEach((row, order) => {
    writeRow(image, order * ROW_SIZE, row);
    image.setUint32(order * ROW_SIZE + ROW_ORDER, order, true);
  });
  const splitter = new RowSplitter(image);
  const all = Uint32Array.from(rows, (_, order) => order);
  return new TreeImage(image).write(branchesOf(splitter, all, rows.length));
}

/** What a cover of `around` rows has below it for the rows of `group`, the lowest order first. */
function branchesOf(splitter: RowSplitter, group: Uint32Array, around: number): Branch[] {
  const branches: Branch[] = [];
  spread(splitter, group, around, branches);
  return branches.sort((a, b) => orderOf(a) - orderOf(b));
}

function spread(splitter: RowSplitter, group: Uint32Array, around: number, branches: Branch[]): void {
  const parts = group.length <= COVER_ROWS_MIN ? undefined : splitter.split(group);
  if (parts === undefined) {
    for (const order of group) branches.push(order);
    return;
  }
  for (const part of parts) {
    if (part.length < COVER_ROWS_MIN || part.length > around / 2) {
      spread(splitter, part, around, branches);
    } else {
      const below = branchesOf(splitter, part, part.length);
      branches.push({ order: orderOf(below[0] ?? 0), branches: below });
    }
  }
}

function orderOf(branch: Branch): number {
  return typeof branch === 'number' ? branch : branch.order;
}

/** Writes branches depth first. */
class TreeImage {
  readonly #rows: Uint8Array;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  #written = 0;

  constructor(rows: DataView) {
    this.#rows = new Uint8Array(rows.buffer);
    const count = rows.byteLength / ROW_SIZE;
    this.#octets = new Uint8Array((count + Math.floor(count / SPD_ROWS_PER_COVER)) * ROW_SIZE);
    this.#view = new DataView(this.#octets.buffer);
  }

  write(branches: readonly Branch[]): Uint8Array {
    this.#writeBranches(branches);
    return this.#octets.subarray(0, this.#written * ROW_SIZE);
  }

  #writeBranches(branches: readonly Branch[]): void {
    for (const branch of branches) {
      const index = this.#written++;
      if (typeof branch === 'number') {
        const row = this.#rows.subarray(branch * ROW_SIZE, (branch + 1) * ROW_SIZE);
        this.#octets.set(row, index * ROW_SIZE);
      } else {
        this.#writeBranches(branch.branches);
        this.#view.setUint32(index * ROW_SIZE + ROW_BELOW, this.#written - index - 1, true);
      }
    }
  }
}
