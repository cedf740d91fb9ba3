/**
 * What the guest boots into: a shell that reads its commands from the command port, `ip`, and the kernel's modules for
 * IPsec. Programs are this machine's, with the libraries that they name.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HostError } from '../../../host/model/host-error.ts';
import { runCommand } from '../../lab/namespaces.ts';
import { type ArchiveEntry, archiveOf } from '../../qemu-runner/archive.ts';
import type { Kernel } from './kernel-package.ts';

/** Said on the command port when the shell is ready. */
export const readyWord = 'guest-is-ready';

/** Loaded at once. Without drbg and jitterentropy_rng, which nothing names, every SA fails. */
const always = [
  ...['virtio_pci', 'virtio_net', 'virtio_rng', 'virtio_console'],
  ...['esp4', 'esp6', 'ah4', 'ah6', 'xfrm_user', 'udp_tunnel', 'drbg', 'jitterentropy_rng'],
];

/** The kernel loads from these what an SA names, by /proc/sys/kernel/modprobe. */
const loadable = /^kernel\/(crypto|arch\/x86\/crypto|lib\/crypto)\//;

/** /init: a line is a command, and all there is to read back is what commands print. */
const initOf = (loaded: readonly string[]) => `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo /bin/modprobe > /proc/sys/kernel/modprobe
for module in ${loaded.join(' ')}; do modprobe $module; done
until [ -e /dev/vport0p1 ]; do usleep 10000; done
exec 0<>/dev/vport0p1 1>&0 2>&0
echo ${readyWord}
while IFS= read -r line; do eval "$line"; done
`;

/** What a guest has besides. */
export interface MoreFiles {
  /** Modules to be loaded at once. */
  readonly modules: readonly string[];
  /** Files of this machine by their paths, with the libraries that they name. */
  readonly programs: readonly string[];
  /** Others, by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** A cpio archive. Throws HostError PLATFORM when a program or a module is missing. */
export function firstFileSystem(
  kernel: Kernel,
  more: MoreFiles = { modules: [], programs: [], files: {} },
): Uint8Array {
  const loaded = [...always, ...more.modules];
  const files = new Map<string, ArchiveEntry>();
  const add = (path: string, source: string, executable: boolean) =>
    files.set(path, { kind: 'file', path, content: readFileSync(source), executable });
  files.set('init', { kind: 'file', path: 'init', content: Buffer.from(initOf(loaded)), executable: true });
  for (const [path, text] of Object.entries(more.files))
    files.set(path, { kind: 'file', path, content: Buffer.from(text), executable: false });
  for (const [path, program] of [
    ['bin/busybox', 'busybox'],
    ['sbin/ip', 'ip'],
    ['sbin/socat', 'socat'],
    ...more.programs.map((path) => [path.slice(1), path] as const),
  ] as const) {
    const source = whereIs(program);
    add(path, source, true);
    for (const library of librariesOf(source)) add(library.slice(1), realpathSync(library), true);
  }
  for (const module of modulesOf(kernel, loaded)) {
    add(join('lib/modules', kernel.version, module), join(kernel.modules, module), false);
  }
  for (const index of ['modules.dep', 'modules.alias']) {
    add(join('lib/modules', kernel.version, index), join(kernel.modules, index), false);
  }
  return archiveOf([
    ...foldersOf([...files.keys(), 'proc/x', 'sys/x', 'dev/x', 'tmp/x']),
    ...consoles,
    ...files.values(),
  ]);
}

/** The kernel opens its console before devtmpfs is there. */
const consoles: readonly ArchiveEntry[] = [{ kind: 'device', path: 'dev/console', major: 5, minor: 1 }];

function whereIs(program: string): string {
  const path = runCommand(['sh', '-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).trim();
  return realpathSync(path);
}

function librariesOf(program: string): string[] {
  const said = runCommand(['sh', '-c', `ldd ${program} 2>&1 || true`]);
  return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? '');
}

/** Paths of the modules below the kernel's folder, with all that they depend on. */
function modulesOf(kernel: Kernel, loaded: readonly string[]): string[] {
  const needs = new Map<string, readonly string[]>();
  for (const line of readFileSync(join(kernel.modules, 'modules.dep'), 'utf8').split('\n')) {
    const [path = '', rest = ''] = line.split(':');
    if (path !== '') needs.set(path, rest.trim().split(' ').filter(Boolean));
  }
  const byName = new Map([...needs.keys()].map((path) => [moduleName(path), path]));
  const wanted = loaded.map((name) => {
    const path = byName.get(name);
    if (path === undefined) throw new HostError('PLATFORM', `kernel ${kernel.version} has no module ${name}`);
    return path;
  });
  wanted.push(...[...needs.keys()].filter((path) => loadable.test(path)));
  return [...new Set(wanted.flatMap((path) => [...(needs.get(path) ?? []), path]))];
}

function moduleName(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.ko.*$/, '').replaceAll('-', '_');
}

/** The folders of `paths`, outer ones first. */
function foldersOf(paths: readonly string[]): ArchiveEntry[] {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].sort().map((path) => ({ kind: 'folder', path }));
}
