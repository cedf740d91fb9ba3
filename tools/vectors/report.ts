/** What a run of vectors found: counts, every reason to skip, every failure whole; as lines for people and as JSON. */
import { registry } from '../primitives/registry.ts';
import { runCase } from './run-case.ts';
import type { VectorGroup } from './vector-case.ts';

export interface Failure {
  readonly id: string;
  readonly comment: string;
  readonly group: string;
  readonly expected: string;
  readonly found: string;
}

export interface Skip {
  readonly reason: string;
  /** Cases; 0 for a file whose cases nothing here can count. */
  readonly count: number;
  /** The groups they are in, as the file describes them. */
  readonly groups: readonly string[];
}

export interface FileReport {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skips: readonly Skip[];
  readonly failures: readonly Failure[];
}

/** Runs a file's groups through the firmware. */
export function runGroups(file: string, groups: readonly VectorGroup[]): FileReport {
  const failures: Failure[] = [];
  const skips = new Map<string, { count: number; groups: Set<string> }>();
  let passed = 0;
  const skip = (reason: string, group: string, count: number): void => {
    const known = skips.get(reason) ?? { count: 0, groups: new Set() };
    known.count += count;
    known.groups.add(group);
    skips.set(reason, known);
  };
  for (const group of groups) {
    if (group.unsupported !== undefined) skip(group.unsupported, group.name, group.count ?? 0);
    for (const each of group.cases) {
      const verdict = runCase(each, registry.get(group.algorithm), group.algorithm);
      if (verdict.kind === 'passed') passed++;
      else if (verdict.kind === 'skipped') skip(verdict.reason, group.name, 1);
      else {
        const { expected, found } = verdict;
        failures.push({ id: each.id, comment: each.comment, group: group.name, expected, found });
      }
    }
  }
  const listed = [...skips].map(([reason, { count, groups: names }]) => ({
    reason,
    count,
    groups: [...names],
  }));
  const skipped = listed.reduce((sum, { count }) => sum + count, 0);
  return { file, passed, failed: failures.length, skipped, skips: listed, failures };
}

/** One line for the file, then one for each reason to skip with its groups, and each failure whole. */
export function renderFile(report: FileReport): string[] {
  const { file, passed, failed, skipped } = report;
  return [
    `${file}: ${passed} passed, ${failed} failed, ${skipped} skipped`,
    ...report.skips.map(({ reason, count, groups }) => {
      const names = groups.filter((name) => name !== '').join(' | ');
      return `  skipped ${count === 0 ? 'whole' : count}: ${reason}${names === '' ? '' : ` (${names})`}`;
    }),
    ...report.failures.flatMap(({ id, comment, group, expected, found }) => [
      `  FAILED ${[id, comment, group].filter(Boolean).join(', ')}`,
      `    expected ${expected}`,
      `    found    ${found}`,
    ]),
  ];
}
