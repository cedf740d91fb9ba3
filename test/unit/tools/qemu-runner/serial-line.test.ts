/** Waiting for what a guest prints: found once, in order, and never without end. */
import { Duplex, PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { SerialLine } from '../../../../tools/qemu-runner/serial-line.ts';

function line(): { guest: PassThrough; serial: SerialLine } {
  const guest = new PassThrough();
  return {
    guest,
    serial: new SerialLine('console', Duplex.from({ readable: guest, writable: new PassThrough() })),
  };
}

it('finds what comes in pieces, and each thing once', async () => {
  const { guest, serial } = line();
  guest.write('login: lo');
  expect((await serial.waitFor(/login: /, 1000))[0]).toBe('login: ');
  const next = serial.waitFor(/login: /, 1000);
  guest.write('gin: ');
  expect((await next)[0]).toBe('login: ');
});

it('passes over what was there before', async () => {
  const { guest, serial } = line();
  guest.write('first start; ');
  await serial.waitFor(/first/, 1000);
  serial.skip();
  await expect(serial.waitFor(/start/, 50)).rejects.toThrow('within 0.05 s');
  guest.write('second start');
  expect((await serial.waitFor(/\w+ start/, 1000))[0]).toBe('second start');
});

it('gives up with the end of what was printed', async () => {
  const { guest, serial } = line();
  guest.write('Kernel panic');
  await expect(serial.waitFor(/login/, 50)).rejects.toThrow(
    /console: expected \/login\/ within 0\.05 s, found:\nKernel panic/,
  );
});

it('gives up at once when the guest ends', async () => {
  const { guest, serial } = line();
  const waiting = serial.waitFor(/login/, 60_000);
  guest.destroy();
  await expect(waiting).rejects.toThrow('before the guest ended');
});

it('forgets the oldest of a guest that prints without end', async () => {
  const { guest, serial } = line();
  for (let count = 0; count < 40; count++) guest.write('x'.repeat(1 << 16));
  guest.write('login');
  await serial.waitFor(/login/, 5000);
  expect(serial.text.length).toBeLessThanOrEqual(1 << 20);
});
