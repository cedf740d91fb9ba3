/**
 * The reference board with its TPM, from the image as it is flashed: its credentials are on the disk sealed and in no other form, it comes
 * up with them after a cut of power, and with another TPM it refuses and says what to do.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Board } from '../../boards/board.ts';
import { loadBoard } from '../../tools/image/boards.ts';
import { partitionsOf } from '../../tools/image/disk.ts';
import { describeWith } from '../requirements.ts';
import { BoardUnderTest, build, buildWithinMs, preSharedKey, upWithinMs } from './board-under-test.ts';

const name = 'qemu-x86_64';
const routerIsUp = /"event":"started".*revision 1 of/;

let running: BoardUnderTest | undefined;

afterEach(async () => {
  await running?.end();
  running = undefined;
});

/** What the disk holds of settings and credentials; behind that is what a router writes down meanwhile. */
function configPartition(board: Board, disk: string, format: 'raw' | 'qcow2'): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-disk-'));
  try {
    const whole = join(folder, 'disk.img');
    execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', disk, whole]);
    const { offset, octets } = partitionsOf(board).config;
    return readFileSync(whole).subarray(offset, offset + (octets / 4) * 3);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Forms in which the pre-shared key could be there. Of base64, what does not depend on what is around it, for each of three places. */
const forms = [
  Buffer.from(preSharedKey),
  Buffer.from(Buffer.from(preSharedKey).toString('hex')),
  ...[0, 1, 2].map((cut) => {
    const part = Buffer.from(preSharedKey).subarray(cut);
    return Buffer.from(part.subarray(0, part.length - (part.length % 3)).toString('base64'));
  }),
];

function formsIn(octets: Buffer): number {
  return forms.filter((form) => octets.includes(form)).length;
}

describeWith(['qemu', 'image tools', 'debian amd64', 'swtpm'], 'a board with a TPM', () => {
  it(
    'has its credentials sealed, through a cut of power, and for no other TPM',
    async () => {
      const image = await build(name);
      const board = await loadBoard(name);
      const disks: Buffer[] = [];
      const look = (format: 'raw' | 'qcow2') => (disk: string) => {
        disks.push(configPartition(board, disk, format));
      };
      running = await BoardUnderTest.start(name, image, {
        ...{ by: 'kernel', memoryMebibytes: 256 },
        prepare: look('raw'),
      });
      // As it left the desk where it was given its settings: nobody there has its TPM.
      expect(disks.map(formsIn)).toEqual([1]);
      await running.guest.console.waitFor(/sealed by tpm2; what was there in clear/, upWithinMs);
      await running.guest.console.waitFor(routerIsUp, upWithinMs);

      await running.cutAndStart(look('qcow2'));
      const sealed = disks[1] ?? Buffer.alloc(0);
      expect(sealed.includes('"keyStore":"tpm2"')).toBe(true);
      expect(sealed.includes('"name":"tokyo"')).toBe(true);
      expect(formsIn(sealed)).toBe(0);
      await running.guest.console.waitFor(routerIsUp, upWithinMs);
      expect(running.guest.console.text).not.toMatch(/sealed by tpm2|not encrypted/);

      await running.cutAndStart((_, tpmState) => rmSync(tpmState, { recursive: true }));
      const { console } = running.guest;
      await console.waitFor(
        /sealed by another TPM, or this one was cleared.*factory-reset.*config apply/,
        upWithinMs,
      );
      await console.waitFor(/the router ended with status 1/, upWithinMs);
      expect(console.text).not.toMatch(routerIsUp);
      await running.cutAndStart(look('qcow2'));
      expect(disks[2]?.equals(sealed)).toBe(true);
    },
    buildWithinMs + 5 * upWithinMs,
  );
});
