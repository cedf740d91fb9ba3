/** A kernel taken out of Debian's package: its image, and the modules that a board names with all that they need. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HostError } from '../../host/model/host-error.ts';
import { runCommand } from '../lab/namespaces.ts';
import type { FileTree } from './file-tree.ts';
import { gzip } from './gzip.ts';
import type { UnpackedPackage } from './package-pins.ts';

export class Kernel {
  /** As in /lib/modules. */
  readonly version: string;
  readonly image: string;
  readonly #folder: string;
  readonly #needs = new Map<string, readonly string[]>();
  readonly #paths = new Map<string, string>();
  readonly #builtIn: ReadonlySet<string>;

  constructor({ name, root }: UnpackedPackage) {
    const [image] = globSync('boot/vmlinuz-*', { cwd: root });
    if (image === undefined) throw new HostError('PLATFORM', `${name} has no kernel`);
    this.version = basename(image).slice('vmlinuz-'.length);
    this.image = join(root, image);
    this.#folder = join(root, 'lib/modules', this.version);
    // Which module needs which: found out where a kernel is installed, so here too, once.
    if (!existsSync(join(this.#folder, 'modules.dep')))
      runCommand(['busybox', 'depmod', '-b', root, this.version]);
    for (const line of readFileSync(join(this.#folder, 'modules.dep'), 'utf8').split('\n')) {
      const [path = '', rest = ''] = line.split(':');
      if (path === '') continue;
      this.#needs.set(path, rest.trim().split(' ').filter(Boolean));
      this.#paths.set(moduleName(path), path);
    }
    const builtIn = readFileSync(join(this.#folder, 'modules.builtin'), 'utf8').split('\n');
    this.#builtIn = new Set(builtIn.map(moduleName));
  }

  /** Puts modules and what they need into `tree`. Throws HostError PLATFORM naming one that the kernel lacks. */
  addModules(names: readonly string[], tree: FileTree): void {
    const paths = new Set(names.flatMap((name) => this.#withNeeds(name)));
    const lines: string[] = [];
    for (const path of [...paths].sort()) {
      tree.addFile(join('lib/modules', this.version, path), readFileSync(join(this.#folder, path)));
      lines.push(`${path}: ${(this.#needs.get(path) ?? []).join(' ')}`);
    }
    tree.addFile(join('lib/modules', this.version, 'modules.dep'), `${lines.join('\n')}\n`);
  }

  #withNeeds(name: string): string[] {
    const path = this.#paths.get(name);
    if (path !== undefined) return [path, ...(this.#needs.get(path) ?? [])];
    if (this.#builtIn.has(name)) return [];
    throw new HostError('PLATFORM', `kernel ${this.version} has no module ${name}`);
  }

  /** Those of `names` that have to be loaded: the others are part of the kernel. */
  loadable(names: readonly string[]): string[] {
    return names.filter((name) => this.#paths.has(name));
  }
}

/** Documentation/arm64/booting.rst: the magic of a kernel that is not compressed, and its place. */
const armMagic = { at: 0x38, text: 'ARM\x64' };

/** A kernel as a boot loader takes it. That of 64-bit Arm does not unpack itself: GRUB and QEMU read it through gzip. */
export function compressedKernel(image: Buffer): Buffer {
  const { at, text } = armMagic;
  const isPlainArm = image.toString('latin1', at, at + text.length) === text;
  return isPlainArm ? gzip(image) : image;
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');
}
