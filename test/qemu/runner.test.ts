/** The QEMU runner by itself: cables, the monitor, power cuts, logs; with guests of a kernel and a shell, which start in seconds. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { firstFileSystem, readyWord } from '../../tools/interop/linux-kernel/first-file-system.ts';
import { fetchKernel, type Kernel } from '../../tools/interop/linux-kernel/kernel-package.ts';
import { insideNamespace, runCommand } from '../../tools/lab/namespaces.ts';
import type { CableEnd } from '../../tools/qemu-runner/cable-end.ts';
import { Guest, type GuestOptions, pc } from '../../tools/qemu-runner/guest.ts';
import { makeOverlay } from '../../tools/qemu-runner/overlay.ts';
import { describeWith } from '../requirements.ts';

const bootWithinMs = 240_000;
const testWithinMs = 2 * bootWithinMs + 60_000;
const commandWithinMs = 60_000;

let folder = '';
let kernel: Kernel;
let guests: Guest[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-runner-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await Promise.all(guests.map((guest) => guest.cutPower()));
  guests = [];
});

async function start(number: number, cable: CableEnd, more: Partial<GuestOptions> = {}): Promise<Guest> {
  const guest = await Guest.start({
    ...{ machine: pc, memoryMebibytes: 128, kernel: kernel.image, cable },
    initialFileSystem: join(folder, 'first-file-system'),
    macAddress: `52:54:00:53:00:0${number}`,
    ...more,
  });
  guests.push(guest);
  return guest;
}

/** What a line of shell in the guest prints; it has to succeed. */
async function run({ commands }: Guest, line: string): Promise<string> {
  commands.write(`${line}; echo status:$?\n`);
  const [said] = await commands.waitFor(/[\s\S]*?status:0\r?\n/, commandWithinMs);
  return said;
}

async function booted(...started: readonly Guest[]): Promise<void> {
  await Promise.all(started.map(({ commands }) => commands.waitFor(new RegExp(readyWord), bootWithinMs)));
}

const up = (address: string) => `ip link set eth0 up && ip addr add ${address}/24 dev eth0`;

describeWith(['debian amd64', 'qemu', 'busybox', 'socat', 'iproute2'], 'guests of the runner', () => {
  beforeAll(() => {
    kernel = fetchKernel(join(fileURLToPath(new URL('../../build/', import.meta.url)), 'debian'));
    writeFileSync(join(folder, 'first-file-system'), firstFileSystem(kernel));
  }, bootWithinMs);

  it(
    'talk to each other over a cable that is a Unix socket',
    async () => {
      const path = join(folder, 'cable');
      const one = await start(1, { kind: 'socket', path, listens: true });
      const other = await start(2, { kind: 'socket', path, listens: false });
      await booted(one, other);
      await run(one, up('192.0.2.1'));
      await run(other, up('192.0.2.2'));
      expect(await run(one, 'ping -c 3 -W 10 192.0.2.2')).toContain('3 packets received');
    },
    testWithinMs,
  );

  it(
    'end when their power is cut, say so, and leave their console in its log',
    async () => {
      const consoleLog = join(folder, 'console.log');
      const guest = await start(1, { kind: 'unplugged' }, { consoleLog });
      await booted(guest);
      await run(guest, 'echo a word for the console >/dev/console');
      await guest.console.waitFor(/a word for the console/, commandWithinMs);
      await guest.cutPower();
      expect(await guest.ended).toContain('SIGKILL');
      expect(readFileSync(consoleLog, 'latin1')).toContain('a word for the console');
      await expect(guest.commands.waitFor(/anything/, commandWithinMs)).rejects.toThrow(
        'before the guest ended',
      );
    },
    testWithinMs,
  );

  it(
    'have a monitor that resets them and tells of it',
    async () => {
      // With -no-reboot a reset is the end.
      const guest = await start(1, { kind: 'unplugged' });
      expect(guest.monitor.count('SHUTDOWN')).toBe(0);
      guest.monitor.reset();
      await guest.monitor.waitFor('SHUTDOWN', 1, commandWithinMs);
      expect(await guest.ended).toContain('status 0');
    },
    testWithinMs,
  );

  it('are refused with what QEMU says, and leave nothing', async () => {
    const wrong = start(1, { kind: 'unplugged' }, { more: ['-device', 'no-such-device'] });
    await expect(wrong).rejects.toThrow("'no-such-device' is not a valid device model name");
    const absent = start(1, { kind: 'unplugged' }, { machine: { ...pc, program: 'qemu-system-absent' } });
    await expect(absent).rejects.toThrow('install qemu-system-absent');
  });
});

describeWith(
  ['debian amd64', 'qemu', 'busybox', 'socat', 'iproute2', 'root', 'tun', 'network namespaces'],
  'a TAP interface',
  () => {
    const namespace = `sekisho-runner-${process.pid}`;
    afterAll(() => void spawnSync('ip', ['netns', 'delete', namespace]));

    it(
      'in a namespace is the other end of a guest’s cable',
      async () => {
        kernel ??= fetchKernel(join(fileURLToPath(new URL('../../build/', import.meta.url)), 'debian'));
        if (!existsSync(join(folder, 'first-file-system')))
          writeFileSync(join(folder, 'first-file-system'), firstFileSystem(kernel));
        runCommand(['ip', 'netns', 'add', namespace]);
        const lines = [
          'tuntap add dev port0 mode tap',
          'addr add 192.0.2.1/24 dev port0',
          'link set port0 up',
        ];
        runCommand(insideNamespace(namespace, ['ip', '-batch', '-']), lines.join('\n'));
        const guest = await start(1, { kind: 'tap', interface: 'port0' }, { namespace });
        await booted(guest);
        await run(guest, up('192.0.2.2'));
        const said = runCommand(
          insideNamespace(namespace, ['ping', '-n', '-c', '3', '-W', '10', '192.0.2.2']),
        );
        expect(said).toContain(' 0% packet loss');
      },
      testWithinMs,
    );
  },
);

describeWith(['qemu-img'], 'a disk over another', () => {
  it('begins as that one and leaves it alone', () => {
    const [base, disk] = [join(folder, 'base.img'), join(folder, 'disk.qcow2')];
    writeFileSync(base, Buffer.alloc(1 << 20, 7));
    makeOverlay(disk, base);
    runCommand(['qemu-io', '-c', 'read -P 7 0 512', '-c', 'write -P 9 0 512', disk]);
    runCommand(['qemu-io', '-c', 'read -P 9 0 512', disk]);
    expect(readFileSync(base).subarray(0, 512)).toEqual(Buffer.alloc(512, 7));
  });
});
