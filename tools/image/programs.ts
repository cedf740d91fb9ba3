/** Programs of Debian's packages with the libraries that they name, found by reading the files: nothing of another processor is run. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HostError } from '../../host/model/host-error.ts';
import { interpreterOf, isElf, namedLibraries, stripped } from './elf.ts';
import type { FileTree } from './file-tree.ts';
import type { UnpackedPackage } from './package-pins.ts';

/** Where Debian's packages put libraries; in the image they are all in one folder, where the dynamic linker looks too. */
const libraryFolders = ['lib', 'usr/lib', 'lib64'];
const imageLibraries = 'usr/lib';

export class Programs {
  readonly #tree: FileTree;
  readonly #libraries: ReadonlyMap<string, string>;
  /** Where programs want their dynamic linker, by its file name: libraries name it too. */
  readonly #interpreters = new Map<string, string>();

  /** @param packages in which libraries are looked for */
  constructor(tree: FileTree, packages: readonly UnpackedPackage[]) {
    this.#tree = tree;
    this.#libraries = new Map(packages.flatMap(({ root }) => librariesBelow(root)));
  }

  /** Puts a program or a loadable module at `path`, and the libraries that it needs where they are found. */
  add(path: string, content: Buffer): void {
    this.#tree.addFile(path, stripped(content), true);
    this.#addLibrariesOf(path, content);
  }

  #addLibrariesOf(path: string, content: Buffer): void {
    const interpreter = interpreterOf(content);
    if (interpreter !== undefined) this.#interpreters.set(basename(interpreter), interpreter.slice(1));
    const names = [...(interpreter === undefined ? [] : [basename(interpreter)]), ...namedLibraries(content)];
    for (const name of new Set(names)) {
      const place = this.#interpreters.get(name) ?? join(imageLibraries, name);
      if (this.#tree.has(place)) continue;
      const source = this.#libraries.get(name);
      if (source === undefined)
        throw new HostError(
          'PLATFORM',
          `${path} needs ${name}, which is in none of the pinned packages: add its package in tools/image/package-pins.ts`,
        );
      this.add(place, readFileSync(source));
    }
  }
}

/** The file of a package at `path`. Throws HostError PLATFORM when it has none. */
export function fileOf({ name, version, root }: UnpackedPackage, path: string): Buffer {
  try {
    return readFileSync(join(root, path));
  } catch (cause) {
    throw new HostError('PLATFORM', `${name} ${version} has no /${path}`, { cause });
  }
}

function librariesBelow(root: string): [string, string][] {
  return libraryFolders.flatMap((folder) => sharedObjects(join(root, folder)));
}

/** Names by which libraries are asked for are often links to the file with the full version. */
function sharedObjects(folder: string): [string, string][] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    return [];
  }
  return names.flatMap((name): [string, string][] => {
    const path = join(folder, name);
    const kind = lstatSync(path);
    if (kind.isDirectory()) return name.includes('-linux-gnu') ? sharedObjects(path) : [];
    if (!/\.so(\.|$)/.test(name)) return [];
    const file = kind.isSymbolicLink() ? join(folder, basename(readlinkSync(path))) : path;
    return statSync(file).isFile() && isElf(readFileSync(file)) ? [[name, file]] : [];
  });
}
