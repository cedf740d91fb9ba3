/**
 * Power cuts during a version-up: at every sector that it writes, from the first record to the switch, with what was not flushed
 * landing in any way and the sector under way torn. Afterwards one of the two versions starts, whole; what is incomplete is
 * never chosen; and the next attempt gets it done.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scratchFolder } from '../../../host/platform/scratch-folder.ts';
import { chunkOctets } from '../../../host/release/chunk-list.ts';
import { versionUp } from '../../../host/release/version-up.ts';
import { readVersionUpRecord } from '../../../host/slots/version-up-record.ts';
import {
  type MemorySource,
  SampleRepository,
  sampleMachine,
  samplePayload,
} from '../../unit/release/sample-repository.ts';
import { SimulatedDevice } from '../flash/simulated-device.ts';
import {
  DiskSlots,
  DiskState,
  diskSectors,
  isComplete,
  sectorOctets,
  slotOctets,
  slotOn,
  slotSectors,
  startedSlot,
} from './one-disk.ts';

const payload = samplePayload(chunkOctets + 30_000);
const running = samplePayload(slotSectors * sectorOctets);

let repository: SampleRepository;
let source: MemorySource;
let cuts = 0;
let tornSectors = 0;
let resumedWithPart = 0;

beforeAll(() => {
  repository = new SampleRepository();
  repository.release('board-1', '1.1.0', payload);
  source = repository.source();
});

afterAll(() => {
  console.log(
    `cuts of power: ${cuts}, ${tornSectors} with a torn sector; ${resumedWithPart} attempts after them found a part in the slot`,
  );
});

/** Version a in its slot, and in the other what an old version left. */
function newDisk(): SimulatedDevice {
  const disk = new SimulatedDevice(sectorOctets, diskSectors);
  const slot = slotOn(disk, 'a');
  for (let sector = 0; sector < slotSectors; sector++) {
    slot.writeSector(sector, running.subarray(sector * sectorOctets, (sector + 1) * sectorOctets));
  }
  disk.flush();
  return disk.copy();
}

function upgrade(disk: SimulatedDevice): ReturnType<typeof versionUp> {
  const machine = sampleMachine(repository, new DiskSlots(disk), new DiskState(disk), scratchFolder);
  return versionUp(machine, { source }, () => undefined);
}

async function cutAt(disk: SimulatedDevice, write: number): Promise<boolean> {
  disk.writesLeft = write;
  try {
    return (await upgrade(disk)).ok;
  } catch {
    return false;
  }
}

/** What must hold whenever power is back. */
function judge(disk: SimulatedDevice): 'a' | 'b' {
  const slot = startedSlot(disk);
  expect(Buffer.compare(slotOctets(disk, 'a', running.length), running)).toBe(0);
  if (isComplete(disk, 'b')) expect(Buffer.compare(slotOctets(disk, 'b', payload.length), payload)).toBe(0);
  // A version that is tried is known to be on trial: or nobody would judge it, and it would refuse no other version-up.
  if (slot === 'b')
    expect(readVersionUpRecord(new DiskState(disk))).toMatchObject({
      version: '1.1.0',
      slot,
      stage: 'trial',
    });
  return slot;
}

async function finish(disk: SimulatedDevice): Promise<void> {
  const outcome = await upgrade(disk);
  expect(outcome).toMatchObject({ ok: true });
  if (outcome.ok && outcome.value.fetchedOctets < payload.length) resumedWithPart++;
  expect(judge(disk)).toBe('b');
}

/** The same sequence for the same seed. */
function random(seed: number): () => number {
  let state = Math.imul(seed + 1, 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One cut, with the fate of what was not flushed drawn from `seed`. Returns the disk afterwards. */
function powerBack(disk: SimulatedDevice, seed: number): SimulatedDevice {
  const draw = random(seed);
  const share = [0, 0.5, 1][Math.floor(draw() * 3)] ?? 0;
  const last = disk.pending - 1;
  const end = Math.floor(draw() * (sectorOctets + 1));
  const first = Math.floor(draw() * end);
  cuts++;
  if (last < 0 || draw() < 0.25) return disk.afterPowerCut(() => draw() < share);
  tornSectors++;
  return disk.afterPowerCut(
    () => draw() < share,
    [draw() < 0.5 ? last : Math.floor(draw() * disk.pending), { first, end }],
  );
}

it('leaves one of the two versions after each of a thousand cuts, and the next attempt gets it done', async () => {
  const whole = newDisk();
  const before = whole.writes;
  expect((await upgrade(whole)).ok).toBe(true);
  const writes = whole.writes - before;
  expect(writes).toBeGreaterThan(payload.length / sectorOctets);
  const started = new Set<string>();
  const perCut = Math.ceil(1000 / writes);
  for (let write = 0; write <= writes + 1; write++) {
    const disk = newDisk();
    const isDone = await cutAt(disk, write);
    for (let variant = 0; variant < perCut; variant++) {
      const after = powerBack(disk, write * perCut + variant);
      started.add(judge(after));
      if (isDone) expect(judge(after)).toBe('b');
      if (variant === write % perCut) await finish(after);
    }
  }
  expect(started).toEqual(new Set(['a', 'b']));
  expect(cuts).toBeGreaterThanOrEqual(1000);
  expect(resumedWithPart).toBeGreaterThan(10);
}, 240_000);

it('survives a cut in the attempt after a cut, over and over', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const draw = random(seed);
    let disk = newDisk();
    for (let round = 0; round < 5; round++) {
      await cutAt(disk, Math.floor(draw() * 340));
      disk = powerBack(disk, seed * 7 + round);
      judge(disk);
    }
    await finish(disk);
  }
}, 120_000);
