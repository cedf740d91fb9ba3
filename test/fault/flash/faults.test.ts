/** What a device does wrong without losing power: bits that turn over, sectors that are lost, no room, somebody else's content. */
import { describe, expect, it } from 'vitest';
import { ConfigFlash } from '../../../host/flash/config-flash.ts';
import { deviceKeyStore } from '../../../host/flash/key-store.ts';
import { Prng } from '../../simulation/prng.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { forms, openFlash, operate, seen, write } from './worlds.ts';

function written(...texts: string[]): SimulatedDevice {
  const device = new SimulatedDevice(256, 32);
  for (const text of texts) expect(operate(openFlash(device), write(text))).toBe(true);
  return device;
}

/** A record that takes several sectors. */
const long = 'long '.repeat(80);

describe('a bit that turns over', () => {
  it('anywhere changes nothing, is said, and is mended', () => {
    const device = written('first', long);
    const before = seen(openFlash(device));
    const used = openFlash(device)
      .status()
      .copies.map(({ usedSectors }) => usedSectors);
    let found = 0;
    for (let sector = 0; sector < device.sectorCount; sector++) {
      for (const bit of [0, 8 * 13, 8 * 100 + 3, 8 * 256 - 1]) {
        const one = device.copy();
        one.flip(sector, bit);
        const flash = openFlash(one);
        expect(seen(flash)).toBe(before);
        const isUsed = sector % 16 < (used[sector >> 4] ?? 0);
        // The last sector, damaged, is no longer known to have been written: its copy is not whole.
        if (isUsed) expect(flash.status().problems.join()).toMatch(/damaged sectors|is not whole/);
        else expect(flash.status().problems).toEqual([]);
        found += isUsed ? 1 : 0;
        flash.repair();
        expect(
          openFlash(one)
            .status()
            .copies.map(({ isComplete }) => isComplete),
        ).toEqual([true, true]);
      }
    }
    expect(found).toBeGreaterThan(30);
  });

  it('in both copies of the newest settings leaves those before, and says so', () => {
    const device = written('first', long);
    for (const sector of [2, 16 + 2]) device.flip(sector, 999);
    const flash = openFlash(device);
    expect(flash.current?.document).toEqual({ text: 'first' });
    expect(flash.status()).toMatchObject({ revision: 1 });
    expect(flash.status().problems.join()).toMatch(
      /cut off while it was written, or is damaged in both copies/,
    );
    flash.repair();
    expect(operate(flash, write('third'))).toBe(true);
    expect(seen(openFlash(device))).toContain('third');
    expect(openFlash(device).status().problems.join()).not.toMatch(/cut off/);
  });

  it('in many places, at random, leaves one of the settings that were there, or is said', () => {
    const prng = new Prng(1);
    let [whole, older, none] = [0, 0, 0];
    for (let round = 0; round < 1000; round++) {
      const device = written('first', 'second', long);
      const flips = 1 + prng.below(6);
      for (let flip = 0; flip < flips; flip++) device.flip(prng.below(32), prng.below(8 * 256));
      const flash = openFlash(device);
      const document = JSON.stringify(flash.current?.document);
      if (document === JSON.stringify({ text: long })) whole++;
      else {
        if (document === undefined) none++;
        else older++;
        expect([undefined, '{"text":"first"}', '{"text":"second"}']).toContain(document);
        expect(flash.status().problems).not.toEqual([]);
      }
    }
    expect(whole).toBeGreaterThan(700);
    expect(none).toBe(0);
    expect(older).toBeGreaterThan(0);
  });
});

describe('a device that gives up', () => {
  it('sectors of one copy is read from the other, and written where it can be', () => {
    const device = written('first', 'second');
    const before = seen(openFlash(device));
    for (let sector = 0; sector < 16; sector++) device.unreadable.add(sector);
    expect(seen(openFlash(device))).toBe(before);
    const flash = openFlash(device);
    expect(operate(flash, write('third'))).toBe(true);
    expect(seen(openFlash(device))).toContain('third');
    expect(flash.status().problems.join()).toMatch(/copy 1 is not whole/);
  });

  it('writing to one copy goes on with the other, and says so; to both, changes nothing', () => {
    const device = written('first');
    device.refused = [0, 15];
    const flash = openFlash(device);
    expect(operate(flash, write('second'))).toBe(true);
    expect(flash.status().problems.join()).toMatch(
      /copy 1 could not be written: sector \d+ cannot be written/,
    );
    for (let round = 0; round < 40; round++) operate(openFlash(device), write(`third ${round}`));
    // The other copy has the only good place now; when it is full, it is not overwritten.
    expect(openFlash(device).current?.document).toMatchObject({ text: expect.stringMatching(/^third/) });
    device.refused = [0, 31];
    const before = seen(openFlash(device));
    const stuck = openFlash(device);
    expect(operate(stuck, write('fourth'))).toBe(false);
    expect(seen(stuck)).toBe(before);
    expect(seen(openFlash(device))).toBe(before);
  });
});

