/**
 * The lab with guests: real packets from host to host through a board's image, one guest beside two routers in namespaces, and three guests
 * of each architecture.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { existingNamespaces } from '../../../tools/lab/namespaces.ts';
import type { Report } from '../../../tools/lab/report.ts';
import { describeWith } from '../../requirements.ts';
import { buildWithinMs } from '../board-under-test.ts';
import { type Ended, labWithGuestsNeeds, runLab } from '../lab-run.ts';

/** Minutes on a machine with nothing else to do; the waits of the lab end before. */
const labWithinMs = 2_400_000;
const transferOctets = 64 * 2 ** 20;
const forms = [
  { board: 'qemu-x86_64', one: true },
  { board: 'qemu-x86_64', one: false },
  { board: 'qemu-aarch64', one: false },
] as const;

describeWith(labWithGuestsNeeds, 'the lab with guests of QEMU', () => {
  describe.each(forms)('$board, one guest: $one', ({ board, one }) => {
    const name = `guests-${process.pid}`;
    let folder = '';
    let report: Report;
    let ended: Ended;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sekisho-lab-guests-'));
      const file = join(folder, 'report.json');
      const args = ['--name', name, '--qemu', board, ...(one ? ['--qemu-one'] : []), '--once'];
      ended = await runLab([...args, '--json', file], labWithinMs);
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
});
