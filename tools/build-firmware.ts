/**
 * Compiles `firmware/assembly` to `build/firmware.wasm`, unless it is newer than every source, and writes down in `build/build-time`
 * when the sources were made.
 *
 * The module may import `env.memory` and nothing else, and may not grow memory: both are checked here, because an
 * accidental allocation in AssemblyScript shows as a `memory.grow` in the text output.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sourceDateMs } from './source-date.ts';

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

/** What host/model/software-version.ts reads: certificates are judged by a time that is not before this. */
function writeBuildTime(): void {
  const file = `${root}build/build-time`;
  const utcMs = sourceDateMs(root);
  if (utcMs === undefined) {
    rmSync(file, { force: true });
    return;
  }
  // Other programs may be reading it.
  writeFileSync(`${file}.new`, `${new Date(utcMs).toISOString()}\n`);
  renameSync(`${file}.new`, file);
}

mkdirSync(`${root}build`, { recursive: true });
writeBuildTime();
if (process.argv.includes('--force') || isStale()) {
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
