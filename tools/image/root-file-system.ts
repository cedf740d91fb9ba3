/**
 * The files of a slot: Linux's programs, Node, the router, the scripts of guest/, and what a board's data says, in the form
 * that the scripts read.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Board } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { interfaceName } from './boards.ts';
import { codeCache } from './code-cache.ts';
import { stripped } from './elf.ts';
import { FileTree } from './file-tree.ts';
import { addHostCode, type BundledPackage, koffiFile } from './host-code.ts';
import { clearUnusedIcuData } from './icu-data.ts';
import type { Kernel } from './kernel.ts';
import { fetchNpmPackage, type NpmPackage, nodeArchitecture } from './npm-packages.ts';
import type { UnpackedPackage } from './package-pins.ts';
import { fileOf, Programs } from './programs.ts';
import { clearTypeStripper } from './type-stripper.ts';

const guestFolder = fileURLToPath(new URL('./guest', import.meta.url));
const scriptFolder = 'usr/lib/sekisho/bin';
const scripts = ['start', 'run-router', 'dhcp-event', 'feed-watchdog'];

/** Busybox's commands that scripts and busybox's own init use. */
const busyboxCommands = [
  ...[
    'sh',
    'mount',
    'umount',
    'mkdir',
    'rm',
    'cat',
    'echo',
    'sleep',
    'sed',
    'grep',
    'sort',
    'readlink',
    'basename',
    'dirname',
  ],
  ...['kill', 'pidof', 'modprobe', 'init', 'reboot', 'poweroff', 'watchdog', 'udhcpc', 'test', '['],
];

/** What the router needs of each kernel: its TUN, its nftables rules, DHCP's packet socket. */
const routerModules = [
  ...[
    'tun',
    'crc32c_generic',
    'nf_tables',
    'nft_objref',
    'nft_fib_inet',
    'nft_fib_ipv4',
    'nft_fib_ipv6',
    'nft_ct',
  ],
  'af_packet',
];

export interface RootFileSystem {
  readonly tree: FileTree;
  readonly npmPackages: readonly NpmPackage[];
  readonly bundled: readonly BundledPackage[];
}

export interface RootFileSystemOptions {
  readonly boardName: string;
  readonly board: Board;
  readonly version: string;
  readonly packages: readonly UnpackedPackage[];
  readonly kernel: Kernel;
  readonly cacheFolder: string;
  /** Folder for files in between. */
  readonly scratch: string;
  /** File with the root metadata of the releases that the router takes; none without it. */
  readonly releaseRoot: string | undefined;
  readonly say: (line: string) => void;
}

