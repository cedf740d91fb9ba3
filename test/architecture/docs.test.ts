/** What the documentation tells people to type or to open is there. */
import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sekisho } from '../../host/cli/main.ts';
import { read, root } from './sources.ts';

const pages = globSync(['*.md', 'docs/**/*.md', '{firmware,host,test,boards,tools}/**/*.md'], {
  cwd: root,
}).sort();
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** Commands of npm that are no scripts of ours. */
const npmOwn = new Set(['ci', 'install', 'run', 'exec', 'audit', 'outdated', 'pack', 'version', 'packages']);

describe('the documentation', () => {
  it('names only npm scripts that exist', () => {
    expect(pages).toContain('README.md');
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(/\bnpm (?:run ([\w:-]+)|(test)\b)/g)]
        .map((match) => match[1] ?? match[2] ?? '')
        .filter((script) => !(script in scripts) && !npmOwn.has(script))
        .map((script) => `${page}: npm run ${script}`),
    );
    expect(missing).toEqual([]);
  });

  it('links only to files and headings that exist', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap((match) => {
        const [, file = '', anchor] = match;
        const target = file === '' ? page : join(dirname(page), file);
        if (!existsSync(join(root, target))) return [`${page}: ${file}`];
        return anchor === undefined || headingsOf(target).includes(anchor)
          ? []
          : [`${page}: ${file}#${anchor}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it('explains every subcommand of sekisho in docs/cli.md, and none that is not there', () => {
    const commands = sekisho().commands.flatMap((command) =>
      // `server` and `router` do something themselves, and have commands below.
      [
        ...(command.commands.length === 0 || ['server', 'router'].includes(command.name())
          ? [command.name()]
          : []),
        ...command.commands.map((one) => `${command.name()} ${one.name()}`),
      ],
    );
    const explained = [
      ...read('docs/cli.md').matchAll(/^## `sekisho ([a-z]+(?:[ -][a-z]+)*)(?: [A-Z<[-].*)?`$/gm),
    ].map((match) => match[1]);
    expect(explained.sort()).toEqual(commands.sort());
  });
});

describe('npm scripts', () => {
  it('run files that exist', () => {
    const missing = Object.entries(scripts).flatMap(([name, line]) =>
      [...line.matchAll(/\b(tools\/[\w./-]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${name}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('are all that the house has agreed on', () => {
    const agreed =
      'build typecheck lint format test test:sim test:fuzz test:lab check simulate lab pretest prelab'.split(
        ' ',
      );
    expect(agreed.filter((script) => !(script in scripts))).toEqual([]);
  });
});

/** Anchors as GitHub makes them from headings. */
function headingsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
