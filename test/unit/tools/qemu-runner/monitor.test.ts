/** What QEMU says happened to a machine: counted, waited for, never without end. */
import { Duplex, PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { Monitor } from '../../../../tools/qemu-runner/monitor.ts';

function monitor(): { qemu: PassThrough; asked: PassThrough; monitor: Monitor } {
  const qemu = new PassThrough();
  const asked = new PassThrough();
  return { qemu, asked, monitor: new Monitor(Duplex.from({ readable: qemu, writable: asked })) };
}

it('counts events that come in pieces, and nothing else', async () => {
  const { qemu, monitor: one } = monitor();
  qemu.write('{"QMP": {}}\r\n{"return": {}}\r\n{"event": "RES');
  qemu.write('ET", "data": {}}\r\n{"event": "NIC_RX_FILTER_CHANGED"}\r\n{"event": "WATCHDOG"}\r\n');
  await one.waitFor('WATCHDOG', 1, 1000);
  expect([one.count('RESET'), one.count('WATCHDOG'), one.count('SHUTDOWN')]).toEqual([1, 1, 0]);
});

it('gives up with what it has seen', async () => {
  const { monitor: one } = monitor();
  await expect(one.waitFor('WATCHDOG', 2, 50)).rejects.toThrow(
    'QEMU: expected WATCHDOG 2 times within 0.05 s, found 0',
  );
});

it('asks only after it has said that it can', async () => {
  const { asked, monitor: one } = monitor();
  one.reset();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked.read()?.toString()).toBe('{"execute":"qmp_capabilities"}\n{"execute":"system_reset"}\n');
});
