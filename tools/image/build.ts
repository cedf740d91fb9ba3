/** Builds an image, step by step, and says where it is. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { softwareVersion } from '../../host/model/software-version.ts';
import { sourceDateMs } from '../source-date.ts';
import { billOfMaterials } from './bill-of-materials.ts';
import { loadBoard } from './boards.ts';
import { loaderFiles } from './boot-loader.ts';
import { DebianMirror } from './debian-mirror.ts';
import { writeDisk } from './disk.ts';
import { firstFileSystem } from './first-file-system.ts';
import { compressedKernel, Kernel } from './kernel.ts';
import { manifestOf } from './manifest.ts';
import type { ImageOptions } from './options.ts';
import { debianArchitecture, fetchPackages, grubPackage, packagesFor } from './package-pins.ts';
import { named, rootFileSystem } from './root-file-system.ts';
import { copyWithSettings } from './settings.ts';
import { writeSlot } from './slot.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Shared by all boards, and kept. */
export const cacheFolder = join(root, 'build/image/packages');

/** The finished files of an image. */
export interface Image {
  readonly disk: string;
  readonly slot: string;
  readonly kernel: string;
  readonly firstFileSystem: string;
  readonly manifest: string;
  readonly billOfMaterials: string;
}

export function imageIn(folder: string): Image {
  const file = (name: string): string => resolve(folder, name);
  return {
    disk: file('disk.img'),
    slot: file('slot.squashfs'),
    kernel: file('vmlinuz'),
    firstFileSystem: file('first-file-system'),
    manifest: file('manifest.json'),
    billOfMaterials: file('sbom.cdx.json'),
  };
}

/** Builds the image of a board. Throws HostError PLATFORM when a tool or a package is missing. */
export async function buildImage(options: ImageOptions, say: (line: string) => void): Promise<Image> {
  const { board: boardName, out } = options;
  const board = await loadBoard(boardName);
  const version = options.version ?? softwareVersion();
  const epoch = sourceDate();
  const image = imageIn(out);
  const scratch = resolve(out, 'scratch');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });

  say(`board ${boardName}: ${board.description}`);
  const mirror = new DebianMirror(join(cacheFolder, 'apt'), options.mirror, say);
  const packages = fetchPackages(
    packagesFor(board.architecture, board.kernel),
    debianArchitecture[board.architecture],
    join(cacheFolder, 'debian'),
    mirror,
    options.allowNewer,
    say,
  );
  const kernelPackage = packages.find(({ name }) => name.startsWith('linux-image-'));
  if (kernelPackage === undefined) throw new Error('packagesFor names a kernel');
  const kernel = new Kernel(kernelPackage);
  say(`kernel ${kernel.version}`);

  say('programs and the router');
  const { tree, npmPackages, bundled } = await rootFileSystem({
    ...{ boardName, board, version, packages, kernel, scratch, say },
    cacheFolder: join(cacheFolder, 'npm'),
    releaseRoot: options.releaseRoot,
  });
  writeFileSync(image.kernel, compressedKernel(readFileSync(kernel.image)));
  writeFileSync(image.firstFileSystem, firstFileSystem(board, kernel, named(packages, 'busybox-static')));

  say('slot (mksquashfs, the longest step)');
  writeSlot(image.slot, {
    ...{ root: tree, board, scratch, epoch },
    kernel: readFileSync(image.kernel),
    firstFileSystem: readFileSync(image.firstFileSystem),
  });
  say('boot loader and disk');
  writeDisk(image.disk, {
    ...{ board, scratch, epoch, slot: image.slot, identity: [boardName, version] },
    loader: loaderFiles(board, named(packages, grubPackage(board.architecture)), scratch),
  });
  const { disk, slot, kernel: kernelFile, firstFileSystem: first } = image;
  writeFileSync(
    image.manifest,
    manifestOf({
      boardName,
      version,
      epoch,
      tree,
      artifacts: { disk, slot, kernel: kernelFile, firstFileSystem: first },
    }),
  );
  writeFileSync(
    image.billOfMaterials,
    billOfMaterials({ boardName, version, epoch, debian: packages, npm: npmPackages, bundled }),
  );
  rmSync(scratch, { recursive: true, force: true });
  for (const [what, file] of Object.entries(image)) say(`${what.padEnd(16)} ${megabytes(file)}  ${file}`);
  if (options.settings !== undefined) {
    const configured = resolve(out, 'configured.img');
    copyWithSettings(image.disk, configured, board, options.settings);
    say(`${'with settings'.padEnd(16)} ${megabytes(configured)}  ${configured}`);
  }
  return image;
}

/** When the sources were made, in seconds since 1970; of an unpacked archive, what that says of package.json. */
function sourceDate(): number {
  const utcMs = sourceDateMs(root) ?? statSync(join(root, 'package.json')).mtimeMs;
  return Math.trunc(utcMs / 1000);
}

function megabytes(file: string): string {
  return `${(statSync(file).size / 1e6).toFixed(1).padStart(7)} MB`;
}
