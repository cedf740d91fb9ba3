/**
 * Turns a `TableChange` into a plan that cannot fail: everything is checked and every row is found before anything is
 * touched. Rows that the plan takes are given back if a later check refuses the change. Writes neither tables nor memory.
 */
import { HostError } from '../model/host-error.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { Spi } from '../model/security-association.ts';
import type { Selector } from '../model/selector.ts';
import type { SaPair, TableChange } from './engine.ts';
import { emptyRange, type RowRange } from './row-pool.ts';
import { checkSa, formatSpi } from './slots.ts';
import { type Binding, bindings } from './table-image.ts';
import type { EntryState, PairState, Tables } from './tables.ts';

/** New bindings of an entry that the change touches. */
export interface EntryPlan {
  readonly state: EntryState;
  readonly entry: SpdEntry;
  readonly pairs: PairState[];
  readonly blocked: readonly Selector[];
  readonly bindings: readonly Binding[];
  readonly rows: RowRange;
}

export interface ChangePlan {
  /** The SPD in its new order; undefined when it stays. */
  readonly order: readonly EntryState[] | undefined;
  readonly goneEntries: readonly EntryState[];
  readonly entries: readonly EntryPlan[];
  readonly installs: readonly PairState[];
  readonly removes: readonly PairState[];
  /** Pairs whose outbound half takes over, and pairs that lose theirs. */
  readonly uses: readonly PairState[];
  readonly retires: readonly PairState[];
  readonly reserves: readonly Spi[];
  readonly releases: readonly Spi[];
  /** SPIs that nothing will ever arrive for again: what is held for them goes. */
  readonly abandonedSpis: readonly Spi[];
}

/** Checks `change` against `tables`. Throws HostError CAPACITY or CONFIG_INVALID; then no rows are taken. */
export function planChange(tables: Tables, change: TableChange): ChangePlan {
  const planner = new Planner(tables);
  try {
    return planner.plan(change);
  } catch (error) {
    planner.giveBack();
    throw error;
  }
}

/** Why `change` would be refused as things are, or undefined; changes nothing. Costs what planning it costs. */
export function refusalOf(tables: Tables, change: TableChange): string | undefined {
  const planner = new Planner(tables);
  try {
    planner.plan(change);
    return undefined;
  } catch (error) {
    if (error instanceof HostError) return error.message;
    throw error;
  } finally {
    planner.giveBack();
  }
}

