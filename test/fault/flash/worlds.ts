/** What the fault tests of the config flash have in common: operations, what can be seen of a flash, and cuts at every write. */
import type { BlockDevice } from '../../../host/flash/block-device.ts';
import { ConfigFlash, type FlashOptions } from '../../../host/flash/config-flash.ts';
import type { FormTable } from '../../../host/flash/form.ts';
import type { Prng } from '../../simulation/prng.ts';
import type { SimulatedDevice } from './simulated-device.ts';

export const forms: FormTable = { version: 1, migrations: [] };

export function openFlash(device: BlockDevice, more: Partial<FlashOptions> = {}): ConfigFlash {
  return new ConfigFlash({ device, forms, software: 'test', ...more });
}

/** One thing that is done to a flash. */
export type Operation =
  | { readonly kind: 'write'; readonly text: string; readonly isTrial: boolean }
  | { readonly kind: 'confirm' }
  | { readonly kind: 'revert' }
  | { readonly kind: 'reset' };

export function write(text: string, isTrial = false): Operation {
  return { kind: 'write', text, isTrial };
}

/** Does it. Returns whether the flash says that it is done. */
export function operate(flash: ConfigFlash, operation: Operation): boolean {
  const number = flash.trial?.number ?? 0;
  switch (operation.kind) {
    case 'write': {
      const { text, isTrial } = operation;
      const secret = new TextEncoder().encode(`key of ${text}`);
      return flash.write({
        document: { text },
        credentials: new Map([['key', secret]]),
        origin: 'test',
        ...(isTrial ? { trial: { seconds: 60, isManual: false } } : {}),
      }).ok;
    }
    case 'confirm':
      return flash.decide(number, 'confirmed', 'the server answered').ok;
    case 'revert':
      return flash.decide(number, 'reverted', 'the server did not answer').ok;
    case 'reset':
      return flash.reset().ok;
  }
}

/** What is in force and on trial, with its credentials, as text. */
export function seen(flash: ConfigFlash): string {
  const show = (revision: ConfigFlash['current']): unknown => {
    if (revision === undefined) return null;
    const files = flash.credentials(revision.number);
    const key = files.ok ? Buffer.from(files.value.get('key') ?? []).toString() : files.code;
    return [revision.number, revision.document, key];
  };
  return JSON.stringify([show(flash.current), show(flash.trial)]);
}

/** Ways in which what was not flushed may have ended up, for so many writes. */
export function* landings(
  device: SimulatedDevice,
  prng: Prng,
  exhaustiveUpTo: number,
): Generator<SimulatedDevice> {
  const { pending, sectorOctets } = device;
  const isNew = device.flushed().every((octet) => octet === 0);
  if (pending <= exhaustiveUpTo) {
    for (let subset = 0; subset < 2 ** pending; subset++) {
      yield device.afterPowerCut((write) => ((subset >> write) & 1) === 1);
    }
  } else {
    yield device.afterPowerCut(() => true);
    yield device.afterPowerCut(() => false);
    for (let round = 0; round < 3; round++) yield device.afterPowerCut(() => prng.chance(0.5));
  }
  // A write is torn: the one under way with nothing but its start, at the start, in the header, in the content, in the CRC; any one with
  // a piece from its middle. What nothing at all was written before must have its start, or nobody could tell what it is.
  for (const end of [1, 10, sectorOctets >> 1, sectorOctets - 3]) {
    if (pending === 0) break;
    yield device.afterPowerCut(() => true, [pending - 1, { first: 0, end }]);
    const torn = prng.below(pending);
    const first = isNew ? 0 : prng.below(sectorOctets - 1);
    const last = first + 1 + prng.below(sectorOctets - 1 - first);
    yield device.afterPowerCut(() => prng.chance(0.5), [torn, { first, end: last }]);
  }
}

/**
 * Cuts power after every write of what `act` does, and hands each device that there may be afterwards to `check`. Returns how
 * many there were.
 */
export function cutEverywhere(
  device: SimulatedDevice,
  act: (device: SimulatedDevice) => void,
  prng: Prng,
  check: (after: SimulatedDevice) => void,
  exhaustiveUpTo = 3,
): number {
  let cuts = 0;
  for (let writes = 0; ; writes++) {
    const copy = device.copy();
    copy.writesLeft = writes;
    for (const sector of device.unreadable) copy.unreadable.add(sector);
    act(copy);
    if (copy.hasPower && copy.pending === 0) return cuts;
    for (const after of landings(copy, prng, exhaustiveUpTo)) {
      check(after);
      cuts++;
    }
  }
}
