/** The firmware's counters by name: one for each drop reason, and those of the packet path. */
import * as abi from '../../firmware/abi/counters.ts';
import { dropReasons } from '../../firmware/abi/drop-reason.ts';

/** Offsets of the path's counters by name. */
export const pathCounters: Readonly<Record<string, number>> = {
  'outbound-packets': abi.COUNTER_OUTBOUND_PACKETS,
  'outbound-octets': abi.COUNTER_OUTBOUND_OCTETS,
  'inbound-packets': abi.COUNTER_INBOUND_PACKETS,
  'inbound-octets': abi.COUNTER_INBOUND_OCTETS,
  'bypassed-packets': abi.COUNTER_BYPASSED_PACKETS,
  'held-packets': abi.COUNTER_HELD_PACKETS,
  'flow-cache-hits': abi.COUNTER_FLOW_HITS,
  'flow-cache-misses': abi.COUNTER_FLOW_MISSES,
  events: abi.COUNTER_EVENTS,
  'events-lost': abi.COUNTER_EVENTS_LOST,
  'unknown-spi-unreported': abi.COUNTER_UNKNOWN_SPI_UNREPORTED,
  commits: abi.COUNTER_COMMITS,
};

/** Packets, octets and events, from the region at `address`. */
export function readCounters(view: DataView, address: number): Record<string, bigint> {
  const counters: Record<string, bigint> = {};
  for (const [name, offset] of Object.entries(pathCounters)) {
    counters[name] = view.getBigUint64(address + offset, true);
  }
  return counters;
}

/** Dropped packets by the name of the reason, from the region at `address`. */
export function readDrops(view: DataView, address: number): Record<string, bigint> {
  const drops: Record<string, bigint> = {};
  for (const { name, number } of dropReasons) {
    drops[name] = view.getBigUint64(address + abi.COUNTER_DROPS + 8 * number, true);
  }
  return drops;
}
