/**
 * What a test needs of the machine beyond Node: privileges, devices, other people's tools. Missing here: the tests are
 * skipped and say why. Missing in CI (environment variable `CI`): they fail, because nothing may go unproven there.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Where Debian keeps NIST's CAVP answers and those of some RFCs. */
export const nistVectors = '/usr/lib/python3/dist-packages/cryptography_vectors';

/** Where the user keeps the own number: as user 0 of a namespace that cannot change groups, tcpdump refuses to run. */
const userNamespace = 'unshare --user --map-current-user --keep-caps --net --mount';

/** One file of each of the Debian packages that make a strongSwan with ESP of its own. */
const strongswanParts = [
  '/usr/sbin/swanctl',
  '/usr/lib/ipsec/charon',
  ...['openssl', 'curve25519', 'kernel-libipsec'].map(
    (plugin) => `/usr/lib/ipsec/plugins/libstrongswan-${plugin}.so`,
  ),
];

/** What builds an image, and a disk over it. */
const imageTools = ['mksquashfs', 'mcopy', 'sgdisk', 'grub-mkimage', 'busybox', 'qemu-img'];

const probes = {
  root: () => (hasCapabilities() ? undefined : `needs root, or a user namespace: ${userNamespace}`),
  tun: () =>
    isAccessible('/dev/net/tun') ? undefined : 'needs a readable and writable /dev/net/tun (modprobe tun)',
  'network namespaces': () =>
    succeeds('unshare', ['-n', 'true']) ? undefined : 'needs the right to make network namespaces',
  iproute2: () => tool('ip', ['-V'], 'iproute2'),
  nft: () => tool('nft', ['--version'], 'nftables'),
  ping: () => tool('ping', ['-V'], 'iputils-ping'),
  tcpdump: () => tool('tcpdump', ['--version'], 'tcpdump') ?? tcpdumpObstacle(),
  tshark: () => tool('tshark', ['--version'], 'tshark'),
  python: () => tool('python3', ['--version'], 'python3'),
  scapy: () =>
    scapyPython() === undefined
      ? 'needs Scapy: apt-get install python3-scapy python3-cryptography'
      : undefined,
  securesystemslib: () =>
    securesystemslibPython() === undefined
      ? 'needs the library under python-tuf: apt-get install python3-securesystemslib python3-nacl'
      : undefined,
  'nist vectors': () =>
    isReadable(nistVectors)
      ? undefined
      : 'needs NIST CAVP vectors: apt-get install python3-cryptography-vectors',
  strongswan: () =>
    strongswanParts.every((file) => isReadable(file))
      ? undefined
      : 'needs strongSwan: node tools/setup.mjs test, as root',
  qemu: () => tool('qemu-system-x86_64', ['--version'], 'qemu-system-x86'),
  'qemu-img': () => tool('qemu-img', ['--version'], 'qemu-utils'),
  'grub-emu': () => tool('grub-emu', ['--version'], 'grub-emu'),
  'ike-scan': () => tool('ike-scan', ['--version'], 'ike-scan'),
  openssl: () => tool('openssl', ['version'], 'openssl'),
  busybox: () => tool('busybox', ['true'], 'busybox-static'),
  tar: () => tool('tar', ['--version'], 'tar'),
  socat: () => tool('socat', ['-V'], 'socat'),
  swtpm: () => tool('swtpm', ['--version'], 'swtpm'),
  'tpm2-tools': () => tool('tpm2_unseal', ['--version'], 'tpm2-tools'),
  'debian amd64': () => debianObstacle(),
  'image tools': () =>
    imageTools.every((command) => succeeds('sh', ['-c', `command -v ${command}`]))
      ? undefined
      : 'needs the tools for images: node tools/setup.mjs qemu, as root',
} as const;

export type Requirement = keyof typeof probes;

const answers = new Map<Requirement, string | undefined>();

/** Undefined when the machine has it, otherwise what is missing and how to get it. Probed once. */
export function requirement(name: Requirement): string | undefined {
  if (!answers.has(name)) answers.set(name, probes[name]());
  return answers.get(name);
}

/** `describe`, skipped with its reason (in CI: failed) where one of `requirements` is missing. */
export function describeWith(requirements: readonly Requirement[], name: string, body: () => void): void {
  const missing = requirements.map(requirement).filter((reason) => reason !== undefined);
  if (missing.length === 0) {
    describe(name, body);
  } else if (process.env.CI) {
    describe(name, () => {
      it('has what it needs of the machine', () => expect(missing).toEqual([]));
    });
  } else {
    describe.skip(`${name} [skipped: ${missing.join('; ')}]`, body);
  }
}

/** A Python that has the library under python-tuf, which Debian 12 has not itself. */
export function securesystemslibPython(): string | undefined {
  return ['/usr/bin/python3', 'python3'].find((python) =>
    succeeds(python, ['-c', 'import securesystemslib.keys, nacl']),
  );
}

/** A Python that has Scapy. Debian's own is tried first: a `python3` of another origin before it in PATH rarely has. */
export function scapyPython(): string | undefined {
  return ['/usr/bin/python3', 'python3'].find((python) =>
    succeeds(python, ['-c', 'import scapy.layers.ipsec']),
  );
}

/** Effective CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN, whatever the user is called. */
function hasCapabilities(): boolean {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const needed = (1n << 12n) | (1n << 13n) | (1n << 21n);
  return (BigInt(`0x${hex}`) & needed) === needed;
}

/** Started as user 0, tcpdump changes its groups before it captures, which `unshare -r` forbids. */
function tcpdumpObstacle(): string | undefined {
  const isForbidden =
    process.getuid?.() === 0 && readFileSync('/proc/self/setgroups', 'utf8').trim() === 'deny';
  return isForbidden ? `needs a user namespace in which tcpdump runs: ${userNamespace}` : undefined;
}

/** Debian's kernel comes by apt, and is started as a machine of the same kind. */
function debianObstacle(): string | undefined {
  const isThere =
    process.arch === 'x64' && succeeds('apt-cache', ['--version']) && succeeds('dpkg-deb', ['--version']);
  return isThere ? undefined : 'needs Debian on amd64 (apt-cache and dpkg-deb)';
}

function tool(command: string, probe: string[], debianPackage: string): string | undefined {
  return succeeds(command, probe) ? undefined : `needs ${command}: apt-get install ${debianPackage}`;
}

function succeeds(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

function isReadable(path: string): boolean {
  return isAccessible(path, constants.R_OK);
}

function isAccessible(path: string, mode = constants.R_OK | constants.W_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
