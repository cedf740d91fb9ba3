/**
 * Which pair is in use for an entry, kind and turn: one at a time, through renewals and changes of the SPD. Whoever does
 * something for pairs in use, dummies or looks at their liveness, is told here when that begins and ends, and keeps no books
 * of its own. The channel's pairs belong to no entry and are not in it.
 */
import type { SaPair, TableChange } from '../dataplane/engine.ts';
import type { Spi } from '../model/security-association.ts';

/** What is remembered of a pair: no keys. */
export interface KnownPair {
  readonly spi: Spi;
  readonly protocol: 'esp' | 'ah';
  readonly dummiesPerSecond: number;
  readonly entry: string;
  /** What only one pair serves at a time. */
  readonly purpose: string;
}

export interface UseChange {
  readonly ended: readonly Spi[];
  readonly began: readonly KnownPair[];
}

export class PairsInUse {
  readonly #known = new Map<Spi, KnownPair>();
  /** By purpose. */
  readonly #inUse = new Map<string, Spi>();

  /**
   * Takes note of a change that took effect: through which pairs packets go no longer, and through which from now on. Costs
   * what the change has in it, and not what there is; an edited SPD is compared with all pairs.
   */
  take({ spd, install = [], use = [], remove = [] }: TableChange): UseChange {
    const before = new Map<string, Spi | undefined>();
    if (spd !== undefined) {
      // As the engine does.
      const names = new Set(spd.map(({ name }) => name));
      for (const { spi, entry } of this.#known.values()) if (!names.has(entry)) this.#forget(spi, before);
    }
    for (const { pair, use: isUsed } of install) {
      if (pair.entry === '') continue;
      const known = knownOf(pair);
      this.#known.set(known.spi, known);
      if (isUsed) this.#use(known.purpose, known.spi, before);
    }
    for (const spi of use) {
      const known = this.#known.get(spi);
      if (known !== undefined) this.#use(known.purpose, spi, before);
    }
    for (const spi of remove) this.#forget(spi, before);
    return this.#changeSince(before);
  }

  #use(purpose: string, spi: Spi | undefined, before: Map<string, Spi | undefined>): void {
    if (!before.has(purpose)) before.set(purpose, this.#inUse.get(purpose));
    if (spi === undefined) this.#inUse.delete(purpose);
    else this.#inUse.set(purpose, spi);
  }

  #forget(spi: Spi, before: Map<string, Spi | undefined>): void {
    const known = this.#known.get(spi);
    if (known === undefined) return;
    this.#known.delete(spi);
    if (this.#inUse.get(known.purpose) === spi) this.#use(known.purpose, undefined, before);
  }

  #changeSince(before: ReadonlyMap<string, Spi | undefined>): UseChange {
    const ended: Spi[] = [];
    const began: KnownPair[] = [];
    for (const [purpose, then] of before) {
      const spi = this.#inUse.get(purpose);
      if (spi === then) continue;
      if (then !== undefined) ended.push(then);
      const known = spi === undefined ? undefined : this.#known.get(spi);
      if (known !== undefined) began.push(known);
    }
    return { ended, began };
  }
}

function knownOf({ entry, kind, turn, inbound, outbound }: SaPair): KnownPair {
  return {
    spi: inbound.spi,
    protocol: inbound.protocol,
    dummiesPerSecond: outbound.dummiesPerSecond ?? 0,
    entry,
    purpose: JSON.stringify([entry, kind, turn ?? 0]),
  };
}
