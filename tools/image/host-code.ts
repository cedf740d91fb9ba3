/**
 * The router's TypeScript as two files, the command and its worker thread, by rolldown, which comes with the test runner anyway:
 * no node_modules in the image, and nothing in it that the router does not use.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';
import { HostError } from '../../host/model/host-error.ts';
import type { FileTree } from './file-tree.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** In the image. The files stand as deep as the sources do: what they find beside them is found in the same way. */
export const programFolder = 'usr/lib/sekisho';
export const commandFile = `${programFolder}/host/image/sekisho.js`;
const workerFile = `${programFolder}/host/image/worker.js`;
export const koffiFile = `${programFolder}/koffi.node`;

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/**
 * Puts the code into `tree`, with the engine and package.json; returns the npm packages of which something is in it, and the size of the code.
 *
 * @param version what the router says that it is
 */
export async function addHostCode(
  tree: FileTree,
  version: string,
): Promise<{ readonly packages: BundledPackage[]; readonly octets: number }> {
  const command = await bundle('tools/image/program/sekisho.ts');
  const worker = await bundle('host/router/worker.ts');
  tree.addFile(commandFile, command.code);
  tree.addFile(workerFile, worker.code);
  tree.addFile(`${programFolder}/build/firmware.wasm`, readFileSync(join(root, 'build/firmware.wasm')));
  // Without a type here, Node would read a file twice to find out whether it is a module.
  const manifest = { name: 'sekisho', version, type: 'module' };
  tree.addFile(`${programFolder}/package.json`, `${JSON.stringify(manifest)}\n`);
  const packages = new Map([...command.packages, ...worker.packages].map((one) => [one.name, one]));
  return {
    packages: [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    octets: Buffer.byteLength(command.code) + Buffer.byteLength(worker.code),
  };
}

async function bundle(entry: string): Promise<{ code: string; packages: BundledPackage[] }> {
  const build = await rolldown({
    cwd: root,
    input: join(root, entry),
    platform: 'node',
    plugins: [koffiBeside],
    onLog: (level, { message }) => {
      if (level === 'warn') throw new HostError('PLATFORM', `${entry} cannot be bundled: ${message}`);
    },
  });
  const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false });
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
