/**
 * Splits a group of SPD rows so that a packet has little to do with most of them: by family, protocol, a bit of an address,
 * or a port (ICMP type, code). Of all the ways it takes the one after which a packet is expected to have the fewest rows
 * left. Rows that are on no side, wildcards as a rule, are a part of their own.
 */
import {
  PROTOCOL_ANY,
  ROW_FAMILY,
  ROW_FIRST,
  ROW_LAST,
  ROW_LOCAL,
  ROW_LOCAL_MASK,
  ROW_PROTOCOL,
  ROW_REMOTE,
  ROW_REMOTE_MASK,
  ROW_SIZE,
} from '../../firmware/abi/spd-row.ts';

/** The side of a row on no side. */
const ASTRIDE = -1;
const WORDS = 4;

/** Says on which side of a split a row is; `rows` is what a packet is expected to have left of the group. */
interface Split {
  readonly side: (row: number) => number;
  readonly rows: number;
}

export class RowSplitter {
  readonly #family: Uint32Array;
  readonly #protocol: Uint32Array;
  /** Two address words columns: local 0 to 3, remote 4 to 7; the first word has the first bits. */
  readonly #address: readonly Uint32Array[];
  readonly #mask: readonly Uint32Array[];
  /** Local port, remote port, ICMP type, ICMP code. */
  readonly #first: readonly Uint32Array[];
  readonly #last: readonly Uint32Array[];

  /** @param image rows of ROW_SIZE octets */
  constructor(image: DataView) {
    const column = (offset: number, littleEndian: boolean): Uint32Array =>
      Uint32Array.from({ length: image.byteLength / ROW_SIZE }, (_, row) =>
        image.getUint32(row * ROW_SIZE + offset, littleEndian),
      );
    const columns = (offset: number, littleEndian: boolean): Uint32Array[] =>
      Array.from({ length: WORDS }, (_, word) => column(offset + 4 * word, littleEndian));
    this.#family = column(ROW_FAMILY, true);
    this.#protocol = column(ROW_PROTOCOL, true);
    this.#address = [...columns(ROW_LOCAL, false), ...columns(ROW_REMOTE, false)];
    this.#mask = [...columns(ROW_LOCAL_MASK, false), ...columns(ROW_REMOTE_MASK, false)];
    this.#first = columns(ROW_FIRST, true);
    this.#last = columns(ROW_LAST, true);
  }

  /** The parts of `group`, each smaller than it and none empty; undefined if nothing sets its rows apart. */
  split(group: Uint32Array): Uint32Array[] | undefined {
    // A cover has rows of one family.
    const byFamily = this.#byValue(group, this.#family, undefined);
    if (byFamily !== undefined) return parts(group, byFamily);
    const splits = [
      this.#byValue(group, this.#protocol, PROTOCOL_ANY),
      this.#byBit(group, 0),
      this.#byBit(group, WORDS),
      ...this.#first.flatMap((first, index) => {
        const last = this.#last[index] ?? first;
        return [this.#byPoint(group, first, last, first, 0), this.#byPoint(group, first, last, last, 1)];
      }),
    ];
    let best: Split | undefined;
    for (const split of splits) {
      if (split !== undefined && split.rows < (best?.rows ?? group.length)) best = split;
    }
    return best === undefined ? undefined : parts(group, best);
  }

  /** One side for each value but `any`. A packet is taken to be where the rows are. */
  #byValue(group: Uint32Array, column: Uint32Array, any: number | undefined): Split | undefined {
    const counts = new Map<number, number>();
    for (const row of group) {
      const value = column[row] ?? 0;
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    if (counts.size < 2) return undefined;
    const astride = any === undefined ? 0 : (counts.get(any) ?? 0);
    let squares = 0;
    for (const [value, count] of counts) if (value !== any) squares += count * count;
    return {
      side: (row) => (column[row] === any ? ASTRIDE : (column[row] ?? 0)),
      rows: astride + squares / (group.length - astride),
    };
  }

  /** By the first bit of an address that not all rows agree on who ask for it. */
  #byBit(group: Uint32Array, firstWord: number): Split | undefined {
    for (let word = firstWord; word < firstWord + WORDS; word++) {
      const address = this.#address[word] ?? this.#family;
      const mask = this.#mask[word] ?? this.#family;
      let ones = 0;
      let zeros = 0;
      for (const row of group) {
        const asked = mask[row] ?? 0;
        ones |= (address[row] ?? 0) & asked;
        zeros |= ~(address[row] ?? 0) & asked;
      }
      if ((ones & zeros) === 0) continue;
      const bit = 0x8000_0000 >>> Math.clz32(ones & zeros);
      const side = (row: number): number => {
        if (((mask[row] ?? 0) & bit) === 0) return ASTRIDE;
        return ((address[row] ?? 0) & bit) === 0 ? 0 : 1;
      };
      let [left, right] = [0, 0];
      for (const row of group) {
        const at = side(row);
        if (at === 0) left++;
        else if (at === 1) right++;
      }
      const astride = group.length - left - right;
      return { side, rows: astride + (left * left + right * right) / (left + right) };
    }
    return undefined;
  }

  /**
   * By the median of `ends`, which are the first or last values of the ranges: before it, behind it, or both. A packet is
   * taken to be on either side as often.
   */
  #byPoint(
    group: Uint32Array,
    first: Uint32Array,
    last: Uint32Array,
    ends: Uint32Array,
    beyond: number,
  ): Split | undefined {
    const sorted = group.map((row) => ends[row] ?? 0);
    if (sorted.every((end) => end === sorted[0])) return undefined;
    sorted.sort();
    // Wildcards begin at the lowest value and end at the highest: among those, the next value sets rows apart.
    const median = sorted[sorted.length >> 1] ?? 0;
    const point =
      median === sorted[0] && beyond === 0 ? (sorted.find((end) => end > median) ?? median) : median;
    const behind =
      beyond === 1 && point === sorted.at(-1) ? (sorted.findLast((end) => end < point) ?? point) : point;
    const start = behind + beyond;
    const side = (row: number): number => {
      if ((last[row] ?? 0) < start) return 0;
      return (first[row] ?? 0) >= start ? 1 : ASTRIDE;
    };
    let [left, right] = [0, 0];
    for (const row of group) {
      const at = side(row);
      if (at === 0) left++;
      else if (at === 1) right++;
    }
    if (left === group.length || right === group.length) return undefined;
    return { side, rows: group.length - (left + right) / 2 };
  }
}

function parts(group: Uint32Array, split: Split): Uint32Array[] {
  const bySide = new Map<number, number[]>();
  for (const row of group) {
    const side = split.side(row);
    const part = bySide.get(side);
    if (part === undefined) bySide.set(side, [row]);
    else part.push(row);
  }
  return [...bySide.values()].map((part) => Uint32Array.from(part));
}
