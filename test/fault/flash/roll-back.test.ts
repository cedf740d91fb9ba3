/** The flash of a router whose software goes forwards and back again: each finds its settings, and loses nothing of the other's. */
import { describe, expect, it } from 'vitest';
import type { FormTable } from '../../../host/flash/form.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { openFlash } from './worlds.ts';

const older: FormTable = { version: 1, migrations: [] };
/** Adds `limit`, which the older version must not be without when it is small. */
const newer: FormTable = {
  version: 2,
  migrations: [
    {
      from: 1,
      up: (document, kept) => ({ ...document, limit: kept?.limit ?? 100 }),
      down: ({ limit, ...rest }) => (Number(limit) < 10 ? undefined : rest),
    },
  ],
};

const credentials = new Map([['key', Uint8Array.of(1, 2, 3)]]);

function write(device: SimulatedDevice, forms: FormTable, document: Record<string, unknown>): void {
  expect(openFlash(device, { forms }).write({ document, credentials, origin: 'test' }).ok).toBe(true);
}

describe('software that goes forwards and back', () => {
  it('reads what the other wrote, and keeps what only the other understands', () => {
    const device = new SimulatedDevice(256, 32);
    write(device, older, { name: 'tokyo' });
    expect(openFlash(device, { forms: newer }).current?.document).toEqual({ name: 'tokyo', limit: 100 });
    write(device, newer, { name: 'tokyo', limit: 50 });
    const back = openFlash(device, { forms: older });
    expect(back.current).toMatchObject({ number: 2, document: { name: 'tokyo' } });
    write(device, older, { name: 'osaka' });
    const again = openFlash(device, { forms: newer });
    expect(again.current).toMatchObject({ number: 3, document: { name: 'osaka', limit: 50 } });
    const files = again.credentials(3);
    expect(files.ok && [...(files.value.get('key') ?? [])]).toEqual([1, 2, 3]);
  });

  it('stays with the settings before where it has no words for the newest, says so, and keeps those', () => {
    const device = new SimulatedDevice(256, 32);
    write(device, older, { name: 'tokyo' });
    write(device, newer, { name: 'tokyo', limit: 5 });
    expect(openFlash(device, { forms: newer }).status().problems).toEqual([]);
    const back = openFlash(device, { forms: older });
    expect(back.current).toMatchObject({ number: 1, document: { name: 'tokyo' } });
    expect(back.status().problems).toEqual([
      'revision 2 is in a form that only other software reads (test): revision 1 is in force',
    ]);
    back.repair();
    expect(openFlash(device, { forms: newer }).current).toMatchObject({ number: 2, document: { limit: 5 } });
  });
});
