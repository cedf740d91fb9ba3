/**
 * Version-ups from end to end: a board's guest in the lab's network, the real setting server, releases as their publisher signs them. The
 * short form, in `npm test`, has a first packet, releases that are refused, one version that is left and one that is kept; `npm run test:qemu` all of
 * it, with cuts of power, on each architecture.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { existingNamespaces } from '../../tools/lab/namespaces.ts';
import type { VersionUpReport } from '../../tools/lab/version-up/report.ts';
import { describeWith } from '../requirements.ts';
import { buildWithinMs, isLongForm } from './board-under-test.ts';
import { type Ended, labWithGuestsNeeds, runLab } from './lab-run.ts';

const withinMs = 5_400_000;
const boards = isLongForm ? ['qemu-x86_64', 'qemu-aarch64'] : ['qemu-x86_64'];

describeWith(labWithGuestsNeeds, 'version-up in the lab', () => {
  describe.each(boards)('%s', (board) => {
    const name = `version-up-${process.pid}`;
    let folder = '';
    let report: VersionUpReport;
    let ended: Ended;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sekisho-version-up-'));
      const file = join(folder, 'report.json');
      const args = ['--name', name, '--qemu', board, '--scenario', 'version-up', '--json', file];
      ended = await runLab([...args, ...(isLongForm ? [] : ['--short'])], withinMs);
      try {
        report = JSON.parse(readFileSync(file, 'utf8'));
      } catch {
        expect.fail(`no report was written; the lab ended with ${ended.status}:\n${ended.output}`);
      }
    }, withinMs + buildWithinMs);
    afterAll(() => rmSync(folder, { recursive: true }));

    it('finds nothing short', () => {
      expect(report.shortfalls, ended.output).toEqual([]);
      expect(ended.status).toBe(0);
    });

    it('refuses what nobody may install', () => {
      expect(report.refusals.length).toBe(isLongForm ? 6 : 5);
      for (const { reason } of report.refusals) expect(reason).not.toBe('');
    });

    it('leaves a version that panics, and says why, and keeps a good one', () => {
      expect(report.trials.at(0)).toMatchObject({
        version: '0.1.1',
        rollout: 'stopped',
        runs: '0.1.0',
        slot: 'a',
      });
      expect(report.trials.at(0)?.reason).toMatch(/3 starts of it ended without a word/);
      expect(report.trials.at(-1)).toMatchObject({
        version: '0.2.0',
        rollout: 'done',
        runs: '0.2.0',
        slot: 'b',
      });
    });

    it('never stops the traffic of other routers', () => {
      expect(report.others.sent).toBeGreaterThan(1000);
      expect(report.others.lost).toBe(0);
    });

    if (isLongForm)
      it('comes up with one of the two versions after each of ten cuts of power', () => {
        expect(report.powerCuts.length).toBe(10);
        for (const { runs, slot } of report.powerCuts) expect(runs).toBe(slot === 'a' ? '0.1.0' : '0.2.0');
      });

    it('leaves nothing behind', () => {
      expect(existingNamespaces(name)).toEqual([]);
    });
  });
});
