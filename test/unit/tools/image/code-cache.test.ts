/** V8's code cache: taken by the Node that made it, the same octets each time, refused and done without by a Node with other flags. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'sekisho-cache-'));
const program = (name: string): string =>
  fileURLToPath(new URL(`../../../../tools/image/program/${name}`, import.meta.url));
const code = join(folder, 'code');
writeFileSync(code, 'exports.sum = (a, b) => a + b; exports.url = () => import("node:url");');

afterAll(() => rmSync(folder, { recursive: true }));

function makeCache(name: string, ...flags: string[]): string {
  const file = join(folder, name);
  execFileSync(process.execPath, ['--random-seed=1', ...flags, program('make-cache.ts'), code, file]);
  return file;
}

/** What a start with this cache finds: whether V8 refuses it, and what the code does. */
function start(cache: string, ...flags: string[]): unknown {
  const text = `
    import { readFileSync } from 'node:fs';
    import { codeScript } from ${JSON.stringify(program('compiled-code.ts'))};
    const script = codeScript(readFileSync(${JSON.stringify(code)}, 'utf8'), readFileSync(${JSON.stringify(cache)}));
    const exports = {};
    script.runInThisContext()(exports);
    const { fileURLToPath } = await exports.url();
    console.log(JSON.stringify([script.cachedDataRejected, exports.sum(20, 22), fileURLToPath('file:///a')]));`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', text], {
    encoding: 'utf8',
  });
  return stdout === '' ? stderr : JSON.parse(stdout);
}

it('is the same each time, and taken', () => {
  const first = makeCache('first');
  expect(readFileSync(makeCache('second'))).toEqual(readFileSync(first));
  expect(start(first)).toEqual([false, 42, '/a']);
});

it('is refused under other flags of V8, and by a start whose cache is damaged, which go on without it', () => {
  expect(start(makeCache('flags', '--no-lazy'))).toEqual([true, 42, '/a']);
  const damaged = makeCache('damaged');
  const octets = readFileSync(damaged);
  // Octets 4 to 7 of the header: V8's version.
  octets.fill(0, 4, 8);
  writeFileSync(damaged, octets);
  expect(start(damaged)).toEqual([true, 42, '/a']);
});
