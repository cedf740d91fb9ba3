/** What `sekisho status`, `spd` and `sad` show of the packet engine, as values without keys. */
import {
  SA_HARD_AT_SECONDS,
  SA_OCTETS,
  SA_PACKETS,
  SA_SEQUENCE,
  SA_SLOT_SIZE,
} from '../../firmware/abi/sa-slot.ts';
import { formatAddress, formatEndpoint } from '../model/address.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { SaProtocol, SecurityAssociation, Spi } from '../model/security-association.ts';
import { formatSelector } from '../model/selector.ts';
import type { Binding } from './table-image.ts';
import type { PairState, Tables } from './tables.ts';

export interface EngineSnapshot {
  /** Packets, octets and events, by the names of host/dataplane/counters.ts. */
  readonly counters: Readonly<Record<string, bigint>>;
  /** Dropped packets by reason, by the names of firmware/abi/drop-reason.ts. */
  readonly drops: Readonly<Record<string, bigint>>;
  readonly spd: readonly SpdRow[];
  readonly sad: readonly SadRow[];
  readonly generation: number;
  readonly activeBank: 0 | 1;
  readonly heldPackets: number;
}

export interface SpdRow {
  readonly order: number;
  readonly entry: string;
  readonly selector: string;
  readonly action: 'PROTECT' | 'BYPASS' | 'DISCARD';
  readonly state: 'sa' | 'acquire' | 'blocked' | 'bypass' | 'discard';
  readonly kind: string;
  /** SPI of the pair's inbound SA, where the row has one. */
  readonly spi: Spi | null;
}

export interface SadRow {
  readonly direction: 'outbound' | 'inbound';
  readonly spi: Spi;
  /** SPI of the pair's inbound SA: both rows of a pair carry it. */
  readonly pair: Spi;
  readonly entry: string;
  readonly kind: string;
  readonly state: 'in use' | 'waiting' | 'old';
  readonly proposal: string;
  readonly protocol: SaProtocol;
  readonly mode: 'tunnel' | 'transport';
  readonly encapsulation: 'udp' | 'raw';
  readonly peer: string;
  readonly sequence: bigint;
  readonly packets: bigint;
  readonly octets: bigint;
  readonly remainingSeconds: number;
}

/** The SPD in order, bindings included. */
export function spdRows(tables: Tables): SpdRow[] {
  const rows: SpdRow[] = [];
  for (const state of tables.order) rows.push(...describeEntry(state.entry, state.bindings, rows.length));
  return rows;
}

const entryStates = { PROTECT: 'acquire', BYPASS: 'bypass', DISCARD: 'discard' } as const;

/** The rows of an entry as people read them, numbered from `order` on. */
function describeEntry(entry: SpdEntry, bound: readonly Binding[], order: number): SpdRow[] {
  const { name, action } = entry;
  const rows: Omit<SpdRow, 'order'>[] = bound.map((binding) => ({
    entry: name,
    selector: formatSelector(binding.selector),
    action,
    state: binding.state,
    kind: binding.kind,
    spi: binding.pairSpi,
  }));
  for (const selector of entry.selectors) {
    rows.push({
      entry: name,
      selector: formatSelector(selector),
      action,
      state: entryStates[action],
      kind: '',
      spi: null,
    });
  }
  return rows.map((described, index) => ({ order: order + index, ...described }));
}

/** Every SA; sequence numbers and counts are read from the slots at `slots`. */
export function sadRows(tables: Tables, view: DataView, slots: number, nowSeconds: number): SadRow[] {
  const rows: SadRow[] = [];
  for (const pair of tables.pairs.values()) {
    const inbound = slots + pair.place * SA_SLOT_SIZE;
    rows.push(sadRow(pair, pair.pair.inbound, view, inbound, nowSeconds));
    if (pair.old) continue;
    const outbound = slots + tables.outboundSlot(pair.place) * SA_SLOT_SIZE;
    rows.push(sadRow(pair, pair.pair.outbound, view, outbound, nowSeconds));
  }
  return rows;
}

function sadRow(
  pair: PairState,
  sa: SecurityAssociation,
  view: DataView,
  slot: number,
  nowSeconds: number,
): SadRow {
  return {
    direction: sa.direction,
    spi: sa.spi,
    pair: pair.pair.inbound.spi,
    entry: pair.pair.entry,
    kind: pair.pair.kind,
    state: pair.old ? 'old' : pair.inUse ? 'in use' : 'waiting',
    proposal: sa.proposal,
    protocol: sa.protocol,
    mode: sa.mode,
    encapsulation: sa.encapsulation,
    peer: sa.encapsulation === 'udp' ? formatEndpoint(pair.peer) : formatAddress(pair.peer.address),
    sequence: view.getBigUint64(slot + SA_SEQUENCE, true),
    packets: view.getBigUint64(slot + SA_PACKETS, true),
    octets: view.getBigUint64(slot + SA_OCTETS, true),
    remainingSeconds: Math.max(0, view.getUint32(slot + SA_HARD_AT_SECONDS, true) - nowSeconds),
  };
}
