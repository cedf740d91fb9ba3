/**
 * The firmware's exports: everything that the host may call. Parameters and results are 32-bit integers; 64-bit values cross
 * in memory (firmware/abi). The host calls `configure`, then `self_test`, then may install SAs and run packets.
 */
import { STAGE_CLOSED, STAGE_INDEX } from '../abi/bank.ts';
import { ABI_VERSION, CONFIGURE_OK } from '../abi/layout.ts';
import { coalesce as coalesceDelivered } from './bundle/coalesce.ts';
import { openBundle, takeSegments } from './bundle/segment.ts';
import {
  activeGeneration,
  commitStaged,
  stageBindings,
  stagedSpdRows,
  stageSad,
  stageSpd,
} from './commit.ts';
import { abandonHeld, heldCount, oldestHeld, takeHeld, upcomingArrival } from './held.ts';
import { configureRegions, packetSlots } from './regions.ts';
import { runInbound, runOutbound } from './run.ts';
import { installSa, wipeSa } from './sad/slot.ts';
import { isOpen, runSelfTest } from './self-test.ts';

// Without the extension: asc takes ".ts" in an import, but not in a re-export.
export * from './crypto/primitives/aes';
export * from './crypto/primitives/aes-modes';
export * from './crypto/primitives/chacha20-poly1305';
export * from './crypto/primitives/des';
export * from './crypto/primitives/hash';

/** The ABI that this module was compiled with. */
export function abi_version(): u32 {
  return ABI_VERSION;
}

let configured: bool = false;

/** Takes the configuration block over, once. Returns CONFIGURE_OK or what is wrong. */
export function configure(): u32 {
  const problem = configureRegions();
  configured = problem === CONFIGURE_OK;
  return problem;
}

/** Runs the known-answer tests; the data plane opens when they pass on a configured instance. Returns 0 when good. */
export function self_test(): i32 {
  return configured ? runSelfTest() : -1;
}

/** Runs `count` packet slots from `first` on as packets from the protected side. */
export function run_outbound(first: u32, count: u32, nowSeconds: u32): void {
  if (configured) runOutbound(first, count, nowSeconds);
}

/** Runs `count` packet slots from `first` on as packets from the unprotected side. */
export function run_inbound(first: u32, count: u32, nowSeconds: u32): void {
  if (configured) runInbound(first, count, nowSeconds);
}

/** Opens the bundle of `length` octets, virtio_net_hdr included, in a bundle place. Returns how many packets it stands for. */
export function open_bundle(index: u32, length: u32): u32 {
  return configured ? openBundle(index, length) : 0;
}

/** Copies segments of the open bundle into packet slots from `slot` on. Returns how many were written. */
export function take_segments(first: u32, count: u32, slot: u32, input: u32): u32 {
  return configured ? takeSegments(first, count, slot, input) : 0;
}

/** Links what is delivered from `count` packet slots from `first` on to bundles for the TUN; `withUdp` 0: of TCP alone. */
export function coalesce(first: u32, count: u32, withUdp: u32): void {
  if (configured) coalesceDelivered(first, count, withUdp !== 0);
}

/** Makes an SA of a slot that the host has filled, with the staged keys, which are wiped. Returns STAGE_*. */
export function install_sa(slot: u32): u32 {
  return isOpen() ? installSa(slot) : STAGE_CLOSED;
}

/** Zeroes a retired slot. Returns STAGE_*. */
export function wipe_sa(slot: u32): u32 {
  return isOpen() ? wipeSa(slot) : STAGE_CLOSED;
}

/** Stages the bindings of an SPD entry. Returns STAGE_*. */
export function stage_bindings(entry: u32, firstRow: u32, rowCount: u32): u32 {
  return isOpen() ? stageBindings(entry, firstRow, rowCount) : STAGE_CLOSED;
}

/** Stages an inbound SPI's place. Returns STAGE_*. */
export function stage_sad(place: u32, spi: u32, state: u32): u32 {
  return isOpen() ? stageSad(place, spi, state) : STAGE_CLOSED;
}

/** Address of the inactive bank's SPD rows. */
export function staged_spd_rows(): u32 {
  return <u32>stagedSpdRows();
}

/** Stages the SPD rows that the host wrote. Returns STAGE_*. */
export function stage_spd(rowCount: u32): u32 {
  return isOpen() ? stageSpd(rowCount) : STAGE_CLOSED;
}

/** Makes everything that was staged effective. Returns the new generation. */
export function commit(): u32 {
  return commitStaged();
}

export function generation(): u32 {
  return activeGeneration();
}

/** Low 32 bits of the arrival number of the oldest packet held for a key; 0 if none. */
export function oldest_held(kind: u32, key: u32): u32 {
  return <u32>oldestHeld(kind, key);
}

/** Low 32 bits of the arrival number that the next packet held gets. */
export function next_arrival(): u32 {
  return upcomingArrival();
}

/** Moves the oldest packet held for a key into packet slot `index`. Returns STAGE_OK, or STAGE_INDEX if there is none. */
export function take_held(kind: u32, key: u32, index: u32): u32 {
  return index < packetSlots && takeHeld(kind, key, index) ? 0 : STAGE_INDEX;
}

/** Counts a held packet that goes nowhere. */
export function abandon_held(): void {
  abandonHeld();
}

export function held_count(): u32 {
  return heldCount();
}
