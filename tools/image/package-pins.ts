/**
 * The Debian packages that an image is made of, each pinned to a version and a hash in debian-packages.json, and their files:
 * downloaded once, checked against the pin, taken out of the archive without being installed.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Architecture } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { runCommand } from '../lab/namespaces.ts';
import type { DebianArchitecture, DebianMirror } from './debian-mirror.ts';

const pinFile = fileURLToPath(new URL('./debian-packages.json', import.meta.url));

export const debianArchitecture: Readonly<Record<Architecture, DebianArchitecture>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
};

/** Programs of the image, and the libraries that they and Node name. A missing one is a clear error of programs.ts. */
const packages = [
  ...['busybox-static', 'iproute2', 'nftables'],
  ...['libc6', 'libgcc-s1', 'libstdc++6'],
  ...['libbpf1', 'libelf1', 'libmnl0', 'libbsd0', 'libmd0', 'libcap2', 'zlib1g'],
  ...['libnftables1', 'libnftnl11', 'libxtables12', 'libjansson4', 'libgmp10', 'libedit2', 'libtinfo6'],
];

interface Pin {
  readonly version: string;
  readonly sha256: string;
  readonly octets: number;
  /** Of a kernel: the name of the package that has its files. */
  readonly package?: string;
}

type Pins = Readonly<Record<DebianArchitecture, Readonly<Record<string, Pin>>>>;

/** A package as files. */
export interface UnpackedPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly architecture: DebianArchitecture;
  /** Folder with the files, as they would be below `/`. */
  readonly root: string;
}

/** Names of the packages for a board: the boot loader's modules and `kernel` among them. */
export function packagesFor(architecture: Architecture, kernel: string): string[] {
  return [...packages, grubPackage(architecture), kernel];
}

export function grubPackage(architecture: Architecture): string {
  return `grub-efi-${debianArchitecture[architecture]}-bin`;
}

/**
 * Gets packages, all of them or none.
 *
 * @param folder where archives and files are kept between runs
 * @param allowNewer takes what Debian has now where the pinned version is gone; the hash is then Debian's own
 * @throws HostError PLATFORM when a package cannot be had or is not what was pinned
 */
export function fetchPackages(
  names: readonly string[],
  architecture: DebianArchitecture,
  folder: string,
  mirror: DebianMirror,
  allowNewer: boolean,
  say: (line: string) => void,
): UnpackedPackage[] {
  const pins = readPins()[architecture];
  mkdirSync(folder, { recursive: true });
  const wanted = names.map((name): WantedPackage => {
    const pin = pins[name];
    if (pin === undefined)
      throw new HostError('PLATFORM', `${name} for ${architecture} has no pin: npm run image -- --pin`);
    return { ...pin, name: pin.package ?? name, pinnedAs: name };
  });
  const shelf: Shelf = { architecture, folder, mirror, say };
  downloadMissing(wanted, shelf);
  return wanted.map((one) => {
    if (existsSync(archiveOf(one, shelf))) return unpacked(one, shelf);
    if (!allowNewer)
      throw new HostError(
        'PLATFORM',
        `Debian no longer has ${one.name} ${one.version} for ${architecture}: renew the pins by npm run image -- --pin, or build with --allow-newer`,
      );
    const newest = { ...newestOf(one.pinnedAs, architecture, mirror), pinnedAs: one.pinnedAs };
    say(`NOT AS PINNED: ${newest.name} ${newest.version} in place of ${one.name} ${one.version}`);
    downloadMissing([newest], shelf);
    return unpacked(newest, shelf);
  });
}

/** Writes the pins anew: Debian's newest versions. */
export function renewPins(
  kernels: Readonly<Record<Architecture, readonly string[]>>,
  mirror: DebianMirror,
): void {
  const pins: Partial<Record<DebianArchitecture, Record<string, Pin>>> = {};
  for (const architecture of ['x86_64', 'aarch64'] as const) {
    const names = [...packages, grubPackage(architecture), ...kernels[architecture]].sort();
    const debian = debianArchitecture[architecture];
    pins[debian] = Object.fromEntries(
      names.map((wanted) => {
        const { name, version, sha256, octets } = newestOf(wanted, debian, mirror);
        return [wanted, { version, sha256, octets, ...(name === wanted ? {} : { package: name }) }];
      }),
    );
  }
  writeFileSync(pinFile, `${JSON.stringify(pins, null, 2)}\n`);
}

/** Of a kernel, the package that `linux-image-amd64` stands for. */
function newestOf(name: string, architecture: DebianArchitecture, mirror: DebianMirror) {
  const record = mirror.newest(name, architecture);
  const [, kernel] = /^(linux-image-\S+)/.exec(record.depends) ?? [];
  return name.startsWith('linux-image-') && kernel !== undefined
    ? mirror.newest(kernel, architecture)
    : record;
}

interface WantedPackage extends Pin {
  readonly name: string;
  readonly pinnedAs: string;
}

/** Where packages are kept, and come from. */
interface Shelf {
  readonly architecture: DebianArchitecture;
  readonly folder: string;
  readonly mirror: DebianMirror;
  readonly say: (line: string) => void;
}

/** apt's name of a package's file. */
function archiveOf({ name, version }: WantedPackage, { architecture, folder }: Shelf): string {
  return join(folder, `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`);
}

function downloadMissing(wanted: readonly WantedPackage[], shelf: Shelf): void {
  const missing = wanted.filter((one) => !existsSync(archiveOf(one, shelf)));
  if (missing.length === 0) return;
  const megabytes = (missing.reduce((sum, { octets }) => sum + octets, 0) / 1e6).toFixed(1);
  const names = missing.map(({ name, version }) => `${name} ${version}`);
  shelf.say(`downloading from Debian, for ${shelf.architecture}, ${megabytes} MB: ${names.join(', ')}`);
  shelf.mirror.download(missing, shelf.architecture, shelf.folder);
}

/** The package's files. Throws HostError PLATFORM when it is not what was pinned; it is removed then. */
function unpacked(wanted: WantedPackage, shelf: Shelf): UnpackedPackage {
  const { name, version, sha256 } = wanted;
  const { architecture } = shelf;
  const archive = archiveOf(wanted, shelf);
  const found = createHash('sha256').update(readFileSync(archive)).digest('hex');
  if (found !== sha256) {
    rmSync(archive);
    throw new HostError(
      'PLATFORM',
      `${name} ${version} ${architecture}: expected SHA-256 ${sha256}, found ${found}`,
    );
  }
  const root = `${archive.slice(0, -'.deb'.length)}-${sha256.slice(0, 8)}`;
  if (!existsSync(root)) {
    const unfinished = `${root}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    runCommand(['dpkg-deb', '-x', archive, unfinished]);
    renameSync(unfinished, root);
  }
  return { name, version, sha256, architecture, root };
}

function readPins(): Pins {
  try {
    return JSON.parse(readFileSync(pinFile, 'utf8')) as Pins;
  } catch (cause) {
    throw new HostError('PLATFORM', `${pinFile} cannot be read: npm run image -- --pin`, { cause });
  }
}
