/** The config flash on a real file: what is written is there for who opens it next, and nobody else may have it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigFlash } from '../../../host/flash/config-flash.ts';
import { openBlockDevice } from '../../../host/platform/block-device.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-flash-'));
  path = join(folder, 'flash');
  writeFileSync(path, '', { mode: 0o600 });
  truncateSync(path, 256 * 1024);
});
afterEach(() => rmSync(folder, { recursive: true }));

const forms = { version: 1, migrations: [] };
const credentials = new Map([['key', new TextEncoder().encode('a key that nobody sees')]]);

/** Of a file, where this machine has loop devices and lets us have one. */
function loopDevice(): string | undefined {
  const { status, stdout } = spawnSync('losetup', ['--find', '--show', path], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

describe('a partition', () => {
  it('has the size that the kernel says, and keeps settings', (context) => {
    const loop = loopDevice();
    if (loop === undefined) return context.skip('no loop device here');
    try {
      for (const text of ['first', 'second']) {
        const device = openBlockDevice(loop, 'write');
        expect(device.sectorCount).toBe(64);
        const flash = new ConfigFlash({ device, forms, software: 'test' });
        expect(flash.write({ document: { text }, credentials, origin: 'test' }).ok).toBe(true);
        expect(() => openBlockDevice(loop, 'write')).toThrow(/is in use/);
        device.close();
      }
      const device = openBlockDevice(loop, 'read');
      const flash = new ConfigFlash({ device, forms, software: 'test' });
      expect(flash.current?.document).toEqual({ text: 'second' });
      device.close();
    } finally {
      spawnSync('losetup', ['--detach', loop]);
    }
  });
});

describe('a file as a block device', () => {
  it('keeps settings for who opens it next', () => {
    const device = openBlockDevice(path, 'write');
    expect(device).toMatchObject({ sectorOctets: 4096, sectorCount: 64 });
    const flash = new ConfigFlash({ device, forms, software: 'test' });
    expect(flash.write({ document: { name: 'tokyo' }, credentials, origin: 'test' })).toMatchObject({
      ok: true,
    });
    device.close();
    const again = openBlockDevice(path, 'read');
    const read = new ConfigFlash({ device: again, forms, software: 'test' });
    expect(read.current?.document).toEqual({ name: 'tokyo' });
    const files = read.credentials(1);
    expect(files.ok && new TextDecoder().decode(files.value.get('key'))).toBe('a key that nobody sees');
    expect(() => again.writeSector(0, new Uint8Array(4096))).toThrow(/EBADF/);
    again.close();
  });

  it('is one writer’s alone, and readers may look', () => {
    const writer = openBlockDevice(path, 'write');
    expect(() => openBlockDevice(path, 'write')).toThrow(/is in use/);
    openBlockDevice(path, 'read').close();
    writer.close();
    openBlockDevice(path, 'write').close();
  });

  it('is refused where others may read it, where it is missing, and where it is something else', () => {
    chmodSync(path, 0o640);
    expect(() => openBlockDevice(path, 'read')).toThrow(/chmod 600/);
    expect(() => openBlockDevice(join(folder, 'none'), 'read')).toThrow(/truncate -s 1M/);
    expect(() => openBlockDevice(folder, 'read')).toThrow(/neither a partition nor a file/);
    symlinkSync('/dev/null', join(folder, 'null'));
    expect(() => openBlockDevice(join(folder, 'null'), 'read')).toThrow(
      /neither a partition nor a file|EINVAL/,
    );
  });

  it('is refused when it is far too large', () => {
    truncateSync(path, 2 * 1024 ** 3);
    expect(() => openBlockDevice(path, 'read')).toThrow(/is it the right partition/);
  });
});
