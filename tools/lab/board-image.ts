/** The image of a board for the lab's guests: built where there is none, or an older one than its sources. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Board, QemuMachine } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { boardNames, loadBoard } from '../image/boards.ts';
import { buildImage, type Image, imageIn } from '../image/build.ts';
import { readOptions } from '../image/options.ts';
import { nodeCommand, repository } from './processes.ts';

export interface BoardImage {
  readonly name: string;
  readonly board: Board;
  readonly machine: QemuMachine;
  readonly image: Image;
}

/** What an image is made of. */
const sources = ['boards', 'firmware', 'host', 'tools/image', 'package-lock.json'];

/** An image that is not the everyday one of its board. */
export interface OtherImage {
  readonly out: string;
  readonly version: string;
  /** File with the root of trust. */
  readonly releaseRoot: string;
}

/**
 * The image, made first where need be, and before that what makes it is installed.
 *
 * @throws HostError USAGE for a board that is none or has no virtual machine, PLATFORM when it cannot be built
 */
export async function obtainBoardImage(
  name: string,
  say: (line: string) => void,
  other?: OtherImage,
): Promise<BoardImage> {
  if (!boardNames().includes(name))
    throw new HostError('USAGE', `--qemu: expected one of ${boardNames().join(', ')}, found ${name}`);
  const board = await loadBoard(name);
  if (board.qemu === undefined)
    throw new HostError('USAGE', `--qemu: boards/${name} says nothing of a virtual machine`);
  const purpose = board.architecture === 'aarch64' ? 'lab-qemu-arm' : 'lab-qemu';
  const setUp = spawnSync(nodeCommand, ['tools/setup.mjs', purpose], {
    cwd: repository,
    stdio: ['ignore', 2, 2],
  });
  if (setUp.status !== 0) throw new HostError('PLATFORM', 'something is missing, see above');
  const options = readOptions(['--board', name, ...argumentsFor(other)]);
  if (options === 'help' || 'pin' in options) throw new RangeError('a board is no help and no pin');
  const out = resolve(repository, options.out);
  const image = imageIn(out);
  const why = reasonToBuild(image.disk, other?.releaseRoot);
  if (why === undefined) say(`image of ${name}: ${image.disk} is newer than its sources`);
  else {
    say(
      `image of ${name}${other === undefined ? '' : ` ${other.version}`}: ${why}; building it (a minute; the first time some 200 MB are downloaded)`,
    );
    await buildImage({ ...options, out }, say);
  }
  return { name, board, machine: board.qemu, image };
}

function argumentsFor(other: OtherImage | undefined): string[] {
  if (other === undefined) return [];
  return ['--out', other.out, '--version', other.version, '--release-root', other.releaseRoot];
}

function reasonToBuild(disk: string, releaseRoot?: string): string | undefined {
  if (!existsSync(disk)) return 'there is none yet';
  const builtAtMs = statSync(disk).mtimeMs;
  const newer = [
    ...sources.map((path) => join(repository, path)),
    ...(releaseRoot === undefined ? [] : [releaseRoot]),
  ]
    .flatMap(filesBelow)
    .find((file) => !file.endsWith('.md') && statSync(file).mtimeMs > builtAtMs);
  return newer === undefined ? undefined : `${newer} is newer`;
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
