/** Reads the firmware's events (firmware/abi/event.ts) as values. Names of entries are looked up by the caller's function. */
import {
  EVENT_ACQUIRE,
  EVENT_ENTRY,
  EVENT_FAMILY,
  EVENT_FIRST_AUTHENTIC,
  EVENT_HARD_LIFETIME,
  EVENT_HEAD,
  EVENT_KIND,
  EVENT_LOCAL,
  EVENT_PEER_MOVED,
  EVENT_PORT,
  EVENT_PROTOCOL,
  EVENT_RECORDS,
  EVENT_REMOTE,
  EVENT_SIZE,
  EVENT_SOFT_LIFETIME,
  EVENT_SPI,
  EVENT_TAIL,
  EVENT_UNKNOWN_SPI,
  EVENT_VALUES,
} from '../../firmware/abi/event.ts';
import { VALUE_NONE } from '../../firmware/abi/spd-row.ts';
import { type Address, addressOf, type Endpoint } from '../model/address.ts';
import type { PacketSelector } from '../model/selector.ts';
import type { EngineEvent } from './engine.ts';

export class EventRing {
  readonly #view: DataView;
  readonly #address: number;
  readonly #capacity: number;

  /** `capacity` is a power of two. */
  constructor(view: DataView, address: number, capacity: number) {
    this.#view = view;
    this.#address = address;
    this.#capacity = capacity;
  }

  /** True when nothing waits; two loads, for a loop that asks after every batch. */
  get isEmpty(): boolean {
    return this.#read(this.#address, EVENT_HEAD) === this.#read(this.#address, EVENT_TAIL);
  }

  /** Takes all events out, in order. An acquire for an entry that is gone is left out. */
  drain(entryName: (index: number) => string | undefined): EngineEvent[] {
    const events: EngineEvent[] = [];
    const head = this.#read(this.#address, EVENT_HEAD);
    let tail = this.#read(this.#address, EVENT_TAIL);
    for (; tail !== head; tail = (tail + 1) >>> 0) {
      const record = this.#address + EVENT_RECORDS + (tail & (this.#capacity - 1)) * EVENT_SIZE;
      const event = this.#event(record, entryName);
      if (event !== undefined) events.push(event);
    }
    this.#view.setUint32(this.#address + EVENT_TAIL, tail, true);
    return events;
  }

  #event(record: number, entryName: (index: number) => string | undefined): EngineEvent | undefined {
    const spi = this.#read(record, EVENT_SPI);
    switch (this.#read(record, EVENT_KIND)) {
      case EVENT_ACQUIRE: {
        const entry = entryName(this.#read(record, EVENT_ENTRY));
        return entry === undefined ? undefined : { kind: 'acquire', entry, packet: this.#packet(record) };
      }
      case EVENT_SOFT_LIFETIME:
        return { kind: 'soft-lifetime', spi };
      case EVENT_HARD_LIFETIME:
        return { kind: 'hard-lifetime', spi };
      case EVENT_FIRST_AUTHENTIC:
        return { kind: 'first-authentic', spi };
      case EVENT_UNKNOWN_SPI:
        return { kind: 'unknown-spi', spi, from: this.#sender(record) };
      case EVENT_PEER_MOVED:
        return { kind: 'peer-moved', spi, from: this.#sender(record) };
      default:
        return undefined;
    }
  }

  #packet(record: number): PacketSelector {
    return {
      local: this.#address16(record, EVENT_LOCAL),
      remote: this.#address16(record, EVENT_REMOTE),
      // One that cannot be told (PROTOCOL_UNKNOWN) is shown as IANA's reserved number.
      protocol: Math.min(this.#read(record, EVENT_PROTOCOL), 255),
      localPort: this.#value(record, 0),
      remotePort: this.#value(record, 1),
      icmpType: this.#value(record, 2),
      icmpCode: this.#value(record, 3),
    };
  }

  #sender(record: number): Endpoint {
    return { address: this.#address16(record, EVENT_REMOTE), port: this.#read(record, EVENT_PORT) };
  }

  #value(record: number, index: number): number | null {
    const value = this.#read(record, EVENT_VALUES + 4 * index);
    return value >= VALUE_NONE ? null : value;
  }

  #address16(record: number, offset: number): Address {
    const length = this.#read(record, EVENT_FAMILY) === 6 ? 16 : 4;
    const at = this.#view.byteOffset + record + offset;
    return addressOf(new Uint8Array(this.#view.buffer.slice(at, at + length)));
  }

  #read(address: number, offset: number): number {
    return this.#view.getUint32(address + offset, true);
  }
}
