/**
 * Power is cut after every single write of version-ups, confirmations, returns and starts, with every way in which what was not
 * flushed may have ended up: the board starts, from a slot that is whole, with the version before or the one that was written.
 */
import { describe, expect, it } from 'vitest';
import { BootEnvironment } from '../../../host/slots/boot-environment.ts';
import { otherSlot, type SlotName } from '../../../host/slots/slot.ts';
import { Prng } from '../../simulation/prng.ts';
import type { SimulatedDevice, Tear } from '../flash/simulated-device.ts';
import { BoardWorld } from './board-world.ts';

interface Step {
  readonly name: string;
  readonly act: (world: BoardWorld) => void;
  /** Versions that the board may start with when it is cut off. */
  readonly versions: readonly number[];
}

const from = (slot: SlotName) => slot;
const start: Step['act'] = (world) => void world.start();

/** The life of a board, each step after the one before. */
const life: readonly Step[] = [
  { name: 'first start', act: start, versions: [1] },
  { name: 'it is well', act: (world) => world.confirm(from('a')), versions: [1] },
  { name: 'version 2', act: (world) => world.versionUp('a', 2), versions: [1, 2] },
  { name: 'start on trial', act: start, versions: [2] },
  { name: 'confirmed', act: (world) => world.confirm('b'), versions: [2] },
  { name: 'start', act: start, versions: [2] },
  { name: 'version 3', act: (world) => world.versionUp('b', 3), versions: [2, 3] },
  { name: 'first try', act: start, versions: [3] },
  { name: 'second try', act: start, versions: [3] },
  { name: 'third try', act: start, versions: [3, 2] },
  { name: 'back', act: start, versions: [3, 2] },
  { name: 'the trial is over', act: (world) => world.endTrial('b'), versions: [2] },
  { name: 'version 4', act: (world) => world.versionUp('b', 4), versions: [2, 4] },
  { name: 'start of version 4', act: start, versions: [4] },
  { name: 'it gives up', act: (world) => world.endTrial('a'), versions: [4, 2] },
  { name: 'back at version 2', act: start, versions: [2] },
  ...[1, 2, 3, 4].map((one) => ({ name: `breaks ${one}`, act: start, versions: [2, 4] })),
  { name: 'the other one is well', act: (world) => world.confirm('a'), versions: [2, 4] },
  { name: 'version 5', act: (world) => world.versionUp('a', 5), versions: [4, 5] },
];

let cutsInAll = 0;

/** Sectors hold text at their start: that is where a tear matters. */
function tearsOf(prng: Prng, sectorOctets: number): Tear[] {
  const somewhere = (): Tear => {
    const first = prng.below(80);
    return { first, end: first + 1 + prng.below(60) };
  };
  return [
    { first: 0, end: 1 },
    { first: 0, end: 512 },
    { first: prng.below(80), end: sectorOctets },
    ...Array.from({ length: 4 }, () => ({ first: 0, end: 25 + prng.below(60) })),
    ...Array.from({ length: 8 }, somewhere),
  ];
}

/** Every board that there may be after power was cut. */
function* afterCut(world: BoardWorld, prng: Prng): Generator<BoardWorld> {
  const landed: ((device: SimulatedDevice) => SimulatedDevice)[] = [
    (device) => device.afterPowerCut(() => false),
    (device) => device.afterPowerCut(() => true),
    (device) => device.afterPowerCut(() => prng.chance(0.5)),
  ];
  for (const tear of tearsOf(prng, world.boot.sectorOctets))
    landed.push((device) => device.afterPowerCut(() => true, [Math.max(0, device.pending - 1), tear]));
  for (const land of landed) yield world.each(land);
}

/** Switches the board on: it has to start from a whole slot, mend itself, and be able to go on. */
function checkStart(world: BoardWorld, versions: readonly number[]): void {
  const { chosen, how } = world.start();
  const version = world.versionIn(chosen);
  expect(versions).toContain(version);
  expect(how).not.toBe('damaged');
  const environment = new BootEnvironment(world.boot);
  environment.mend(chosen);
  expect(new BootEnvironment(world.boot).mend(chosen)).toEqual([]);
  world.confirm(chosen);
  const next = world.start();
  expect([next.chosen, next.how]).toEqual([chosen, 'active']);
  world.versionUp(chosen, 99);
  expect(world.start()).toEqual({ chosen: otherSlot(chosen), how: 'trial' });
  expect(world.versionIn(otherSlot(chosen))).toBe(99);
}

describe('the slots of a board', () => {
  it('always hold a whole system that is started, wherever power is cut', () => {
    const prng = new Prng(20261127);
    const world = BoardWorld.fromFactory();
    for (const { name, act, versions } of life) {
      for (let writes = 0; ; writes++) {
        // Counted over all partitions: each of them loses power at the same moment.
        const cut = world.copy();
        if (!actUntil(cut, act, writes)) break;
        for (const after of afterCut(cut, prng)) {
          checkStart(after, versions);
          cutsInAll++;
        }
      }
      act(world);
      // A step that is done is durable: power that goes now takes nothing back.
      for (const device of world.devices) expect(device.flushed(), name).toEqual(device.octets());
    }
    expect(world.versionIn('b')).toBe(5);
  });

  it('were cut off more than a thousand times by this test', () => {
    process.stdout.write(`cuts of power: ${cutsInAll}\n`);
    expect(cutsInAll).toBeGreaterThan(1000);
  });
});

/** Does a step with so many writes until power goes; false where it is done before. */
function actUntil(world: BoardWorld, act: Step['act'], writes: number): boolean {
  let left = writes;
  let isCut = false;
  for (const device of world.devices) {
    const write = device.writeSector.bind(device);
    const flush = device.flush.bind(device);
    const spend = (cost: number): void => {
      if (!isCut && left >= cost) {
        left -= cost;
        return;
      }
      isCut = true;
      throw new Error('there is no power');
    };
    device.writeSector = (index, octets) => {
      spend(1);
      write(index, octets);
    };
    // Power may go before what was written is flushed, too.
    device.flush = () => {
      if (left === 0) isCut = true;
      spend(isCut ? 1 : 0);
      flush();
    };
  }
  try {
    act(world);
  } catch (error) {
    if (!isCut) throw error;
  }
  return isCut;
}
