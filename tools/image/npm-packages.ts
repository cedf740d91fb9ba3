/**
 * npm packages for another processor than this machine's, which `npm ci` leaves out: Node itself and koffi's native part. Each is
 * the version that package-lock.json pins, and has the hash that stands there.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Architecture } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { runCommand } from '../lab/namespaces.ts';

const lockFile = fileURLToPath(new URL('../../package-lock.json', import.meta.url));

/** Node's name of a processor. */
export const nodeArchitecture: Readonly<Record<Architecture, string>> = { x86_64: 'x64', aarch64: 'arm64' };

interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

export interface NpmPackage extends LockedPackage {
  readonly name: string;
  /** Folder with the package's files. */
  readonly root: string;
}

/** What package-lock.json says of a package. Throws HostError PLATFORM when it has none. */
export function lockedPackage(name: string): LockedPackage {
  const lock = JSON.parse(readFileSync(lockFile, 'utf8')) as { packages: Record<string, LockedPackage> };
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new HostError('PLATFORM', `package-lock.json has no ${name}`);
  return locked;
}

/**
 * Gets a package of the lock file.
 *
 * @param folder where archives and files are kept between runs
 * @throws HostError PLATFORM when npm cannot get it, or it is not what the lock file says
 */
export function fetchNpmPackage(name: string, folder: string, say: (line: string) => void): NpmPackage {
  const { version, integrity } = lockedPackage(name);
  mkdirSync(folder, { recursive: true });
  const base = join(folder, `${name.replace('@', '').replace('/', '-')}-${version}`);
  const archive = `${base}.tgz`;
  if (!existsSync(archive)) {
    say(`downloading ${name} ${version} (npm)`);
    pack(`${name}@${version}`, archive);
  }
  checkIntegrity(name, readFileSync(archive), integrity, () => rmSync(archive));
  const root = join(base, 'package');
  if (!existsSync(root)) {
    const unfinished = `${base}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    runCommand(['tar', '-xzf', archive, '-C', unfinished, '--no-same-owner']);
    renameSync(unfinished, base);
  }
  return { name, version, integrity, root };
}

function pack(wanted: string, archive: string): void {
  const folder = `${archive}.download`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const npm = process.env.npm_execpath;
  const command = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  runCommand([...command, 'pack', wanted, '--pack-destination', folder, '--silent']);
  const [found] = readdirSync(folder);
  if (found === undefined) throw new HostError('PLATFORM', `npm pack ${wanted} gave no file`);
  renameSync(join(folder, found), archive);
  rmSync(folder, { recursive: true });
}

/** Subresource integrity: the hash's name, a hyphen, the hash in base64. */
function checkIntegrity(name: string, content: Uint8Array, integrity: string, remove: () => void): void {
  const [algorithm = ''] = integrity.split('-');
  const found = `${algorithm}-${createHash(algorithm).update(content).digest('base64')}`;
  if (found === integrity) return;
  remove();
  throw new HostError('PLATFORM', `${name}: expected ${integrity}, found ${found}`);
}
