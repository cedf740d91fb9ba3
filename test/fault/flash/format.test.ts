/** A flash as format version 1 wrote it, octet by octet: it must be read for ever, and be written the same. */
import { expect, it } from 'vitest';
import { SimulatedDevice } from './simulated-device.ts';
import { openFlash, operate, seen, write } from './worlds.ts';

const versionOne = [
  'U0sBAAAAAAEAAAABAAAAAgAAAH7qENdzAQAAAGJ7Im51bWJlciI6MSwib3JpZ2luIjoidGVzdCIsInNvZnR3YXJlIjoidGVz',
  'dCIsImZvcm1zIjpbeyJ2ZXJzaW9uIjoxLCJkb2N1bWVudCI6eyJ0ZXh0IjoidG9reW8ifSSdbG1TSwEAAAAAAQAAAAEAAQAC',
  'AAAAfuoQ13N9XX0AAAADa2V5AAAADGtleSBvZiB0b2t5bwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAOKPYyA==',
].join('');

it('reads what format version 1 wrote, and writes it so', () => {
  const device = new SimulatedDevice(128, 16);
  const octets = Buffer.from(versionOne, 'base64');
  for (let sector = 0; sector * 128 < octets.length; sector++) {
    device.writeSector(sector, octets.subarray(sector * 128, (sector + 1) * 128));
  }
  device.flush();
  // One copy is enough.
  expect(seen(openFlash(device))).toBe('[[1,{"text":"tokyo"},"key of tokyo"],null]');
  const fresh = new SimulatedDevice(128, 16);
  expect(operate(openFlash(fresh), write('tokyo'))).toBe(true);
  expect(Buffer.from(fresh.octets().subarray(0, octets.length)).toString('base64')).toBe(versionOne);
});