class Planner {
  readonly #tables: Tables;
  readonly #taken: RowRange[] = [];
  /** Entries that get new bindings, with what is known of them so far. */
  readonly #touched = new Map<EntryState, { entry: SpdEntry; blocked: readonly Selector[] }>();
  readonly #removes = new Set<PairState>();
  readonly #installs: PairState[] = [];
  readonly #uses = new Set<PairState>();
  readonly #retires = new Set<PairState>();
  #entries: Map<string, EntryState>;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#entries = tables.entries;
  }

  giveBack(): void {
    for (const range of this.#taken) this.#tables.rows.free(range);
  }

  plan(change: TableChange): ChangePlan {
    const order = change.spd === undefined ? undefined : this.#planSpd(change.spd);
    const goneEntries =
      order === undefined ? [] : this.#tables.order.filter((state) => !order.includes(state));
    for (const spi of change.remove ?? []) this.#remove(this.#tables.pairs.get(spi));
    const releases = (change.release ?? []).filter((spi) => this.#isReserved(spi));
    for (const { pair, use } of change.install ?? []) this.#install(pair, use, releases);
    for (const spi of change.use ?? []) this.#use(this.#pair(spi));
    for (const { entry, selectors } of change.block ?? []) {
      const state = this.#entries.get(entry);
      if (state !== undefined) this.#touch(state).blocked = selectors;
    }
    const reserves = this.#planReserves(change.reserve ?? [], releases);
    for (const move of change.move ?? []) this.#checkMove(move.spi, move.peer.address.family);
    return {
      order,
      goneEntries,
      entries: [...this.#touched].map(([state, next]) => this.#planEntry(state, next.entry, next.blocked)),
      installs: this.#installs,
      removes: [...this.#removes],
      uses: [...this.#uses],
      retires: [...this.#retires].filter((pair) => !this.#removes.has(pair)),
      reserves,
      releases,
      abandonedSpis: [...releases, ...[...this.#removes].map((pair) => pair.pair.inbound.spi)].filter(
        (spi) => !this.#installs.some((pair) => pair.pair.inbound.spi === spi),
      ),
    };
  }

  #planSpd(spd: readonly SpdEntry[]): EntryState[] {
    const { capacities, entries, order } = this.#tables;
    const rowCount = spd.reduce((sum, entry) => sum + entry.selectors.length, 0);
    if (spd.length > capacities.spdEntries) throw full('SPD entries', capacities.spdEntries, spd.length);
    if (rowCount > capacities.spdRows) throw full('SPD selectors', capacities.spdRows, rowCount);
    const names = new Set(spd.map((entry) => entry.name));
    if (names.size !== spd.length) throw invalid('two SPD entries have the same name');
    const gone = order.filter((state) => !names.has(state.entry.name));
    for (const state of gone) for (const pair of state.pairs) this.#removes.add(pair);
    const goneIndices = new Set(gone.map((state) => state.index));
    const free = this.#tables.entryAt.flatMap((state, index) =>
      state === undefined || goneIndices.has(index) ? [index] : [],
    );
    const next = spd.map((entry) => {
      checkEntry(entry);
      const known = entries.get(entry.name);
      if (known !== undefined && entry.action !== 'PROTECT')
        for (const pair of known.pairs) this.#removes.add(pair);
      const state = known ?? newEntry(entry, free.shift() ?? 0);
      this.#touch(state).entry = entry;
      return state;
    });
    this.#entries = new Map(spd.map((entry, index) => [entry.name, next[index] ?? newEntry(entry, 0)]));
    return next;
  }

  /** The entry gets new bindings. */
  #touch(state: EntryState): { entry: SpdEntry; blocked: readonly Selector[] } {
    const known = this.#touched.get(state);
    if (known !== undefined) return known;
    const touched = { entry: state.entry, blocked: state.blocked };
    this.#touched.set(state, touched);
    return touched;
  }

  #remove(pair: PairState | undefined): void {
    if (pair === undefined) return;
    this.#removes.add(pair);
    if (pair.entry !== undefined && !this.#isGone(pair.entry)) this.#touch(pair.entry);
  }

  #isGone(entry: EntryState): boolean {
    return this.#entries.get(entry.entry.name) !== entry;
  }

  #isReserved(spi: Spi): boolean {
    return this.#tables.reservedAt[this.#tables.place(spi)] === spi;
  }

  #pair(spi: Spi): PairState | undefined {
    return this.#installs.find((pair) => pair.pair.inbound.spi === spi) ?? this.#tables.pairs.get(spi);
  }

  #install(pair: SaPair, use: boolean, releases: readonly Spi[]): void {
    checkPair(pair);
    const { spi } = pair.inbound;
    const place = this.#tables.place(spi);
    const occupant = this.#tables.pairAt[place] ?? this.#installs.find((other) => other.place === place);
    const reserved = this.#tables.reservedAt[place];
    if (
      occupant !== undefined ||
      (reserved !== undefined && reserved !== spi && !releases.includes(reserved))
    ) {
      throw new HostError('CAPACITY', `the place of SPI ${formatSpi(spi)} is taken by another SA or request`);
    }
    const entry = pair.entry === '' ? undefined : this.#entries.get(pair.entry);
    if (pair.entry !== '' && entry === undefined) throw invalid(`there is no SPD entry ${pair.entry}`);
    if (entry !== undefined && (this.#touched.get(entry)?.entry ?? entry.entry).action !== 'PROTECT') {
      throw invalid(`SPD entry ${pair.entry} is not PROTECT`);
    }
    const state: PairState = {
      pair,
      place,
      entry,
      inUse: false,
      old: false,
      peer: pair.outbound.peer,
      inboundRows: this.#takeRows(pair.inbound.selectors.length),
      outboundRows: entry === undefined ? this.#takeRows(pair.outbound.selectors.length) : emptyRange,
    };
    this.#installs.push(state);
    if (entry !== undefined) this.#touch(entry);
    if (use) this.#use(state);
  }

  #use(pair: PairState | undefined): void {
    if (pair === undefined || pair.old || this.#removes.has(pair) || this.#isUsed(pair)) return;
    this.#uses.add(pair);
    if (pair.entry === undefined) return;
    this.#touch(pair.entry);
    for (const other of this.#pairsOf(pair.entry)) {
      if (other === pair || !isSameTurn(other.pair, pair.pair) || !this.#isUsed(other)) continue;
      this.#uses.delete(other);
      this.#retires.add(other);
    }
  }

  #isUsed(pair: PairState): boolean {
    return this.#uses.has(pair) || (pair.inUse && !this.#retires.has(pair));
  }

  #pairsOf(entry: EntryState): PairState[] {
    return [...entry.pairs, ...this.#installs.filter((pair) => pair.entry === entry)].filter(
      (pair) => !this.#removes.has(pair),
    );
  }

  #planReserves(reserve: readonly Spi[], releases: readonly Spi[]): Spi[] {
    const places = new Set<number>();
    for (const spi of reserve) {
      const place = this.#tables.place(spi);
      const occupant = this.#tables.pairAt[place];
      const reserved = this.#tables.reservedAt[place];
      const taken =
        (occupant !== undefined && !this.#removes.has(occupant)) ||
        (reserved !== undefined && reserved !== spi && !releases.includes(reserved)) ||
        this.#installs.some((pair) => pair.place === place) ||
        places.has(place);
      if (spi < 256 || spi > 0xffff_ffff) throw invalid(`SPI ${spi} is reserved (RFC 4303 section 2.1)`);
      if (taken) {
        throw new HostError(
          'CAPACITY',
          `the place of SPI ${formatSpi(spi)} is taken by another SA or request`,
        );
      }
      places.add(place);
    }
    return [...reserve];
  }

  #checkMove(spi: Spi, family: 4 | 6): void {
    const pair = this.#pair(spi);
    if (pair !== undefined && pair.pair.inbound.localAddress.family !== family) {
      throw invalid(`the peer of SPI ${formatSpi(spi)} cannot move to another address family`);
    }
  }

  #planEntry(state: EntryState, entry: SpdEntry, blocked: readonly Selector[]): EntryPlan {
    const pairs = this.#pairsOf(state);
    checkSelectors(blocked);
    const bound = bindings(
      entry,
      pairs.map((pair) => ({
        pair: pair.pair,
        inUse: this.#isUsed(pair),
        outboundSlot: this.#tables.outboundSlot(pair.place),
      })),
      blocked,
    );
    return { state, entry, pairs, blocked, bindings: bound, rows: this.#takeRows(bound.length) };
  }

  #takeRows(count: number): RowRange {
    const range = this.#tables.rows.allocate(count);
    if (range === undefined) {
      throw full('selectors of SAs and bindings', this.#tables.capacities.bindingRows, count);
    }
    this.#taken.push(range);
    return range;
  }
}

