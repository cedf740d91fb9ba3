/** Node without the languages of the world still does what the image asks of it, and no longer knows what was taken out. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stripped } from '../../../../tools/image/elf.ts';
import { clearUnusedIcuData } from '../../../../tools/image/icu-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'sekisho-icu-'));
const small = join(folder, 'node');
let freed = 0;

beforeAll(() => {
  const binary = stripped(readFileSync(process.execPath));
  freed = clearUnusedIcuData(binary);
  writeFileSync(small, binary, { mode: 0o755 });
});

afterAll(() => rmSync(folder, { recursive: true }));

function evaluate(node: string, expression: string): unknown {
  return JSON.parse(execFileSync(node, ['-p', `JSON.stringify(${expression})`], { encoding: 'utf8' }));
}

/** Everything at once: a process of Node for each takes seconds on a busy machine. */
const unchanged = `[
  new URL("https://bücher.example/").host,
  "e\\u0301".normalize("NFC").length,
  new TextDecoder("utf-16le").decode(new Uint8Array([65, 0])),
  new TextDecoder("latin1").decode(new Uint8Array([228])),
  /^\\p{Lu}\\p{Ll}+$/u.test("Ärger"),
  new Date(0).toISOString(),
  new Date(0).toString(),
  (1234567.5).toLocaleString("en"),
  "ä".localeCompare("z"),
  "άί".toLocaleUpperCase("el"),
  "I".toLocaleLowerCase("tr"),
  new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(0),
]`;

it('frees most of the 33 MB', () => {
  expect(freed).toBeGreaterThan(25e6);
});

it('answers as before what the image asks of it', () => {
  expect(evaluate(small, unchanged)).toEqual(evaluate(process.execPath, unchanged));
});

it('has no German numbers left', () => {
  expect(evaluate(process.execPath, '(1e6).toLocaleString("de")')).toBe('1.000.000');
  expect(evaluate(small, '(1e6).toLocaleString("de")')).toBe('1,000,000');
});

it('refuses a binary that has no such data', () => {
  expect(() => clearUnusedIcuData(Buffer.alloc(4096))).toThrow('no ICU data of the expected form');
});
