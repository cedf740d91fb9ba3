/**
 * Lays the firmware's regions out in memory from capacities, and writes the configuration block that the firmware checks.
 * Between regions lie canaries: octets that nobody writes, so that a test (or a suspicion) can tell whether anybody did.
 */
import {
  BANK_BINDINGS,
  BINDING_SIZE,
  ENTRY_STATE_SIZE,
  FLOW_SIZE,
  SAD_SIZE,
  SPD_ROWS_PER_COVER,
} from '../../firmware/abi/bank.ts';
import { BUNDLE_OCTETS } from '../../firmware/abi/bundle.ts';
import { COUNTERS_SIZE } from '../../firmware/abi/counters.ts';
import { CIPHER_CONTEXT_SIZE } from '../../firmware/abi/crypto-context.ts';
import { DESCRIPTOR_SIZE } from '../../firmware/abi/descriptor.ts';
import { EVENT_RECORDS, EVENT_SIZE } from '../../firmware/abi/event.ts';
import { HELD_RECORD_SIZE } from '../../firmware/abi/held.ts';
import {
  ABI_VERSION,
  CANARY_OCTET,
  CANARY_SIZE,
  CONFIGURATION_ABI_VERSION,
  CONFIGURATION_ADDRESS,
  CONFIGURATION_BINDING_ROWS,
  CONFIGURATION_BUNDLES,
  CONFIGURATION_EVENTS,
  CONFIGURATION_FLOW_KEY,
  CONFIGURATION_FLOWS,
  CONFIGURATION_HELD_PACKETS,
  CONFIGURATION_HELD_PER_KEY,
  CONFIGURATION_PACKET_OCTETS,
  CONFIGURATION_PACKET_SLOTS,
  CONFIGURATION_REGIONS,
  CONFIGURATION_SA_PAIRS,
  CONFIGURATION_SIZE,
  CONFIGURATION_SPD_ENTRIES,
  CONFIGURATION_SPD_ROWS,
  MEMORY_PAGE_OCTETS,
  PACKET_HEADROOM,
  PACKET_TAILROOM,
  REGION_COUNT,
} from '../../firmware/abi/layout.ts';
import { KEY_STAGING_SIZE, REPLAY_SIZE, SA_SLOT_SIZE } from '../../firmware/abi/sa-slot.ts';
import { ROW_SIZE } from '../../firmware/abi/spd-row.ts';
import { HostError } from '../model/host-error.ts';

/** How much of everything an instance has room for; all of it is fixed for the instance's life. */
export interface Capacities {
  /** SA pairs, a power of two; each takes about 12 KiB. */
  readonly saPairs: number;
  readonly spdEntries: number;
  /** Selectors of all SPD entries. */
  readonly spdRows: number;
  /** Selectors of all SAs, three times over (inbound, binding in use, binding to come), and of blocks. */
  readonly bindingRows: number;
  /** Packets of one batch, or of two, one for each direction (packet-batch.ts). */
  readonly packetSlots: number;
  /** Octets of the longest packet, before encapsulation or as it arrives. */
  readonly packetOctets: number;
  readonly heldPackets: number;
  /** Of these, for one SPD entry or one pending SPI. */
  readonly heldPerKey: number;
  /** Events waiting for the control side, a power of two. */
  readonly events: number;
  /** Places of the flow cache, a power of two. */
  readonly flows: number;
  /** Bundles (packet-batch.ts) that are received at a time, 64 KiB each; one more place takes a bundle from the protected side. */
  readonly bundles: number;
}

/** Room for 1,000 SAs in under 16 MiB. */
export const defaultCapacities: Capacities = {
  saPairs: 512,
  spdEntries: 512,
  spdRows: 2048,
  bindingRows: 8192,
  packetSlots: 128,
  packetOctets: 2048,
  heldPackets: 256,
  heldPerKey: 64,
  events: 1024,
  flows: 4096,
  bundles: 16,
};

export interface MemoryLayout {
  readonly capacities: Capacities;
  /** First octet of each region, by REGION_* number. */
  readonly regions: readonly number[];
  readonly regionSizes: readonly number[];
  /** Octets from one packet slot to the next; there is one more slot than `packetSlots`, for single packets. */
  readonly packetStride: number;
  readonly pages: number;
}

/** Computes where everything goes. Throws HostError CAPACITY naming the capacity that is no good. */
export function layOutMemory(capacities: Capacities): MemoryLayout {
  checkCapacities(capacities);
  const packetStride = roundUp(capacities.packetOctets + PACKET_HEADROOM + PACKET_TAILROOM, 64);
  const regionSizes = sizes(capacities, packetStride);
  const regions: number[] = [];
  let free = CONFIGURATION_ADDRESS + CONFIGURATION_SIZE;
  for (const size of regionSizes) {
    const start = roundUp(free + CANARY_SIZE, 64);
    regions.push(start);
    free = start + size;
  }
  const pages = Math.ceil((free + CANARY_SIZE) / MEMORY_PAGE_OCTETS);
  if (pages > 65536) throw new HostError('CAPACITY', 'the capacities of the packet engine exceed 4 GiB');
  return { capacities, regions, regionSizes, packetStride, pages };
}