/** Whether only one of the two pairs of an entry can be in use. */
function isSameTurn(a: SaPair, b: SaPair): boolean {
  return a.kind === b.kind && (a.turn ?? 0) === (b.turn ?? 0);
}

function newEntry(entry: SpdEntry, index: number): EntryState {
  return { index, entry, pairs: [], blocked: [], bindings: [], rows: emptyRange };
}

function checkEntry(entry: SpdEntry): void {
  if (entry.name === '') throw invalid('an SPD entry needs a name');
  if (entry.selectors.length === 0) throw invalid(`SPD entry ${entry.name} has no selector`);
  checkSelectors(entry.selectors);
}

function checkPair(pair: SaPair): void {
  checkSa(pair.inbound, 'inbound');
  checkSa(pair.outbound, 'outbound');
  const { inbound, outbound } = pair;
  if (inbound.selectors.length === 0 || outbound.selectors.length === 0) {
    throw invalid(`the pair of SPI ${formatSpi(inbound.spi)} has no selectors`);
  }
  if (inbound.localAddress.family !== outbound.localAddress.family) {
    throw invalid(`the two SAs of SPI ${formatSpi(inbound.spi)} have different address families`);
  }
  checkSelectors([...inbound.selectors, ...outbound.selectors]);
  for (const precedent of pair.precedents) checkSelectors(precedent.selectors);
}

function checkSelectors(selectors: readonly Selector[]): void {
  for (const selector of selectors) {
    if (selector.local.address.family !== selector.remote.address.family) {
      throw invalid('a selector mixes IPv4 and IPv6');
    }
  }
}

function invalid(message: string): HostError {
  return new HostError('CONFIG_INVALID', message);
}

function full(what: string, room: number, wanted: number): HostError {
  return new HostError(
    'CAPACITY',
    `no room for more ${what}: ${wanted} wanted, the engine was built for ${room}`,
  );
}
