/**
 * Compiles `assembly/` with the firmware's compiler but without SIMD, unless it is newer than every source: the plain version to
 * measure the firmware against. It shares the firmware's memory, above the firmware's constants and below the fields of
 * tools/primitives (`memoryBase` in asconfig.json). Ships nowhere.
 */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const wasmFile = `${root}build/scalar.wasm`;

/**
 * The compiled module, built first if it has to be.
 *
 * @throws Error if it does not compile, or has vectors in it
 */
export function buildScalar(): WebAssembly.Module {
  if (isStale()) {
    const asc = `${root}node_modules/assemblyscript/bin/asc.js`;
    const args = [asc, '--config', 'tools/bench/scalar/asconfig.json', '--target', 'release'];
    execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
    if (readFileSync(`${root}build/scalar.wat`, 'utf8').includes('v128'))
      throw new Error('tools/bench/scalar: expected no vectors in the plain version, found v128');
  }
  return new WebAssembly.Module(readFileSync(wasmFile));
}

function isStale(): boolean {
  const builtAt = statSync(wasmFile, { throwIfNoEntry: false })?.mtimeMs;
  if (builtAt === undefined) return true;
  const sources = globSync(
    ['tools/bench/scalar/**', 'firmware/assembly/crypto/hash/*.ts', 'package-lock.json'],
    {
      cwd: root,
    },
  );
  return sources.some((source) => statSync(root + source).mtimeMs > builtAt);
}