/** In the order of the REGION_* numbers. */
function sizes(capacities: Capacities, packetStride: number): number[] {
  const bankRows = roundUp(
    BANK_BINDINGS +
      capacities.spdEntries * BINDING_SIZE +
      capacities.saPairs * SAD_SIZE +
      Math.ceil(capacities.spdRows / 8),
    64,
  );
  const covers = Math.floor(capacities.spdRows / SPD_ROWS_PER_COVER);
  const bank = bankRows + (capacities.spdRows + covers) * ROW_SIZE;
  const packetSlots = capacities.packetSlots + 1;
  return [
    COUNTERS_SIZE,
    KEY_STAGING_SIZE,
    packetSlots * DESCRIPTOR_SIZE,
    packetSlots * packetStride,
    capacities.saPairs * 2 * SA_SLOT_SIZE,
    capacities.saPairs * 2 * CIPHER_CONTEXT_SIZE,
    capacities.saPairs * REPLAY_SIZE,
    capacities.bindingRows * ROW_SIZE,
    bank,
    bank,
    capacities.spdEntries * ENTRY_STATE_SIZE,
    capacities.flows * FLOW_SIZE,
    EVENT_RECORDS + capacities.events * EVENT_SIZE,
    capacities.heldPackets * HELD_RECORD_SIZE,
    capacities.heldPackets * packetStride,
    (capacities.bundles + 1) * BUNDLE_OCTETS,
  ];
}

function checkCapacities(capacities: Capacities): void {
  for (const [name, value] of Object.entries(capacities)) {
    const needsPowerOfTwo = name === 'saPairs' || name === 'events' || name === 'flows';
    const largest = name === 'packetOctets' ? 65536 + 64 : 1 << 20;
    if (!Number.isInteger(value) || value < 1 || value > largest) {
      throw new HostError('CAPACITY', `${name}: expected 1 to ${largest}, found ${value}`);
    }
    if (needsPowerOfTwo && (value & (value - 1)) !== 0) {
      throw new HostError('CAPACITY', `${name}: expected a power of two, found ${value}`);
    }
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Writes the configuration block and the canaries. `flowKey` is 16 random octets. */
export function writeConfiguration(memory: ArrayBuffer, layout: MemoryLayout, flowKey: Uint8Array): void {
  const view = new DataView(memory, CONFIGURATION_ADDRESS, CONFIGURATION_SIZE);
  const { capacities } = layout;
  const write = (offset: number, value: number): void => view.setUint32(offset, value, true);
  write(CONFIGURATION_ABI_VERSION, ABI_VERSION);
  write(CONFIGURATION_SA_PAIRS, capacities.saPairs);
  write(CONFIGURATION_SPD_ROWS, capacities.spdRows);
  write(CONFIGURATION_SPD_ENTRIES, capacities.spdEntries);
  write(CONFIGURATION_BINDING_ROWS, capacities.bindingRows);
  write(CONFIGURATION_PACKET_SLOTS, capacities.packetSlots + 1);
  write(CONFIGURATION_PACKET_OCTETS, layout.packetStride);
  write(CONFIGURATION_HELD_PACKETS, capacities.heldPackets);
  write(CONFIGURATION_HELD_PER_KEY, capacities.heldPerKey);
  write(CONFIGURATION_EVENTS, capacities.events);
  write(CONFIGURATION_FLOWS, capacities.flows);
  write(CONFIGURATION_BUNDLES, capacities.bundles + 1);
  for (let region = 0; region < REGION_COUNT; region++) {
    write(CONFIGURATION_REGIONS + 4 * region, layout.regions[region] ?? 0);
  }
  new Uint8Array(memory, CONFIGURATION_ADDRESS + CONFIGURATION_FLOW_KEY, 16).set(flowKey.subarray(0, 16));
  for (const canary of canaries(memory, layout)) canary.fill(CANARY_OCTET);
}

/** The octets before each region and behind the last, which must stay CANARY_OCTET. */
export function canaries(memory: ArrayBuffer, layout: MemoryLayout): Uint8Array[] {
  let end = CONFIGURATION_ADDRESS + CONFIGURATION_SIZE;
  const found: Uint8Array[] = [];
  for (const [index, start] of layout.regions.entries()) {
    found.push(new Uint8Array(memory, end, start - end));
    end = start + (layout.regionSizes[index] ?? 0);
  }
  found.push(new Uint8Array(memory, end, CANARY_SIZE));
  return found;
}
