/**
 * The shipped engine for the simulation, small, and a look into its memory after each change of its tables: both banks say
 * the same and one of them is active, slots that hold no SA hold nothing, no key is left where keys come in.
 */
import { BANK_BINDINGS, BINDING_SIZE, SAD_SIZE, SAD_SPI, SAD_STATE } from '../../firmware/abi/bank.ts';
import {
  CANARY_OCTET,
  REGION_BANK_0,
  REGION_BANK_1,
  REGION_CIPHERS,
  REGION_KEY_STAGING,
  REGION_REPLAY,
  REGION_SA_SLOTS,
} from '../../firmware/abi/layout.ts';
import { SA_SLOT_SIZE, SA_STATE, SA_STATE_EMPTY } from '../../firmware/abi/sa-slot.ts';
import { Dataplane } from '../../host/dataplane/dataplane.ts';
import type { Engine } from '../../host/dataplane/engine.ts';
import {
  type Capacities,
  canaries,
  layOutMemory,
  type MemoryLayout,
} from '../../host/dataplane/memory-layout.ts';
import type { Prng } from './prng.ts';
import { Violation } from './witness.ts';

function capacitiesFor(saPairs: number): Capacities {
  return {
    saPairs,
    spdEntries: saPairs,
    spdRows: 2 * saPairs,
    bindingRows: 16 * saPairs,
    packetSlots: 1,
    packetOctets: 256,
    heldPackets: 128,
    heldPerKey: 64,
    events: 256,
    flows: 64,
    bundles: 1,
  };
}

const layouts = new WeakMap<Engine, MemoryLayout>();

export function makeShippedEngine(prng: Prng, saPairs: number): Engine {
  const capacities = capacitiesFor(saPairs);
  const engine = new Dataplane({ capacities, random: (octets) => prng.octets(octets) });
  layouts.set(engine, layOutMemory(capacities));
  return engine;
}

const region = (layout: MemoryLayout, number: number): number => layout.regions[number]!;

/** Where slot `slot` lies in memory. */
export function slotAddress(layout: MemoryLayout, slot: number): number {
  return region(layout, REGION_SA_SLOTS) + slot * SA_SLOT_SIZE;
}

/** Throws a Violation where memory is not as it must be between two runs. */
export function inspectShippedEngine(engine: Engine): void {
  const layout = layouts.get(engine);
  if (!(engine instanceof Dataplane) || layout === undefined) return;
  const memory = engine.buffer;
  const view = new DataView(memory);
  checkBanks(engine, view, layout);
  checkSlots(view, memory, layout);
  if (!isZero(memory, region(layout, REGION_KEY_STAGING), layout.regionSizes[REGION_KEY_STAGING]!)) {
    throw new Violation('slot-not-wiped', 'a key is left where keys come in');
  }
  for (const canary of canaries(memory, layout)) {
    if (canary.some((octet) => octet !== CANARY_OCTET))
      throw new Violation('slot-not-wiped', 'a canary was overwritten');
  }
}

function checkBanks(engine: Dataplane, view: DataView, layout: MemoryLayout): void {
  const { capacities } = layout;
  const { activeBank, generation } = engine.snapshot(0);
  if (activeBank !== (generation & 1)) {
    throw new Violation('two-banks-active', `bank ${activeBank} in generation ${generation}`);
  }
  const sad = BANK_BINDINGS + capacities.spdEntries * BINDING_SIZE;
  for (let place = 0; place < capacities.saPairs; place += 1) {
    for (const field of [SAD_SPI, SAD_STATE]) {
      const at = sad + place * SAD_SIZE + field;
      const values = [REGION_BANK_0, REGION_BANK_1].map((bank) =>
        view.getUint32(region(layout, bank) + at, true),
      );
      if (values[0] !== values[1])
        throw new Violation('two-banks-active', `the banks differ at place ${place}`);
    }
  }
}

function checkSlots(view: DataView, memory: ArrayBuffer, layout: MemoryLayout): void {
  const { saPairs } = layout.capacities;
  const slotCount = 2 * saPairs;
  const cipherOctets = layout.regionSizes[REGION_CIPHERS]! / slotCount;
  const replayOctets = layout.regionSizes[REGION_REPLAY]! / saPairs;
  const ciphers = region(layout, REGION_CIPHERS);
  const replay = region(layout, REGION_REPLAY);
  for (let slot = 0; slot < slotCount; slot += 1) {
    const at = slotAddress(layout, slot);
    if (view.getUint32(at + SA_STATE, true) !== SA_STATE_EMPTY) continue;
    const isClean =
      isZero(memory, at, SA_SLOT_SIZE) &&
      isZero(memory, ciphers + slot * cipherOctets, cipherOctets) &&
      (slot >= saPairs || isZero(memory, replay + slot * replayOctets, replayOctets));
    if (!isClean) throw new Violation('slot-not-wiped', `slot ${slot} holds no SA, but something`);
  }
}

function isZero(memory: ArrayBuffer, at: number, length: number): boolean {
  const words = new BigUint64Array(memory, at, length >> 3);
  for (let index = 0; index < words.length; index += 1) if (words[index] !== 0n) return false;
  return true;
}
