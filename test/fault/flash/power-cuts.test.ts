/**
 * Power is cut after every single write, with every way in which what was not flushed may have ended up: what was in force is in
 * force, or what was being written. So it is while two copies are brought to be whole again, and while a sector is damaged.
 */
import { describe, expect, it } from 'vitest';
import { Prng } from '../../simulation/prng.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { cutEverywhere, type Operation, openFlash, operate, seen, write } from './worlds.ts';

const script: readonly Operation[] = [
  write('first'),
  write('second'),
  write('third', true),
  { kind: 'confirm' },
  write('a longer one '.repeat(30)),
  write('fourth', true),
  { kind: 'revert' },
  write('fifth', true),
  write('sixth, which takes the place of one on trial', true),
  { kind: 'confirm' },
  { kind: 'reset' },
  write('after the reset'),
  write('again'),
  // What is in force stays where it is while what comes and goes fills the copies, and they are started anew over it.
  ...Array.from({ length: 6 }, (_, index): readonly Operation[] => [
    write(`tried ${index}`, true),
    { kind: 'revert' },
  ]).flat(),
  write('at last'),
];

/** Octets of a sector, and number of sectors: from such that a record takes several, to a roomy one. */
const shapes = [
  [128, 48],
  [512, 16],
] as const;

/** The device as the script finds it before each operation. */
function* states([octets, sectors]: readonly [number, number]): Generator<{
  readonly device: SimulatedDevice;
  readonly operation: Operation;
}> {
  const device = new SimulatedDevice(octets, sectors);
  for (const operation of script) {
    yield { device: device.copy(), operation };
    expect(operate(openFlash(device), operation)).toBe(true);
  }
}

let cutsInAll = 0;

describe('the config flash', () => {
  it.each(shapes)(
    'has the old or the new settings after a cut at any write (%i octets, %i sectors)',
    (...shape) => {
      const prng = new Prng(20261127);
      for (const { device, operation } of states(shape)) {
        const before = seen(openFlash(device.copy()));
        const complete = device.copy();
        operate(openFlash(complete), operation);
        const after = seen(openFlash(complete));
        cutsInAll += cutEverywhere(
          device,
          (one) => operate(openFlash(one), operation),
          prng,
          (one) => {
            const flash = openFlash(one);
            const found = seen(flash);
            expect([before, after]).toContain(found);
            flash.repair();
            expect(seen(flash)).toBe(found);
            expect(flash.status().copies.map(({ isComplete }) => isComplete)).toEqual([true, true]);
            expect(seen(openFlash(one))).toBe(found);
            // It can go on from there.
            expect(operate(flash, write('and on'))).toBe(true);
            expect(openFlash(one).current?.document).toEqual({ text: 'and on' });
          },
        );
      }
    },
  );

  it.each(shapes)(
    'stays as it was found, cut off while it is repaired (%i octets, %i sectors)',
    (...shape) => {
      const prng = new Prng(7);
      for (const { device, operation } of states(shape)) {
        // One cut in the middle of the operation, and then another one at each write of the repair.
        const half = device.copy();
        half.writesLeft = 1 + prng.below(3);
        operate(openFlash(half), operation);
        const found = half.afterPowerCut(() => prng.chance(0.5));
        const before = seen(openFlash(found));
        cutsInAll += cutEverywhere(
          found,
          (one) => openFlash(one).repair(),
          prng,
          (one) => expect(seen(openFlash(one))).toBe(before),
        );
      }
    },
  );

  it.each(shapes)(
    'has the old or the new settings with a damaged sector too (%i octets, %i sectors)',
    (octets, sectors) => {
      const prng = new Prng(42);
      for (const { device, operation } of states([octets, sectors])) {
        const complete = device.copy();
        operate(openFlash(complete), operation);
        const allowed = [seen(openFlash(device.copy())), seen(openFlash(complete))];
        for (
          let sector = 0;
          sector < device.sectorCount;
          sector += 1 + prng.below(octets < 512 ? device.sectorCount : 4)
        ) {
          const damaged = device.copy();
          damaged.flip(sector, prng.below(8 * device.sectorOctets));
          expect(seen(openFlash(damaged))).toBe(allowed[0]);
          cutsInAll += cutEverywhere(
            damaged,
            (one) => operate(openFlash(one), operation),
            prng,
            (one) => expect(allowed).toContain(seen(openFlash(one))),
            1,
          );
        }
      }
    },
  );

  it('was cut off more than a thousand times by these tests', () => {
    process.stdout.write(`cuts of power: ${cutsInAll}\n`);
    expect(cutsInAll).toBeGreaterThan(1000);
  });
});
