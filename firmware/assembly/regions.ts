/**
 * Where the regions lie, as `configure` accepted them from the host. Decides whether a layout is sound: nothing may
 * overlap, end beyond memory or run into a canary. Everything else in the firmware trusts these addresses.
 */
import {
  BANK_BINDINGS,
  BINDING_SIZE,
  ENTRY_STATE_SIZE,
  FLOW_SIZE,
  SAD_SIZE,
  SPD_ROWS_PER_COVER,
} from '../abi/bank.ts';
import { BUNDLE_OCTETS } from '../abi/bundle.ts';
import { COUNTERS_SIZE } from '../abi/counters.ts';
import { CIPHER_CONTEXT_SIZE } from '../abi/crypto-context.ts';
import { DESCRIPTOR_SIZE } from '../abi/descriptor.ts';
import { EVENT_RECORDS, EVENT_SIZE } from '../abi/event.ts';
import { HELD_RECORD_SIZE } from '../abi/held.ts';
import {
  ABI_VERSION,
  CANARY_SIZE,
  CONFIGURATION_ABI_VERSION,
  CONFIGURATION_ADDRESS,
  CONFIGURATION_BINDING_ROWS,
  CONFIGURATION_BUNDLES,
  CONFIGURATION_EVENTS,
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
  CONFIGURE_ABI_VERSION,
  CONFIGURE_CAPACITY,
  CONFIGURE_OK,
  CONFIGURE_REGION,
  CONFIGURE_STATIC_DATA,
  MEMORY_PAGE_OCTETS,
  PACKET_HEADROOM,
  PACKET_TAILROOM,
  REGION_BANK_0,
  REGION_BANK_1,
  REGION_BINDING_ROWS,
  REGION_BUNDLES,
  REGION_CIPHERS,
  REGION_COUNT,
  REGION_COUNTERS,
  REGION_DESCRIPTORS,
  REGION_ENTRY_STATE,
  REGION_EVENTS,
  REGION_FLOWS,
  REGION_HELD_PACKETS,
  REGION_HELD_RECORDS,
  REGION_KEY_STAGING,
  REGION_PACKETS,
  REGION_REPLAY,
  REGION_SA_SLOTS,
} from '../abi/layout.ts';
import { KEY_STAGING_SIZE, REPLAY_SIZE, SA_SLOT_SIZE } from '../abi/sa-slot.ts';
import { ROW_SIZE } from '../abi/spd-row.ts';

/** Capacities; zero until configured. */
export let saPairs: u32 = 0;
export let spdRows: u32 = 0;
export let spdEntries: u32 = 0;
export let bindingRowCount: u32 = 0;
export let packetSlots: u32 = 0;
export let packetOctets: u32 = 0;
export let heldPlaces: u32 = 0;
export let heldPerKey: u32 = 0;
export let eventPlaces: u32 = 0;
export let flowPlaces: u32 = 0;
export let bundlePlaces: u32 = 0;

/** First octet of each region. */
export let counters: usize = 0;
export let keyStaging: usize = 0;
export let descriptors: usize = 0;
export let packets: usize = 0;
export let saSlots: usize = 0;
export let ciphers: usize = 0;
export let replayWindows: usize = 0;
export let bindingRows: usize = 0;
export let bank0: usize = 0;
export let bank1: usize = 0;
export let entryStates: usize = 0;
export let flows: usize = 0;
export let events: usize = 0;
export let heldRecords: usize = 0;
export let heldPackets: usize = 0;
export let bundles: usize = 0;

/** Offsets of the parts of a bank that depend on capacities. */
export let bankSad: u32 = 0;
export let bankOrderMarks: u32 = 0;
export let bankRows: u32 = 0;

/** Room of a bank for SPD rows and their covers together. */
export let treeRows: u32 = 0;

/** Capacities beyond these are a mistake, and would let the sums below overflow. */
const CAPACITY_MAX: u32 = 1 << 20;
const PACKET_OCTETS_MAX: u32 = 1 << 17;

/** Reads and checks the configuration block. Returns CONFIGURE_OK, or what is wrong; nothing is configured then. */
export function configureRegions(): u32 {
  if (configured(CONFIGURATION_ABI_VERSION) !== ABI_VERSION) return CONFIGURE_ABI_VERSION;
  if (__heap_base > <usize>CONFIGURATION_ADDRESS) return CONFIGURE_STATIC_DATA;
  readCapacities();
  const capacities = checkCapacities();
  if (capacities !== CONFIGURE_OK) return refuse(capacities);
  const regions = checkRegions();
  if (regions !== CONFIGURE_OK) return refuse(regions);
  counters = region(REGION_COUNTERS);
  keyStaging = region(REGION_KEY_STAGING);
  descriptors = region(REGION_DESCRIPTORS);
  packets = region(REGION_PACKETS);
  saSlots = region(REGION_SA_SLOTS);
  ciphers = region(REGION_CIPHERS);
  replayWindows = region(REGION_REPLAY);
  bindingRows = region(REGION_BINDING_ROWS);
  bank0 = region(REGION_BANK_0);
  bank1 = region(REGION_BANK_1);
  entryStates = region(REGION_ENTRY_STATE);
  flows = region(REGION_FLOWS);
  events = region(REGION_EVENTS);
  heldRecords = region(REGION_HELD_RECORDS);
  heldPackets = region(REGION_HELD_PACKETS);
  bundles = region(REGION_BUNDLES);
  return CONFIGURE_OK;
}

