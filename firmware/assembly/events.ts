/**
 * The ring of events for the control side. A full ring loses the newest event and counts it: acquire and lifetimes are
 * raised again by the next packets, and the host empties the ring after every batch.
 */
import { COUNTER_EVENTS, COUNTER_EVENTS_LOST } from '../abi/counters.ts';
import {
  EVENT_ENTRY,
  EVENT_FAMILY,
  EVENT_HEAD,
  EVENT_KIND,
  EVENT_LOCAL,
  EVENT_PORT,
  EVENT_PROTOCOL,
  EVENT_RECORDS,
  EVENT_REMOTE,
  EVENT_SIZE,
  EVENT_SPI,
  EVENT_TAIL,
  EVENT_VALUES,
} from '../abi/event.ts';
import { count } from './counters.ts';
import {
  packetFamily,
  packetProtocol,
  SELECTOR,
  SELECTOR_LOCAL,
  SELECTOR_REMOTE,
  SELECTOR_VALUES,
} from './packet/inspect.ts';
import { eventPlaces, events } from './regions.ts';

/** Raises an event about a pair. Returns false when it was lost. */
export function raisePairEvent(kind: u32, pairSpi: u32): bool {
  const recordPtr = nextRecord(kind, pairSpi);
  if (recordPtr === 0) return false;
  publish();
  return true;
}

/** Raises an acquire for the packet that `inspect` looked at last. Returns false when it was lost. */
export function raiseAcquire(kind: u32, entry: u32): bool {
  const recordPtr = nextRecord(kind, 0);
  if (recordPtr === 0) return false;
  store<u32>(recordPtr, entry, EVENT_ENTRY);
  store<u32>(recordPtr, packetFamily, EVENT_FAMILY);
  store<u32>(recordPtr, packetProtocol, EVENT_PROTOCOL);
  v128.store(recordPtr, v128.load(SELECTOR, SELECTOR_VALUES), EVENT_VALUES);
  v128.store(recordPtr, v128.load(SELECTOR, SELECTOR_LOCAL), EVENT_LOCAL);
  v128.store(recordPtr, v128.load(SELECTOR, SELECTOR_REMOTE), EVENT_REMOTE);
  publish();
  return true;
}

/** Raises an event about where a packet came from: `addressPtr` holds 16 octets. Returns false when it was lost. */
export function raiseSenderEvent(kind: u32, spi: u32, family: u32, addressPtr: usize, port: u32): bool {
  const recordPtr = nextRecord(kind, spi);
  if (recordPtr === 0) return false;
  store<u32>(recordPtr, family, EVENT_FAMILY);
  store<u32>(recordPtr, port, EVENT_PORT);
  v128.store(recordPtr, v128.load(addressPtr), EVENT_REMOTE);
  publish();
  return true;
}

/** The record to fill, or 0 when the ring is full. */
function nextRecord(kind: u32, spi: u32): usize {
  const head = load<u32>(events, EVENT_HEAD);
  // A tail that the host spoiled makes the ring look full, never longer than it is.
  if (head - load<u32>(events, EVENT_TAIL) >= eventPlaces) {
    count(COUNTER_EVENTS_LOST, 1);
    return 0;
  }
  const recordPtr = events + EVENT_RECORDS + <usize>(head & (eventPlaces - 1)) * EVENT_SIZE;
  store<u32>(recordPtr, kind, EVENT_KIND);
  store<u32>(recordPtr, spi, EVENT_SPI);
  return recordPtr;
}

function publish(): void {
  store<u32>(events, load<u32>(events, EVENT_HEAD) + 1, EVENT_HEAD);
  count(COUNTER_EVENTS, 1);
}
