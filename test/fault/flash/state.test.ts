/**
 * Power is cut after every single write of a router's small documents, with every way in which what was not flushed may have ended
 * up: each document is the one before or the new one, and the others are as they were. The same faults as of the settings.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { settingsPart, statePart } from '../../../host/flash/device-part.ts';
import { StateFlash } from '../../../host/flash/state-flash.ts';
import { configFlash, type DeviceUse, openBlockDevice } from '../../../host/platform/block-device.ts';
import { Prng } from '../../simulation/prng.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { cutEverywhere, openFlash, operate, seen, write } from './worlds.ts';

const names = ['last-seen-time', 'version-up', 'release-root'];
/** In turn; the last is as long as several sectors, and fills the log again and again. */
const writes = Array.from({ length: 24 }, (_, index) => ({
  name: names[index % names.length] ?? '',
  text: `${index} `.repeat(index % names.length === 2 ? 60 : 3),
}));

const textOf = (octets: Uint8Array | undefined): string | null =>
  octets === undefined ? null : Buffer.from(octets).toString();
const all = (device: SimulatedDevice): (string | null)[] => {
  const state = new StateFlash(device);
  return names.map((name) => textOf(state.read(name)));
};
const put = (device: SimulatedDevice, { name, text }: { name: string; text: string }): void =>
  new StateFlash(device).write(name, Buffer.from(text));

/** A cut throws, as it does in a router. */
const attempt = (device: SimulatedDevice, one: { name: string; text: string }): void => {
  try {
    put(device, one);
  } catch (error) {
    if (device.hasPower) throw error;
  }
};

let cutsInAll = 0;

describe('the state of a router', () => {
  it.each([
    [128, 24],
    [512, 12],
  ])(
    'has the old or the new document after a cut at any write (%i octets, %i sectors)',
    (octets, sectors) => {
      const prng = new Prng(5);
      const device = new SimulatedDevice(octets, sectors);
      for (const one of writes) {
        const before = all(device.copy());
        const complete = device.copy();
        put(complete, one);
        const after = all(complete);
        cutsInAll += cutEverywhere(
          device.copy(),
          (cut) => attempt(cut, one),
          prng,
          (cut) => {
            expect([before, after]).toContainEqual(all(cut));
            put(cut, { name: 'version-up', text: 'and on' });
            expect(all(cut)[1]).toBe('and on');
          },
        );
        put(device, one);
      }
    },
  );

  it('has the old or the new document after a cut in the attempt after a cut, with no room for both', () => {
    const prng = new Prng(11);
    const [first, second, third] = ['1', '2', '3'].map((digit) => ({
      name: 'release-root',
      text: digit.repeat(400),
    }));
    const device = new SimulatedDevice(128, 16);
    put(device, first!);
    for (let writes = 0, isCut = true; isCut; writes++) {
      const half = device.copy();
      half.writesLeft = writes;
      attempt(half, second!);
      isCut = !half.hasPower;
      for (const landed of [true, false]) {
        const found = half.afterPowerCut(() => landed);
        const before = all(found.copy());
        expect([first?.text, second?.text]).toContain(before[2]);
        cutsInAll += cutEverywhere(
          found,
          (cut) => attempt(cut, third!),
          prng,
          (cut) => expect([before[2], third?.text]).toContain(all(cut)[2]),
        );
      }
    }
  });

  it('has every document after any bit turned over', () => {
    const device = new SimulatedDevice(256, 16);
    for (const one of writes.slice(0, 3)) put(device, one);
    const before = all(device);
    for (let sector = 0; sector < 16; sector++) {
      for (const bit of [0, 99, 1500]) {
        const one = device.copy();
        one.flip(sector, bit);
        expect(all(one)).toEqual(before);
      }
    }
  });

  it('refuses what it has no room for, and keeps what there is', () => {
    const device = new SimulatedDevice(128, 16);
    put(device, { name: 'version-up', text: 'kept' });
    expect(() => put(device, { name: 'release-root', text: 'x'.repeat(128 * 9) })).toThrow(
      /release-root cannot be kept: a copy has 8 sectors/,
    );
    expect(all(device)).toEqual([null, 'kept', null]);
  });

  it('was cut off often enough', () => {
    process.stdout.write(`cuts of power: ${cutsInAll}\n`);
    expect(cutsInAll).toBeGreaterThan(1000);
  });
});

describe('a divided device', () => {
  it('gives the state a quarter, the settings the rest, each at most 1 MiB, and a small device no state', () => {
    expect(statePart(63)).toBeUndefined();
    expect(settingsPart(63)).toEqual({ first: 0, sectors: 63 });
    expect([settingsPart(64), statePart(64)]).toEqual([
      { first: 0, sectors: 48 },
      { first: 48, sectors: 16 },
    ]);
    expect([settingsPart(4096), statePart(4096)]).toEqual([
      { first: 0, sectors: 256 },
      { first: 3840, sectors: 256 },
    ]);
  });

  it('keeps settings and state apart', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-state-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'config');
    writeFileSync(file, new Uint8Array(2 ** 20), { mode: 0o600 });
    const part = (cut: NonNullable<DeviceUse['part']>) => {
      const opened = openBlockDevice(file, 'write', { ...configFlash, part: cut });
      onTestFinished(() => opened.close());
      return opened;
    };
    const settings = part(settingsPart);
    const state = part(statePart);
    for (let round = 0; round < 60; round++) {
      expect(operate(openFlash(settings), write(`settings ${round}`))).toBe(true);
      new StateFlash(state).write('version-up', Buffer.from(`state ${round}`));
    }
    expect(seen(openFlash(settings))).toContain('settings 59');
    expect(textOf(new StateFlash(state).read('version-up'))).toBe('state 59');
    expect(() => state.writeSector(64, new Uint8Array(4096))).toThrow(/there is no sector 64/);
  });
});
