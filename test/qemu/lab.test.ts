/**
 * The lab with guests: real packets from host to host through a board's image. The short form, in `npm test`, has one guest beside two
 * routers in namespaces; `npm run test:qemu` three, of each architecture.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { existingNamespaces } from '../../tools/lab/namespaces.ts';
import type { Report } from '../../tools/lab/report.ts';
import { describeWith } from '../requirements.ts';
import { buildWithinMs, isLongForm } from './board-under-test.ts';

/** Minutes on a machine with nothing else to do; the waits of the lab end before. */
const labWithinMs = 2_400_000;
const transferOctets = 64 * 2 ** 20;
const forms = isLongForm
  ? (['qemu-x86_64', 'qemu-aarch64'] as const).map((board) => ({ board, one: false }))
  : [{ board: 'qemu-x86_64', one: true } as const];

interface Ended {
  readonly status: number | string;
  readonly output: string;
}

/** In a process of its own, so that this one keeps answering the test runner. */
function runLab(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = ['tools/lab/main.ts', ...args];
    const limits = { timeout: labWithinMs, maxBuffer: 2 ** 24 };
    execFile(process.execPath, command, limits, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : (error.code ?? error.signal ?? 1), output: stdout + stderr }),
    );
  });
}

describeWith(
  [
    'root',
    'tun',
    'network namespaces',
    'iproute2',
    'nft',
    'ping',
    'tcpdump',
    'qemu',
    'image tools',
    'debian amd64',
  ],
  'the lab with guests of QEMU',
  () => {
    describe.each(forms)('$board, one guest: $one', ({ board, one }) => {
      const name = `guests-${process.pid}`;
      let folder = '';
      let report: Report;
      let ended: Ended;
      beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), 'sekisho-lab-guests-'));
        const file = join(folder, 'report.json');
        const args = ['--name', name, '--qemu', board, ...(one ? ['--qemu-one'] : []), '--once'];
        ended = await runLab([...args, '--json', file]);
        try {
          report = JSON.parse(readFileSync(file, 'utf8'));
        } catch {
          expect.fail(`no report was written; the lab ended with ${ended.status}:\n${ended.output}`);
        }
      }, labWithinMs + buildWithinMs);
      afterAll(() => rmSync(folder, { recursive: true }));

      it('finds nothing short', () => {
        expect(report.shortfalls, ended.output).toEqual([]);
        expect(ended.status).toBe(0);
        expect(report.guests).toMatchObject({
          board,
          routers: one ? ['tokyo'] : ['tokyo', 'osaka', 'nagoya'],
        });
      });

      it('has the first packet answered, and a transfer whole, all of it ESP', () => {
        expect(report.firstPacket).toMatchObject({ lost: 0, burst: { sent: 10, received: 10 } });
        expect(report.transfer).toMatchObject({
          bytes: transferOctets,
          sha256Matches: true,
          cleartextPackets: 0,
        });
      });

      it('comes back after a power cut, and says what it leaves out', () => {
        expect(report.powerCut?.recoveredMilliseconds).toBeGreaterThan(0);
        expect(report.leftOut.map(({ part }) => part)).toContain('renewals');
        expect(report.renewals).toBe(undefined);
      });

      it('leaves nothing behind', () => {
        expect(existingNamespaces(name)).toEqual([]);
      });
    });
  },
);
