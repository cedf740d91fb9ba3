/**
 * Credentials that were on the flash as they are, when the board has a key store now: sealed in place, whatever power does, with
 * nothing plain left anywhere; and not before software without a key store is done with them.
 */
import { describe, expect, it } from 'vitest';
import type { ConfigFlash } from '../../../host/flash/config-flash.ts';
import { historyOf } from '../../../host/flash/history.ts';
import { deviceKeyStore, type KeyStore } from '../../../host/flash/key-store.ts';
import { fail, ok } from '../../../host/model/result.ts';
import { Prng } from '../../simulation/prng.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { cutEverywhere, type Operation, openFlash, operate, seen, write } from './worlds.ts';

const prng = new Prng(20261127);
const keyStore = deviceKeyStore(new Uint8Array(32).fill(1), (octets) => prng.octets(octets));

/** What every credential of these tests begins with, in each form in which it could be on a device. */
const secret = Buffer.from('key of ');
const forms = [
  secret,
  ...['hex', 'base64', 'base64url'].map((form) =>
    // Of base64 as much as does not depend on what comes behind.
    Buffer.from(secret.subarray(0, 6).toString(form as BufferEncoding)),
  ),
];

function holdsSecret(device: SimulatedDevice): boolean {
  const octets = Buffer.from(device.octets());
  return forms.some((form) => octets.includes(form));
}

function plainDevice(shape: readonly [number, number], ...operations: Operation[]): SimulatedDevice {
  const device = new SimulatedDevice(...shape);
  for (const operation of operations) expect(operate(openFlash(device), operation)).toBe(true);
  expect(holdsSecret(device)).toBe(true);
  return device;
}

/** As a router does it at its start. */
function start(device: SimulatedDevice, more: { maySeal?: () => boolean } = {}): ConfigFlash {
  const flash = openFlash(device, { keyStore, ...more });
  flash.repair();
  expect(flash.sealCredentials().ok).toBe(true);
  return flash;
}

const long = 'a longer one '.repeat(12);

describe('credentials that were plain', () => {
  const before: readonly (readonly Operation[])[] = [
    [write('first')],
    [write('first'), write('second', true), { kind: 'confirm' }],
    [write('first'), write(long), write('third', true), { kind: 'revert' }],
    // Copies that were started anew, with what an earlier generation left.
    [...Array.from({ length: 9 }, (_, index) => write(`${index} ${long}`)), write(long)],
  ];

  it.each([
    [128, 64],
    [512, 16],
  ] as const)(
    'are sealed, and nothing plain is left, after a cut at any write (%i octets, %i sectors)',
    (...shape) => {
      let cuts = 0;
      for (const operations of before) {
        const device = plainDevice(shape, ...operations);
        const inForce = seen(openFlash(device));
        cuts += cutEverywhere(
          device,
          (one) => {
            const flash = openFlash(one, { keyStore });
            flash.repair();
            flash.sealCredentials();
          },
          prng,
          (one) => {
            // It starts with the settings that were in force, whichever form they have, and ends up with nothing plain.
            expect(seen(openFlash(one, { keyStore }))).toBe(inForce);
            const flash = start(one);
            expect(seen(flash)).toBe(inForce);
            expect(flash.status()).toMatchObject({ keyStore: 'device-key', previous: null });
            expect(flash.status().problems.join()).not.toMatch(/overwritten|not encrypted/);
            expect(holdsSecret(one)).toBe(false);
            expect(seen(openFlash(one, { keyStore }))).toBe(inForce);
          },
          1,
        );
      }
      process.stdout.write(`cuts of power while credentials were sealed: ${cuts}\n`);
      expect(cuts).toBeGreaterThan(300);
    },
  );

  it('are sealed once: the next start writes nothing', () => {
    const device = plainDevice([512, 16], write('first'));
    start(device);
    const octets = device.octets();
    start(device);
    expect(device.octets()).toEqual(octets);
    expect(operate(openFlash(device, { keyStore }), write('second'))).toBe(true);
    expect(operate(openFlash(device, { keyStore }), write('third'))).toBe(true);
    expect(start(device).status()).toMatchObject({ revision: 3, previous: 2 });
    expect(holdsSecret(device)).toBe(false);
  });

  it('are sealed before others are written beside them', () => {
    const device = plainDevice([512, 16], write('first'));
    expect(operate(openFlash(device, { keyStore }), write('second', true))).toBe(true);
    expect(holdsSecret(device)).toBe(false);
    expect(openFlash(device, { keyStore }).status()).toMatchObject({ revision: 1, trial: 2 });
  });

  it('on a device that cannot be overwritten stay, and that is said', () => {
    const device = plainDevice([512, 16], write('first'), write('second'));
    const inForce = seen(openFlash(device));
    device.refused = [1, 8];
    const flash = start(device);
    expect(seen(flash)).toBe(inForce);
    expect(flash.status()).toMatchObject({ keyStore: 'device-key' });
    expect(flash.status().problems.join()).toMatch(/not everything could be overwritten/);
  });
});