function configured(offset: u32): u32 {
  return load<u32>(<usize>CONFIGURATION_ADDRESS + offset);
}

function region(index: u32): usize {
  return <usize>configured(CONFIGURATION_REGIONS + 4 * index);
}

function readCapacities(): void {
  saPairs = configured(CONFIGURATION_SA_PAIRS);
  spdRows = configured(CONFIGURATION_SPD_ROWS);
  spdEntries = configured(CONFIGURATION_SPD_ENTRIES);
  bindingRowCount = configured(CONFIGURATION_BINDING_ROWS);
  packetSlots = configured(CONFIGURATION_PACKET_SLOTS);
  packetOctets = configured(CONFIGURATION_PACKET_OCTETS);
  heldPlaces = configured(CONFIGURATION_HELD_PACKETS);
  heldPerKey = configured(CONFIGURATION_HELD_PER_KEY);
  eventPlaces = configured(CONFIGURATION_EVENTS);
  flowPlaces = configured(CONFIGURATION_FLOWS);
  bundlePlaces = configured(CONFIGURATION_BUNDLES);
}

/** No capacity but that of packet slots, so that every run refuses every index. */
function refuse(problem: u32): u32 {
  saPairs = 0;
  packetSlots = 0;
  bundlePlaces = 0;
  spdEntries = 0;
  bindingRowCount = 0;
  return problem;
}

function checkCapacities(): u32 {
  const largest = max(
    max(max(saPairs, spdRows), max(spdEntries, bindingRowCount)),
    max(packetSlots, heldPlaces),
  );
  if (max(max(largest, bundlePlaces), max(eventPlaces, flowPlaces)) > CAPACITY_MAX) return CONFIGURE_CAPACITY;
  // Masks select the low bits of SPIs, event numbers and hashes.
  if (popcnt(saPairs) !== 1 || popcnt(eventPlaces) !== 1 || popcnt(flowPlaces) !== 1)
    return CONFIGURE_CAPACITY;
  if (spdRows === 0 || spdEntries === 0 || bindingRowCount === 0) return CONFIGURE_CAPACITY;
  if (bundlePlaces === 0) return CONFIGURE_CAPACITY;
  if (packetSlots === 0 || heldPlaces === 0 || heldPerKey === 0) return CONFIGURE_CAPACITY;
  if (packetOctets > PACKET_OCTETS_MAX || (packetOctets & 63) !== 0) return CONFIGURE_CAPACITY;
  if (packetOctets < <u32>(PACKET_HEADROOM + PACKET_TAILROOM + 64)) return CONFIGURE_CAPACITY;
  bankSad = BANK_BINDINGS + spdEntries * BINDING_SIZE;
  bankOrderMarks = bankSad + saPairs * SAD_SIZE;
  bankRows = (bankOrderMarks + (spdRows + 7) / 8 + 63) & ~63;
  treeRows = spdRows + spdRows / SPD_ROWS_PER_COVER;
  return CONFIGURE_OK;
}

function checkRegions(): u32 {
  let free: u64 = CONFIGURATION_ADDRESS + CONFIGURATION_SIZE;
  const end = <u64>memory.size() * MEMORY_PAGE_OCTETS;
  for (let index: u32 = 0; index < <u32>REGION_COUNT; index++) {
    const start = <u64>region(index);
    if (start < free + CANARY_SIZE || (start & 63) !== 0) return CONFIGURE_REGION;
    free = start + regionSize(index);
    if (free + CANARY_SIZE > end) return CONFIGURE_REGION;
  }
  return CONFIGURE_OK;
}

/** Octets that a region needs; host/dataplane/memory-layout.ts computes the same. */
function regionSize(index: u32): u64 {
  const bankSize = <u64>bankRows + <u64>treeRows * ROW_SIZE;
  if (index === REGION_COUNTERS) return COUNTERS_SIZE;
  if (index === REGION_KEY_STAGING) return KEY_STAGING_SIZE;
  if (index === REGION_DESCRIPTORS) return <u64>packetSlots * DESCRIPTOR_SIZE;
  if (index === REGION_PACKETS) return <u64>packetSlots * packetOctets;
  if (index === REGION_SA_SLOTS) return <u64>saPairs * 2 * SA_SLOT_SIZE;
  if (index === REGION_CIPHERS) return <u64>saPairs * 2 * CIPHER_CONTEXT_SIZE;
  if (index === REGION_REPLAY) return <u64>saPairs * REPLAY_SIZE;
  if (index === REGION_BINDING_ROWS) return <u64>bindingRowCount * ROW_SIZE;
  if (index === REGION_BANK_0) return bankSize;
  if (index === REGION_BANK_1) return bankSize;
  if (index === REGION_ENTRY_STATE) return <u64>spdEntries * ENTRY_STATE_SIZE;
  if (index === REGION_FLOWS) return <u64>flowPlaces * FLOW_SIZE;
  if (index === REGION_EVENTS) return EVENT_RECORDS + <u64>eventPlaces * EVENT_SIZE;
  if (index === REGION_HELD_RECORDS) return <u64>heldPlaces * HELD_RECORD_SIZE;
  if (index === REGION_HELD_PACKETS) return <u64>heldPlaces * packetOctets;
  return <u64>bundlePlaces * BUNDLE_OCTETS;
}
