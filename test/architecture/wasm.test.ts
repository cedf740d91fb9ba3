/** The compiled firmware: it imports its memory and nothing else, never grows it, and its signatures carry 32-bit integers. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from './sources.ts';

let module: WebAssembly.Module;
let text = '';

beforeAll(() => {
  execFileSync(process.execPath, ['tools/build-firmware.ts'], { cwd: root, stdio: 'ignore' });
  module = new WebAssembly.Module(readFileSync(join(root, 'build/firmware.wasm')));
  text = readFileSync(join(root, 'build/firmware.wat'), 'utf8');
});

describe('the compiled firmware', () => {
  it('imports env.memory and nothing else', () => {
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
  });

  it('never grows memory, so nothing in it allocates', () => {
    expect(text.length).toBeGreaterThan(1000);
    expect(text).not.toMatch(/memory\.grow/);
  });

  it('exports functions in snake_case whose parameters and results are 32-bit integers', () => {
    const exported = [...text.matchAll(/\(export "([^"]+)" \(func \$([^\s)]+)\)\)/g)];
    expect(exported.length).toBeGreaterThan(0);
    for (const [, name, internal] of exported) {
      expect(name).toMatch(/^[a-z0-9]+(?:_[a-z0-9]+)*$/);
      const start = text.indexOf(`(func $${internal} `);
      const signature = start < 0 ? '' : text.slice(start, text.indexOf('\n', start));
      expect(`${name}: ${signature}`).not.toMatch(/\b(?:i64|f32|f64|v128)\b/);
    }
  });
});
