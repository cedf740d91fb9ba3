/**
 * Renders the ordered SPD as rows: which row stands before which is decided here, once, for the firmware, for `sekisho spd`
 * and for tests. Pure; writes nothing.
 *
 * For each SPD entry, in this order: by precedence, each kind that is known: the pairs in use with their selectors, or (no pair
 * in use, or a kind that only a precedent names) an acquire; at last the entry's own selectors as acquire. In front of each
 * acquire stands what is blocked of it: a refusal of one kind leaves the SAs of the others alone.
 *
 * The firmware keeps the entry's own selectors apart (SPD rows) from what goes before them (bindings): a packet must match
 * both, so an SA never carries what its entry does not select.
 */
import {
  ACTION_ACQUIRE,
  ACTION_BLOCKED,
  ACTION_BYPASS,
  ACTION_DISCARD,
  ACTION_PROTECT,
  ACTION_SA,
} from '../../firmware/abi/spd-row.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { Spi } from '../model/security-association.ts';
import { intersectSelectorLists, type Selector } from '../model/selector.ts';
import type { SaPair } from './engine.ts';
import type { Row } from './row-image.ts';

/** A pair as far as the order of rows is concerned. */
export interface BoundPair {
  readonly pair: SaPair;
  readonly inUse: boolean;
  /** Its outbound slot and the SPI there. */
  readonly outboundSlot: number;
}

/** A row of an entry's bindings, with what people are told about it. */
export interface Binding {
  readonly selector: Selector;
  readonly state: 'sa' | 'acquire' | 'blocked';
  readonly kind: string;
  /** SPI of the pair's inbound SA, for `sa`. */
  readonly pairSpi: Spi | null;
  readonly outboundSlot: number;
  readonly outboundSpi: Spi;
}

interface Kind {
  readonly kind: string;
  readonly precedence: number;
  readonly turn: number;
  readonly selectors: readonly Selector[];
  readonly use: BoundPair | undefined;
}

/** The bindings of an entry in order. `pairs` are in order of installation. */
export function bindings(
  entry: SpdEntry,
  pairs: readonly BoundPair[],
  blocked: readonly Selector[],
): Binding[] {
  const rows: Binding[] = [];
  for (const kind of kindsInOrder(entry, pairs)) {
    for (const selector of kind.selectors) {
      if (kind.use !== undefined) {
        rows.push(saRow(selector, kind.kind, kind.use));
        continue;
      }
      for (const refused of intersectSelectorLists(blocked, [selector])) {
        rows.push(row(refused, 'blocked', kind.kind));
      }
      rows.push(row(selector, 'acquire', kind.kind));
    }
  }
  for (const selector of blocked) rows.push(row(selector, 'blocked', ''));
  return rows;
}

function row(selector: Selector, state: 'acquire' | 'blocked', kind: string): Binding {
  return { selector, state, kind, pairSpi: null, outboundSlot: 0, outboundSpi: 0 };
}

function saRow(selector: Selector, kind: string, use: BoundPair): Binding {
  const { inbound, outbound } = use.pair;
  return {
    selector,
    state: 'sa',
    kind,
    pairSpi: inbound.spi,
    outboundSlot: use.outboundSlot,
    outboundSpi: outbound.spi,
  };
}

/**
 * Pairs in use, and kinds without one, the lowest precedence first and in a kind the lowest turn. What was installed last says
 * what a kind without a pair in use is.
 */
function kindsInOrder(entry: SpdEntry, pairs: readonly BoundPair[]): Kind[] {
  const waiting = new Map<string, Kind>();
  for (const { pair } of pairs) {
    for (const { kind, precedence, selectors } of pair.precedents) {
      const own = intersectSelectorLists(selectors, entry.selectors);
      waiting.set(kind, { kind, precedence, turn: 0, selectors: own, use: undefined });
    }
  }
  const carrying: Kind[] = [];
  for (const bound of pairs) {
    const { kind, precedence, turn = 0, outbound } = bound.pair;
    const known = { kind, precedence, turn, selectors: outbound.selectors };
    if (bound.inUse) carrying.push({ ...known, use: bound });
    else waiting.set(kind, { ...known, use: undefined });
  }
  for (const { kind } of carrying) waiting.delete(kind);
  return [...waiting.values(), ...carrying].sort(inOrder);
}

function inOrder(a: Kind, b: Kind): number {
  if (a.precedence !== b.precedence) return a.precedence - b.precedence;
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.turn - b.turn;
}

const bindingActions = { sa: ACTION_SA, acquire: ACTION_ACQUIRE, blocked: ACTION_BLOCKED };
const entryActions = { PROTECT: ACTION_PROTECT, BYPASS: ACTION_BYPASS, DISCARD: ACTION_DISCARD };

/** The binding as the firmware reads it. */
export function bindingRow(binding: Binding, entryIndex: number): Row {
  return {
    selector: binding.selector,
    action: bindingActions[binding.state],
    entryIndex,
    slotIndex: binding.outboundSlot,
    spi: binding.outboundSpi,
  };
}

/** The entry's own selectors as the firmware reads them. */
export function entryRows(entry: SpdEntry, entryIndex: number): Row[] {
  return entry.selectors.map((selector) => ({
    selector,
    action: entryActions[entry.action],
    entryIndex,
    slotIndex: 0,
    spi: 0,
  }));
}
