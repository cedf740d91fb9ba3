/**
 * docs/errors.md lists every error and drop code, and nothing else. Each section's table is compared with the list in the
 * source that it documents; a new list in the source needs a section, and a new `fail('CODE')` a row.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dropReasons } from '../../firmware/abi/drop-reason.ts';
import { read, root, sourceFiles, withoutComments } from './sources.ts';

/** Where each list of codes that the sources export is documented. */
const sectionOfList: Readonly<Record<string, string>> = {
  'host/model/host-error.ts hostErrorCodes': 'Configuration, machine, command line',
  'host/release/refusal.ts upgradeRefusalCodes': 'Version-up: why nothing was installed',
  'host/messages/drop-codes.ts messageDropCodes': 'Setting messages: drop codes',
  'host/ike/events.ts refusalReasons': 'IKE messages: refusals',
  'host/ike/events.ts failureReasons': 'IKE: why a channel did not come up, or was not rekeyed',
  'host/ike/events.ts closeReasons': 'IKE: why a channel ended',
};

const host = sourceFiles('host').filter((path) => path.endsWith('.ts'));
const page = read('docs/errors.md');

/** Rows of the table under a heading, as their cells; without title and rule. */
function rowsOf(heading: string): string[][] {
  const start = page.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`docs/errors.md has no section "${heading}"`);
  const end = page.indexOf('\n## ', start + 1);
  return page
    .slice(start, end < 0 ? undefined : end)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The codes of a section: the first cell in backticks of each row. */
function codesOf(heading: string): string[] {
  return rowsOf(heading).map(
    (row) => row.find((cell) => /^`[^`]+`$/.test(cell))?.slice(1, -1) ?? row.join('|'),
  );
}

/** Members of an exported union of string literals. */
function unionMembers(path: string, type: string): string[] {
  const source = new RegExp(`export type ${type} =([^;]*);`).exec(withoutComments(read(path)))?.[1] ?? '';
  return [...source.matchAll(/'([^']+)'/g)].map((match) => match[1] as string);
}

/** Exported lists of codes by `path name`. */
async function codeLists(): Promise<Map<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const path of host) {
    const names = [
      ...withoutComments(read(path)).matchAll(/export const (\w*(?:Codes|Reasons))\b[^=]*= \[/g),
    ];
    if (names.length === 0) continue;
    const module: Record<string, unknown> = await import(join(root, path));
    for (const [, name] of names) found.set(`${path} ${name}`, module[name as string] as readonly string[]);
  }
  return found;
}

describe('docs/errors.md', () => {
  it('has the firmware’s drop reasons: number, name and meaning', () => {
    expect(rowsOf('Packets: drop reasons')).toEqual(
      dropReasons.map((reason) => [String(reason.number), `\`${reason.name}\``, reason.text]),
    );
  });

  it('knows a reason for every drop code', async () => {
    const codes: Record<string, number> = { ...(await import('../../firmware/abi/drop-code.ts')) };
    const numbers = Object.keys(codes)
      .filter((name) => name !== 'DROP_CODE_COUNT')
      .map((name) => codes[name]);
    expect(dropReasons.map((reason) => reason.number).sort((a, b) => a - b)).toEqual(
      numbers.sort((a, b) => (a ?? 0) - (b ?? 0)),
    );
    expect(new Set(dropReasons.map((reason) => reason.name)).size).toBe(dropReasons.length);
  });

  it('has the verdicts', async () => {
    const verdicts: Record<string, number> = { ...(await import('../../firmware/abi/verdict.ts')) };
    expect(rowsOf('Packets: verdicts').map((row) => row.slice(0, 2))).toEqual(
      Object.keys(verdicts)
        .sort((a, b) => (verdicts[a] ?? 0) - (verdicts[b] ?? 0))
        .map((name) => [String(verdicts[name]), `\`${name}\``]),
    );
  });

  it('has a section for every list of codes', async () => {
    expect([...(await codeLists()).keys()].sort()).toEqual(Object.keys(sectionOfList).sort());
  });

  it.each(Object.entries(sectionOfList))('has exactly the codes of %s', async (list, heading) => {
    expect(codesOf(heading).sort()).toEqual([...((await codeLists()).get(list) ?? [])].sort());
  });

  it('has the failures of an SPD entry in the protocol’s words', () => {
    const failures = unionMembers('host/router/setting-management/events.ts', 'SettingFailure');
    expect(failures.length).toBeGreaterThan(3);
    expect(codesOf('An SPD entry without an SA').sort()).toEqual(failures.sort());
  });

  it('has every other code that a Result may carry', async () => {
    const listed = new Set([...(await codeLists()).values()].flat());
    const used = new Set<string>();
    for (const path of host) {
      for (const match of withoutComments(read(path)).matchAll(/\bfail\(\s*'([A-Z][A-Z0-9_]*)'/g)) {
        if (!listed.has(match[1] as string)) used.add(match[1] as string);
      }
    }
    expect(codesOf('Values that cannot be read').sort()).toEqual([...used].sort());
  });

  it('uses no HostError code that is not in the list', () => {
    const codes = new Set(codesOf('Configuration, machine, command line'));
    const used = host.flatMap((path) =>
      [...withoutComments(read(path)).matchAll(/new HostError\(\s*'([A-Z_]+)'/g)].map(
        (match) => match[1] as string,
      ),
    );
    expect(used.filter((code) => !codes.has(code))).toEqual([]);
  });
});
