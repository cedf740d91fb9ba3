/**
 * Hands out consecutive rows of the binding region: first fit over a sorted list of gaps. A range that a bank leads packets
 * to is never written again; a change writes a new range and frees the old one after the flip.
 */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

export const emptyRange: RowRange = { first: 0, count: 0 };

export class RowPool {
  /** Ascending, never adjacent. */
  readonly #gaps: { first: number; count: number }[];

  constructor(capacity: number) {
    this.#gaps = [{ first: 0, count: capacity }];
  }

  /** Rows that are free, in however many pieces. */
  get available(): number {
    return this.#gaps.reduce((sum, gap) => sum + gap.count, 0);
  }

  /** `count` consecutive rows, or undefined when there is no such gap. */
  allocate(count: number): RowRange | undefined {
    if (count === 0) return emptyRange;
    const index = this.#gaps.findIndex((gap) => gap.count >= count);
    const gap = this.#gaps[index];
    if (gap === undefined) return undefined;
    const range = { first: gap.first, count };
    gap.first += count;
    gap.count -= count;
    if (gap.count === 0) this.#gaps.splice(index, 1);
    return range;
  }

  /** Gives a range back that `allocate` gave. */
  free(range: RowRange): void {
    if (range.count === 0) return;
    let low = 0;
    let high = this.#gaps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#gaps[middle]?.first ?? 0) < range.first) low = middle + 1;
      else high = middle;
    }
    this.#gaps.splice(low, 0, { ...range });
    this.#merge(low);
    this.#merge(low - 1);
  }

  /** Joins the gap at `index` with the next one if they touch. */
  #merge(index: number): void {
    const gap = this.#gaps[index];
    const next = this.#gaps[index + 1];
    if (gap === undefined || next === undefined || gap.first + gap.count !== next.first) return;
    gap.count += next.count;
    this.#gaps.splice(index + 1, 1);
  }
}
