/** Files carry the field's words, hold one idea each, and stay short enough to be read at one sitting. */
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root, sourceFiles } from './sources.ts';

const longestFile = 450;

const files = sourceFiles('firmware', 'host', 'tools', 'test', 'boards');

describe('source files', () => {
  it(`are at most ${longestFile} lines`, () => {
    expect(files.length).toBeGreaterThan(50);
    const long = files.map((path) => ({ path, lines: read(path).split('\n').length - 1 }));
    expect(long.filter((file) => file.lines > longestFile)).toEqual([]);
  });

  it('are named in kebab case', () => {
    const name = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test|\.bench|\.d)?\.(?:ts|js|mjs|py)$/;
    const python = /^[a-z0-9_]+\.py$/;
    expect(
      files.map((path) => basename(path)).filter((file) => !name.test(file) && !python.test(file)),
    ).toEqual([]);
  });

  it('are never called util, helper, manager, common or misc', () => {
    const words = /(?:^|[-_./])(?:utils?|helpers?|managers?|common|misc)(?:[-_./]|$)/;
    expect(files.filter((path) => words.test(path))).toEqual([]);
  });

  it('begin by saying what they are for', () => {
    const silent = files
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .filter((path) => !/^(?:#![^\n]*\n)?\/\*\*/.test(read(path)));
    expect(silent).toEqual([]);
  });

  it('leave no unfinished ends', () => {
    const marks = new RegExp(
      `\\b(?:${['TO', 'FIX'].map((word, i) => word + ['DO', 'ME'][i]).join('|')}|XXX)\\b`,
    );
    const found = files.flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, index) =>
          marks.test(line) || /\b(?:it|test|describe)\.only\(|@ts-(?:ignore|expect-error|nocheck)/.test(line)
            ? [`${path}:${index + 1}: ${line.trim()}`]
            : [],
        ),
    );
    expect(found.filter((line) => !line.startsWith('test/architecture/'))).toEqual([]);
  });
});

describe('what is committed', () => {
  it('names no registry but the public one', () => {
    const urls = read('package-lock.json').match(/"resolved": "[^"]*"/g) ?? [];
    expect(urls.filter((url) => !url.includes('"https://registry.npmjs.org/'))).toEqual([]);
  });

  it('locks every optional package, also those that a registry at hand may not have: npm ci refuses a gap', () => {
    const packages: Record<string, { optionalDependencies?: Record<string, string> }> = JSON.parse(
      read('package-lock.json'),
    ).packages;
    const locked = Object.keys(packages);
    const gaps = Object.values(packages).flatMap((entry) =>
      Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) => !locked.some((path) => path.endsWith(`node_modules/${name}`)),
      ),
    );
    expect(gaps).toEqual([]);
  });

  it('has tests where vitest looks for them', () => {
    const tests = globSync('{host,firmware,tools}/**/*.test.ts', { cwd: root });
    expect(tests).toEqual([]);
  });
});