describe('a key store', () => {
  it('waits for software that has none, which finds everything as it left it', () => {
    const device = plainDevice([512, 16], write('first'));
    let maySeal = false;
    const flash = start(device, { maySeal: () => maySeal });
    expect(operate(flash, write('second'))).toBe(true);
    expect(flash.status()).toMatchObject({ keyStore: null });
    expect(flash.status().problems.join()).toMatch(
      /not encrypted yet: the software before this one may have to read them/,
    );
    expect(seen(openFlash(device))).toBe('[[2,{"text":"second"},"key of second"],null]');
    maySeal = true;
    expect(flash.sealCredentials()).toEqual({ ok: true, value: true });
    expect(flash.status()).toMatchObject({ keyStore: 'device-key', problems: [] });
    expect(holdsSecret(device)).toBe(false);
  });

  it('on a new flash writes nothing that such software could not read, for as long', () => {
    const device = new SimulatedDevice(512, 16);
    expect(operate(openFlash(device, { keyStore, maySeal: () => false }), write('first'))).toBe(true);
    expect(seen(openFlash(device))).toContain('key of first');
  });

  it('waits for the end of a trial', () => {
    const device = plainDevice([512, 16], write('first'), write('second', true));
    const flash = start(device);
    expect(flash.status().problems.join()).toMatch(/not encrypted yet: settings are on trial/);
    expect(operate(flash, { kind: 'confirm' })).toBe(true);
    expect(flash.sealCredentials()).toEqual({ ok: true, value: true });
    expect(flash.status()).toMatchObject({ revision: 2, trial: null, keyStore: 'device-key' });
    expect(holdsSecret(device)).toBe(false);
  });

  it('leaves the settings to read for software without one, and the credentials not', () => {
    const device = plainDevice([512, 16], write('first'));
    start(device);
    const older = openFlash(device);
    older.repair();
    expect(older.current?.document).toEqual({ text: 'first' });
    expect(older.status()).toMatchObject({ keyStore: 'device-key' });
    expect(older.credentials(1)).toMatchObject({ ok: false, code: 'KEY_STORE' });
    // What such software writes is plain; it is sealed when the key store is there again.
    expect(operate(older, write('by the older one'))).toBe(true);
    expect(holdsSecret(device)).toBe(true);
    const inForce = seen(openFlash(device));
    expect(seen(start(device))).toBe(inForce);
    expect(holdsSecret(device)).toBe(false);
  });

  const broken: readonly (readonly [string, KeyStore])[] = [
    ['that cannot be used', { ...keyStore, seal: () => fail('KEY_STORE', 'expected a TPM 2.0') }],
    ['that does not open again', { ...keyStore, open: () => fail('KEY_STORE', 'expected a TPM 2.0') }],
    ['that gives back something else', { ...keyStore, open: () => ok(Uint8Array.of(1)) }],
  ];
  it.each(broken)('%s changes nothing, and nothing is written plain for that', (_, store) => {
    const device = plainDevice([512, 16], write('first'));
    const octets = device.octets();
    const flash = openFlash(device, { keyStore: store });
    expect(flash.sealCredentials()).toMatchObject({ ok: false, code: 'KEY_STORE' });
    expect(operate(flash, write('second'))).toBe(false);
    expect(flash.status().problems.join()).toMatch(
      /not encrypted yet: (expected a TPM 2.0|the key store .* gives back other octets)/,
    );
    expect(device.octets()).toEqual(octets);
    expect(seen(flash)).toContain('key of first');
    const empty = new SimulatedDevice(512, 16);
    expect(operate(openFlash(empty, { keyStore: store }), write('first'))).toBe(false);
    expect(holdsSecret(empty)).toBe(false);
  });
});

describe('the revision that was written sealed', () => {
  const head = {
    ...{ number: 1, origin: 'apply', software: '1', keyStore: 'tpm2', voidsBefore: true as const, forms: [] },
  };
  const sealed = {
    kind: 'revision',
    head,
    credentials: new Uint8Array(),
    context: new Uint8Array(),
  } as const;
  const later = { kind: 'unknown', code: 9 } as const;
  const historyWith = (...records: Parameters<typeof historyOf>[0]) => historyOf(records, () => true);

  it('voids what was before it, of software that it does not know too', () => {
    expect(historyWith([1, later], [2, sealed]).voidedBy).toBe(2);
  });

  it('voids nothing any more where software that it does not know has written since', () => {
    const history = historyWith([2, sealed], [3, later]);
    expect(history).toMatchObject({ current: { sequence: 2 }, voidedBy: undefined, isShared: true });
    expect(history.wanted.others).toContain(3);
  });
});