/** Everything of a slot but the kernel and its first file system. Throws HostError PLATFORM when something is missing. */
export async function rootFileSystem(options: RootFileSystemOptions): Promise<RootFileSystem> {
  const { board, packages, kernel, say } = options;
  const tree = new FileTree();
  for (const folder of ['proc', 'sys', 'dev', 'run', 'usr/bin', 'usr/sbin'])
    tree.add(folder, { kind: 'folder' });
  tree.add('bin', { kind: 'link', target: 'usr/bin' });
  tree.add('sbin', { kind: 'link', target: 'usr/sbin' });
  tree.add('tmp', { kind: 'link', target: 'run/tmp' });
  tree.add('var', { kind: 'link', target: 'run/var' });

  const programs = new Programs(tree, packages);
  const packageNamed = (name: string): UnpackedPackage => named(packages, name);
  programs.add('usr/bin/busybox', fileOf(packageNamed('busybox-static'), 'bin/busybox'));
  for (const command of busyboxCommands) tree.add(`usr/bin/${command}`, { kind: 'link', target: 'busybox' });
  for (const command of ['init', 'reboot', 'modprobe'])
    tree.add(`usr/sbin/${command}`, { kind: 'link', target: '../bin/busybox' });
  programs.add('usr/sbin/ip', fileOf(packageNamed('iproute2'), 'bin/ip'));
  programs.add('usr/sbin/nft', fileOf(packageNamed('nftables'), 'usr/sbin/nft'));

  const architecture = nodeArchitecture[board.architecture];
  const node = fetchNpmPackage(`node-linux-${architecture}`, options.cacheFolder, say);
  const binary = readFileSync(join(node.root, 'bin/node'));
  const cleared = clearUnusedIcuData(binary);
  const typeStripper = clearTypeStripper(binary);
  const symbols = binary.length - stripped(binary).length;
  say(
    `Node: ${megabytes(symbols)} MB of symbols, ${megabytes(cleared)} MB of ICU's data and ${megabytes(typeStripper)} MB for TypeScript left out`,
  );
  programs.add('usr/bin/node', binary);
  const koffi = fetchNpmPackage(`@koromix/koffi-linux-${architecture}`, options.cacheFolder, say);
  programs.add(koffiFile, readFileSync(join(koffi.root, `linux_${architecture}/koffi.node`)));

  const { architecture: processor } = board;
  const hostCode = await addHostCode(tree, options.version, (code, maker) =>
    codeCache({ architecture: processor, node: binary, packages, maker, code, scratch: options.scratch }),
  );
  const { packages: bundled, codeOctets, cacheOctets } = hostCode;
  say(
    `the router's code: ${megabytes(codeOctets)} MB, and ${megabytes(cacheOctets)} MB of what V8 made of it`,
  );
  for (const name of scripts)
    tree.addFile(join(scriptFolder, name), readFileSync(join(guestFolder, name)), true);
  tree.addFile('usr/lib/sekisho/node-options', '');
  tree.addFile('etc/inittab', readFileSync(join(guestFolder, 'inittab')));
  tree.addFile('etc/sekisho-version', `${options.version}\n`);
  tree.addFile('etc/board', boardVariables(options.boardName, board, kernel));
  if (options.releaseRoot !== undefined)
    tree.addFile('etc/sekisho/release-root.json', jsonFile(options.releaseRoot));
  tree.addFile('etc/passwd', 'root:*:0:0:root:/run:/bin/false\n');
  kernel.addModules([...startModules(board), ...board.watchdog.modules], tree);
  return { tree, npmPackages: [node, koffi], bundled };
}

function megabytes(octets: number): string {
  return (octets / 1e6).toFixed(1);
}

/** Octets of a file that holds an object in JSON; what it says is the router's business. Throws HostError PLATFORM. */
function jsonFile(file: string): Buffer {
  try {
    const content = readFileSync(file);
    const value: unknown = JSON.parse(content.toString());
    if (typeof value === 'object' && value !== null) return content;
  } catch (cause) {
    throw new HostError('PLATFORM', `${file}: expected root metadata in JSON: ${String(cause)}`, { cause });
  }
  throw new HostError('PLATFORM', `${file}: expected root metadata in JSON, an object`);
}

export function named(packages: readonly UnpackedPackage[], name: string): UnpackedPackage {
  const found = packages.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not among the packages of the image`);
  return found;
}

/** What is loaded at each start, and has to be there. */
function startModules({ modules, keyStore }: Board): string[] {
  return [...routerModules, ...modules.devices, ...(keyStore?.modules ?? [])];
}

/** Board data as variables of the shell; checkBoard has seen to it that no value needs quoting. */
function boardVariables(name: string, board: Board, kernel: Kernel): string {
  const ports = board.ports.map((port) => `${interfaceName(board.ports, port)}=${port.at}`);
  const variables = {
    BOARD_NAME: name,
    BOARD_MODULES: kernel.loadable(startModules(board)).join(' '),
    BOARD_KEY_STORE: board.keyStore?.kind ?? '',
    BOARD_PORTS: ports.join(' '),
    BOARD_WATCHDOG_MODULES: kernel.loadable(board.watchdog.modules).join(' '),
    BOARD_WATCHDOG_SECONDS: String(board.watchdog.timeoutSeconds),
  };
  return Object.entries(variables)
    .map(([key, value]) => `${key}='${value}'\n`)
    .join('');
}
