/**
 * The router's TypeScript as one file for all its threads, by rolldown, which comes with the test runner anyway: no node_modules in
 * the image, and nothing in it that the router does not use. Beside it is what V8 makes of it, so that a start need not.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';
import { HostError } from '../../host/model/host-error.ts';
import type { FileTree } from './file-tree.ts';
import { cacheFile, codeFile } from './program/compiled-code.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** In the image. The files stand as deep as the sources do: what they find beside them is found in the same way. */
export const programFolder = 'usr/lib/sekisho';
const startFile = `${programFolder}/host/image/sekisho.js`;
export const koffiFile = `${programFolder}/koffi.node`;

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

export interface HostCode {
  readonly packages: readonly BundledPackage[];
  readonly codeOctets: number;
  readonly cacheOctets: number;
}

/**
 * Puts the code into `tree`, with the engine and package.json; returns the npm packages of which something is in it, and sizes.
 *
 * @param version what the router says that it is
 * @param cacheOf makes V8's code cache: of the code, by the program that is given with it
 */
export async function addHostCode(
  tree: FileTree,
  version: string,
  cacheOf: (code: string, maker: string) => Uint8Array,
): Promise<HostCode> {
  // A script, and no module of ECMAScript: V8's code cache can be given with a script alone.
  const { code, packages } = await bundle('tools/image/program/sekisho.ts', 'cjs');
  const start = await bundle('tools/image/program/start.ts', 'esm');
  const maker = await bundle('tools/image/program/make-cache.ts', 'esm');
  const cache = cacheOf(code, maker.code);
  tree.addFile(startFile, start.code);
  tree.addFile(codeFile.slice(1), code);
  tree.addFile(cacheFile.slice(1), cache);
  tree.addFile(`${programFolder}/build/firmware.wasm`, readFileSync(join(root, 'build/firmware.wasm')));
  // Without a type here, Node would read a file twice to find out whether it is a module.
  const manifest = { name: 'sekisho', version, type: 'module' };
  tree.addFile(`${programFolder}/package.json`, `${JSON.stringify(manifest)}\n`);
  return {
    packages: [...packages].sort((a, b) => (a.name < b.name ? -1 : 1)),
    codeOctets: Buffer.byteLength(code),
    cacheOctets: cache.length,
  };
}

async function bundle(
  entry: string,
  format: 'cjs' | 'esm',
): Promise<{ code: string; packages: BundledPackage[] }> {
  const build = await rolldown({
    cwd: root,
    input: join(root, entry),
    platform: 'node',
    plugins: [koffiBeside],
    onLog: (level, { message }) => {
      if (level === 'warn') throw new HostError('PLATFORM', `${entry} cannot be bundled: ${message}`);
    },
  });
  const { output } = await build.generate({ format, minify: true, codeSplitting: false });
  const [chunk, ...more] = output;
  if (chunk === undefined || more.length > 0)
    throw new HostError('PLATFORM', `${entry}: expected one file, found ${output.length}`);
  return { code: chunk.code, packages: packagesIn(chunk.moduleIds) };
}

/** koffi's own way of finding its native part wants a node_modules; ours is one file at a known place. */
const koffiBeside: Plugin = {
  name: 'koffi-beside',
  resolveId: (source) => (source === './src/static.js' ? source : null),
  load: (id) =>
    id === './src/static.js'
      ? `import { createRequire } from 'node:module';
export const loadStatic = () => createRequire(import.meta.url)('../../koffi.node');`
      : null,
};

function packagesIn(modules: readonly string[]): BundledPackage[] {
  const folders = modules.flatMap((id) => {
    const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id) ?? [];
    return folder === undefined ? [] : [folder];
  });
  return [...new Set(folders)].map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    ) as BundledPackage;
    return { name, version, license };
  });
}