describe('a full device', () => {
  it('refuses what does not fit, and stays as it was', () => {
    const device = written('first');
    const before = device.octets();
    const flash = openFlash(device);
    const refused = flash.write({
      document: { text: 'x'.repeat(256 * 13) },
      credentials: new Map(),
      origin: 'test',
    });
    expect(refused).toMatchObject({ ok: false, code: 'FULL' });
    expect(refused.ok ? '' : refused.message).toMatch(
      /a copy has 16 sectors of 256 octets, and \d+ are needed/,
    );
    expect(Buffer.compare(device.octets(), before)).toBe(0);
    expect(operate(flash, write('second'))).toBe(true);
  });

  it('gives the revision before up for a larger one, and what is in force for nothing', () => {
    const device = written('first', long, long);
    const flash = openFlash(device);
    expect(flash.previous).toBeDefined();
    expect(operate(flash, write('y'.repeat(700), true))).toBe(true);
    expect(flash.trial?.number).toBe(4);
    expect(operate(flash, { kind: 'confirm' })).toBe(true);
    expect(openFlash(device).current?.number).toBe(4);
    expect(operate(openFlash(device), { kind: 'reset' })).toBe(true);
  });
});

describe('what is not ours', () => {
  it('is not overwritten, unless told to', () => {
    const device = new SimulatedDevice(256, 32);
    device.writeSector(0, new Uint8Array(256).fill(7));
    device.flush();
    const before = device.octets();
    const flash = openFlash(device);
    expect(operate(flash, write('first'))).toBe(false);
    flash.repair();
    expect(operate(flash, { kind: 'reset' })).toBe(false);
    expect(Buffer.compare(device.octets(), before)).toBe(0);
    expect(flash.status().problems.join()).toMatch(/no config flash/);
    expect(flash.reset(true).ok).toBe(true);
    expect(operate(openFlash(device), write('first'))).toBe(true);
  });

  it('is a record of a later format', () => {
    const device = written('first');
    const sector = device.readSector(0);
    const { crc32 } = process.getBuiltinModule('node:zlib');
    sector[2] = 9;
    new DataView(sector.buffer).setUint32(252, crc32(sector.subarray(0, 252)));
    device.writeSector(0, sector);
    device.flush();
    expect(openFlash(device).contents).toBe('later-format');
    expect(operate(openFlash(device), write('second'))).toBe(false);
  });

  it('is a device with no room for two copies', () => {
    expect(openFlash(new SimulatedDevice(256, 7)).contents).toBe('other');
  });
});

describe('a reset', () => {
  it('leaves no octet of any credential on the device', () => {
    const device = written('first', 'second', long);
    expect(Buffer.from(device.octets()).includes('key of second')).toBe(true);
    expect(openFlash(device).reset().ok).toBe(true);
    expect(Buffer.from(device.octets()).includes('key of')).toBe(false);
    expect(Buffer.from(device.octets()).includes('long')).toBe(false);
    // Numbers are not given twice, so that nobody takes one revision for another.
    expect(operate(openFlash(device), write('new'))).toBe(true);
    expect(openFlash(device).current?.number).toBe(4);
  });
});

describe('erase counts', () => {
  it('are spread: a thousand changes write each sector about as often as the others', () => {
    const device = new SimulatedDevice(512, 64);
    const flash = openFlash(device);
    const changes = 1000;
    for (let change = 0; change < changes; change++) expect(operate(flash, write(`${change}`))).toBe(true);
    const most = Math.max(...device.wear);
    // One sector a change and copy; 32 sectors, of which at each new start two are for what is kept.
    const bound = Math.ceil(changes / (32 - 2)) + 1;
    process.stdout.write(`most writes of a sector: ${most} in ${changes} changes\n`);
    expect(most).toBeLessThanOrEqual(bound);
    expect(most - Math.min(...device.wear)).toBeLessThanOrEqual(1);
    expect(flash.status().copies.map(({ generation }) => generation)).toEqual([most, most]);
  });
});

describe('a key store', () => {
  const random = (octets: number) => new Prng(octets).octets(octets);
  const keyStore = deviceKeyStore(new Uint8Array(32).fill(1), random);

  it('leaves no credential on the device in clear', () => {
    const device = new SimulatedDevice(256, 32);
    expect(operate(openFlash(device, { keyStore }), write('first'))).toBe(true);
    expect(Buffer.from(device.octets()).includes('key of first')).toBe(false);
    expect(seen(openFlash(device, { keyStore }))).toContain('key of first');
  });

  it('of another board does not open them, nor one after the settings were changed', () => {
    const device = new SimulatedDevice(256, 32);
    operate(openFlash(device, { keyStore }), write('first'));
    const other = deviceKeyStore(new Uint8Array(32).fill(2), random);
    expect(openFlash(device, { keyStore: other }).credentials(1)).toMatchObject({
      ok: false,
      code: 'KEY_STORE',
    });
    expect(new ConfigFlash({ device, forms, software: 'test' }).credentials(1)).toMatchObject({
      message: expect.stringMatching(
        /sealed by the key store device-key; this router has none\. .*factory-reset/,
      ),
    });
    const sealed = keyStore.seal(Uint8Array.of(1, 2, 3), Uint8Array.of(1));
    if (!sealed.ok) throw new Error(sealed.message);
    expect(keyStore.open(sealed.value, Uint8Array.of(2)).ok).toBe(false);
    expect(keyStore.open(sealed.value.subarray(0, 20), Uint8Array.of(1)).ok).toBe(false);
    const opened = keyStore.open(sealed.value, Uint8Array.of(1));
    expect(opened.ok && [...opened.value]).toEqual([1, 2, 3]);
  });
});
