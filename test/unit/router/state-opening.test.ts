/** Where a router's small documents are: on its config flash beside the settings, or in a folder. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFlash } from '../../../host/router/flash-opening.ts';
import { openState, stateInFolder } from '../../../host/router/state-opening.ts';

let folder: string;
let device: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-state-'));
  device = join(folder, 'flash');
  writeFileSync(device, '', { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const text = (octets: Uint8Array | undefined) => octets && Buffer.from(octets).toString();

it('keeps documents on the flash, while a router holds its settings', () => {
  truncateSync(device, 2 ** 20);
  const router = openFlash({ device }, 'write');
  const state = openState(device, join(folder, 'unused'));
  expect(state.read('version-up')).toBeUndefined();
  state.write('version-up', Buffer.from('first'));
  state.write('version-up', Buffer.from('second'));
  expect(text(openState(device, 'unused').read('version-up'))).toBe('second');
  const written = router.flash.write({ document: { name: 'tokyo' }, credentials: new Map(), origin: 'test' });
  expect(written.ok).toBe(true);
  expect(() => openFlash({ device }, 'write')).toThrow(/is in use/);
  router.close();
  expect(text(state.read('version-up'))).toBe('second');
});

it('keeps them in the folder where the flash is too small, or there is none', () => {
  truncateSync(device, 100 * 1024);
  const place = join(folder, 'state');
  openState(device, place).write('version-up', Buffer.from('kept'));
  expect(text(stateInFolder(place).read('version-up'))).toBe('kept');
  expect(text(openState(undefined, place).read('version-up'))).toBe('kept');
  expect(stateInFolder(place).read('release-root')).toBeUndefined();
  expect(() => stateInFolder(place).read('../flash')).toThrow(RangeError);
});
