/** Node without what strips types still runs JavaScript, threads and WebAssembly, and says no to TypeScript. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stripped } from '../../../../tools/image/elf.ts';
import { clearTypeStripper } from '../../../../tools/image/type-stripper.ts';

const folder = mkdtempSync(join(tmpdir(), 'sekisho-stripper-'));
const small = join(folder, 'node');
const typed = join(folder, 'typed.ts');
let freed = 0;

beforeAll(() => {
  const binary = stripped(readFileSync(process.execPath));
  freed = clearTypeStripper(binary);
  writeFileSync(small, binary, { mode: 0o755 });
  writeFileSync(typed, 'const answer: number = 42; console.log(answer);\n');
});

afterAll(() => rmSync(folder, { recursive: true }));

it('frees some 4 MB', () => {
  expect(freed).toBeGreaterThan(3.5e6);
  expect(freed).toBeLessThan(4.5e6);
});

it('runs JavaScript in threads, with modules of both kinds and WebAssembly', () => {
  const program = `
    import { createRequire } from 'node:module';
    import { Worker } from 'node:worker_threads';
    const { createHash } = createRequire('/')('node:crypto');
    await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    new Worker('import("node:worker_threads").then((own) => own.parentPort.postMessage(1))', { eval: true })
      .on('message', (one) => console.log(one, createHash('sha256').update('').digest('hex').slice(0, 8)));`;
  const said = execFileSync(small, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(said).toBe('1 e3b0c442\n');
});

it('has nothing left that reads TypeScript', () => {
  expect(execFileSync(process.execPath, [typed], { encoding: 'utf8' })).toBe('42\n');
  expect(spawnSync(small, [typed]).status).not.toBe(0);
});

it('refuses a binary that has no such text', () => {
  expect(() => clearTypeStripper(Buffer.alloc(4096))).toThrow('no stripper of types of the expected form');
});
