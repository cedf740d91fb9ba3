/**
 * What a publisher does before a version-up, by the commands that he has: keys, the image that trusts them, a newer version of the same
 * sources, versions that are no good, and a repository with all of them; beside it repositories that somebody has tampered with.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type BoardImage, obtainBoardImage } from '../board-image.ts';
import { runCommand } from '../namespaces.ts';
import { nodeCommand, repository } from '../processes.ts';
import { panickingSlot, unreachingSlot } from './failing-slots.ts';

/** What runs at first, and what it is to become. */
export const versions = {
  running: '0.1.0',
  panics: '0.1.1',
  unreaching: '0.1.2',
  good: '0.2.0',
  older: '0.0.9',
  ofAnotherBoard: '9.9.9',
} as const;

/** Folders below the web server's: `good` is the publisher's own. */
export type Repository = 'good' | 'forged' | 'truncated' | 'flipped' | 'expired';

export interface Releases {
  /** Of the version that runs at first. */
  readonly image: BoardImage;
  /** What the web server serves: a folder for each repository. */
  readonly web: string;
}

const roles = ['root', 'targets', 'snapshot', 'timestamp'] as const;
const mebibyte = 2 ** 20;
/** Longer ago than metadata is good for (docs/version-up.md). */
const longAgoMs = 40 * 86_400_000;

/**
 * Builds what is not there yet, below build/image/version-up, and publishes it anew.
 *
 * @param server address that the version which never reaches its server does not reach
 * @throws HostError USAGE for a board that is none, PLATFORM when something cannot be built
 */
export async function obtainReleases(
  board: string,
  server: string,
  say: (line: string) => void,
): Promise<Releases> {
  const folder = join(repository, 'build/image/version-up', board);
  const releaseRoot = rootOfTrust(folder);
  const imageOf = (version: string): Promise<BoardImage> =>
    obtainBoardImage(board, say, { out: join(folder, version), version, releaseRoot });
  const image = await imageOf(versions.running);
  const good = await imageOf(versions.good);
  const versionIn = (version: string, of: string, slot: () => Uint8Array): string => {
    const out = join(folder, version);
    if (isNewer(join(out, 'slot.squashfs'), good.image.slot)) return out;
    say(`making ${version} of ${of}`);
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'manifest.json'), JSON.stringify({ board: of, version }));
    writeFileSync(join(out, 'slot.squashfs'), slot());
    return out;
  };
  const small = (): Uint8Array => Buffer.alloc(8192, 'nobody gets as far as this');
  const { panics, unreaching, older, ofAnotherBoard } = versions;
  const another = board === 'qemu-x86_64' ? 'qemu-aarch64' : 'qemu-x86_64';
  const released = [
    [board, older, versionIn(older, board, small)],
    [another, ofAnotherBoard, versionIn(ofAnotherBoard, another, small)],
    [board, panics, versionIn(panics, board, () => panickingSlot(good.image))],
    [board, unreaching, versionIn(unreaching, board, () => unreachingSlot(good.image, unreaching, server))],
    [board, versions.good, join(folder, versions.good)],
  ] as const;
  say('publishing the releases');
  const web = join(folder, 'web');
  rmSync(web, { recursive: true, force: true });
  publish(folder, join(web, 'good'), released);
  tamper(folder, web, `${board}/${versions.good}`);
  return { image, web };
}

/** The signed root of this machine's publisher, made once. */
function rootOfTrust(folder: string): string {
  const file = join(folder, 'root.json');
  if (existsSync(file)) return file;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'keys'), { recursive: true, mode: 0o700 });
  const key = (role: string): string => join(folder, 'keys', `${role}.pem`);
  for (const role of roles) release(['keygen', '--role', role, '--out', key(role), '--no-passphrase']);
  const scratch = join(folder, 'first');
  release(['init', '--repository', scratch, ...roles.map((role) => join(folder, 'keys', `${role}.pub`))]);
  const draft = join(scratch, 'drafts/root.json');
  release(['sign', draft, '--key', key('root')]);
  copyFileSync(draft, file);
  rmSync(scratch, { recursive: true });
  return file;
}

function publish(
  folder: string,
  out: string,
  released: readonly (readonly [board: string, version: string, image: string])[],
): void {
  const drafts = join(out, 'drafts');
  for (const one of ['metadata', 'targets']) mkdirSync(join(out, one), { recursive: true });
  mkdirSync(drafts);
  copyFileSync(join(folder, 'root.json'), join(drafts, 'root.json'));
  for (const [board, version, image] of released)
    release(['publish', '--repository', out, '--board', board, '--version', version, '--image', image]);
  release(['sign', join(drafts, 'targets.json'), '--key', join(folder, 'keys/targets.pem')]);
  putInForce(folder, out);
}

function putInForce(folder: string, out: string, options: readonly string[] = []): void {
  const keys = ['snapshot', 'timestamp'].flatMap((role) => ['--key', join(folder, 'keys', `${role}.pem`)]);
  release(['publish', '--repository', out, ...keys], options);
}

/** What a thief of the web server can make of a repository without its keys. */
function tamper(folder: string, web: string, target: string): void {
  const copy = (name: Repository): string => {
    // Linked: most of it is the same.
    runCommand(['cp', '-al', join(web, 'good'), join(web, name)]);
    return join(web, name);
  };
  const own = (file: string): string => {
    const content = readFileSync(file);
    rmSync(file);
    writeFileSync(file, content);
    return file;
  };
  const timestamp = own(join(copy('forged'), 'metadata/timestamp.json'));
  const signed = readFileSync(timestamp, 'utf8');
  writeFileSync(
    timestamp,
    signed.replace(/("sig": *")(.)/, (_, before, digit) => `${before}${digit === '0' ? '1' : '0'}`),
  );
  const payload = (name: Repository): string => own(payloadBelow(join(copy(name), 'targets', target)));
  truncateSync(payload('truncated'), 1.5 * mebibyte);
  const flipped = payload('flipped');
  const octets = readFileSync(flipped);
  octets[1.5 * mebibyte] = (octets[1.5 * mebibyte] ?? 0) ^ 1;
  writeFileSync(flipped, octets);
  // Nobody has signed for long; the owner's clock says so, and the keys are his.
  putInForce(folder, copy('expired'), [
    '--import',
    `data:text/javascript,const now=Date.now;Date.now=()=>now()-${longAgoMs}`,
  ]);
}

/** Its name begins with its hash. */
function payloadBelow(folder: string): string {
  return runCommand(['find', folder, '-name', '*slot.squashfs']).trim();
}

/** `sekisho release`, in a process of its own. Throws Error with what it says. */
function release(args: readonly string[], options: readonly string[] = []): void {
  execFileSync(nodeCommand, [...options, 'host/cli/main.ts', 'release', ...args], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

function isNewer(file: string, than: string): boolean {
  return existsSync(file) && statSync(file).mtimeMs > statSync(than).mtimeMs;
}
