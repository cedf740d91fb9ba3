/**
 * Compiles `firmware/assembly` to `build/firmware.wasm`, unless it is newer than every source.
 *
 * The module may import `env.memory` and nothing else, and may not grow memory: both are checked here, because an
 * accidental allocation in AssemblyScript shows as a `memory.grow` in the text output.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wasmFile = `${root}build/firmware.wasm`;
const textFile = `${root}build/firmware.wat`;

/** True when the compiled module is missing or older than a source or the compiler's settings. */
function isStale(): boolean {
  const builtAt = statSync(wasmFile, { throwIfNoEntry: false })?.mtimeMs;
  if (builtAt === undefined) return true;
  const sources = globSync(['firmware/**/*.ts', 'asconfig.json', 'package-lock.json'], { cwd: root });
  return sources.some((source) => statSync(root + source).mtimeMs > builtAt);
}

if (process.argv.includes('--force') || isStale()) {
  mkdirSync(`${root}build`, { recursive: true });
  const asc = `${root}node_modules/assemblyscript/bin/asc.js`;
  execFileSync(process.execPath, [asc, '--config', 'asconfig.json', '--target', 'release'], {
    cwd: root,
    stdio: 'inherit',
  });
  const module = new WebAssembly.Module(readFileSync(wasmFile));
  const imports = WebAssembly.Module.imports(module).map((i) => `${i.module}.${i.name}`);
  if (imports.join() !== 'env.memory')
    throw new Error(`firmware imports ${imports.join()}, expected env.memory alone`);
  if (readFileSync(textFile, 'utf8').includes('memory.grow'))
    throw new Error('firmware allocates: memory.grow found');
  console.log(`firmware: ${wasmFile.slice(root.length)} ${statSync(wasmFile).size} bytes`);
}
