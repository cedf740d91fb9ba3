/**
 * Renders the ordered SPD as rows: which row stands before which is decided here, once, for the firmware, for `sekisho spd`
 * and for tests. Pure; writes nothing.
 *
 * For each SPD entry, in this order: by precedence, each kind that is known: the pair in use with its selectors, or (no pair
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

/** Installed kinds and precedents, the lowest precedence first. What was installed last says what a kind is. */
function kindsInOrder(entry: SpdEntry, pairs: readonly BoundPair[]): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const { pair } of pairs) {
    for (const precedent of pair.precedents) {
      kinds.set(precedent.kind, {
        ...precedent,
        selectors: intersectSelectorLists(precedent.selectors, entry.selectors),
        use: undefined,
      });
    }
  }
  const installed = new Map<string, Kind>();
  for (const bound of pairs) {
    const { kind, precedence, outbound } = bound.pair;
    if (installed.get(kind)?.use !== undefined) continue;
    const use = bound.inUse ? bound : undefined;
    installed.set(kind, { kind, precedence, selectors: outbound.selectors, use });
  }
  for (const [name, kind] of installed) kinds.set(name, kind);
  return [...kinds.values()].sort((a, b) => a.precedence - b.precedence || (a.kind < b.kind ? -1 : 1));
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
