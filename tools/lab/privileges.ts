/**
 * Which way the lab may go on this machine: as root, or as anybody inside a user namespace of its own, where it is root
 * over networks that only it sees. Where neither goes it says what is missing and how to get it.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HostError } from '../../host/model/host-error.ts';

const commands = [
  'ip',
  'nft',
  'tcpdump',
  'ping',
  'ethtool',
  'nsenter',
  'unshare',
  'setpriv',
  'mount',
  'sh',
  'bash',
];

/** Debian keeps these where an ordinary user's PATH does not look. */
export function extendSearchPath(): void {
  const folders = (process.env.PATH ?? '').split(delimiter);
  process.env.PATH = [...new Set([...folders, '/usr/sbin', '/sbin', '/usr/bin', '/bin'])].join(delimiter);
}

/** True inside the user namespace that this program made for itself. */
export function isInsideUserNamespace(): boolean {
  return process.env.SEKISHO_LAB_USER !== undefined;
}

/**
 * Checks what the lab needs and, for anybody but root, starts this program again inside a user namespace; that call does
 * not return. Returns when the lab may go on in this process.
 *
 * @param preferUserNamespace root too goes that way
 * @throws HostError PLATFORM naming each thing that is missing
 */
export function obtainPrivileges(preferUserNamespace = false): void {
  extendSearchPath();
  const missing = commands.filter((command) => !isOnPath(command));
  if (missing.length > 0)
    throw new HostError('PLATFORM', `not found: ${missing.join(', ')} (run node tools/setup.mjs lab)`);
  const tun = tunProblem();
  if (tun !== undefined) throw new HostError('PLATFORM', tun);
  if (isInsideUserNamespace()) {
    privateRun();
    return;
  }
  const asRoot = spawnSync('unshare', ['--net', '--mount', 'true'], { encoding: 'utf8' });
  if (process.getuid?.() === 0 && asRoot.status === 0 && !preferUserNamespace) return;
  const asUser = spawnSync('unshare', ['-Urnm', 'true'], { encoding: 'utf8' });
  if (asUser.status !== 0) throw new HostError('PLATFORM', neitherWay(asRoot.stderr, asUser.stderr));
  enterUserNamespace();
}

/** Replaces this process by itself inside a new user, network and mount namespace. */
function enterUserNamespace(): never {
  const unshare = searchPathOf('unshare') ?? '/usr/bin/unshare';
  const environment: Record<string, string> = { SEKISHO_LAB_USER: String(process.getuid?.() ?? 0) };
  for (const [key, value] of Object.entries(process.env)) environment[key] ??= value ?? '';
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  // Same pid: whoever started us sees our end and our signals.
  process.execve?.(unshare, ['unshare', '-Urnm', '--', ...self], environment);
  throw new HostError('PLATFORM', `cannot start ${unshare}`);
}

/** `ip netns` keeps its names below /run, which belongs to the real root: the lab gets one of its own. */
function privateRun(): void {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'sekisho-lab', '/run'], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    throw new HostError(
      'PLATFORM',
      `cannot mount a private /run in the user namespace: ${mounted.stderr.trim()}`,
    );
  }
}

function tunProblem(): string | undefined {
  const device = '/dev/net/tun';
  if (!existsSync(device)) {
    return `${device} does not exist: routers need it. As root: modprobe tun, or mkdir -p /dev/net && mknod ${device} c 10 200`;
  }
  try {
    closeSync(openSync(device, constants.O_RDWR));
    return undefined;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return `${device} cannot be opened for reading and writing (${reason}): routers need it. Run the lab as root, or let root run: chmod 666 ${device}`;
  }
}

function neitherWay(asRoot: string, asUser: string): string {
  return [
    'the lab needs network namespaces, and neither way to them goes:',
    `  as root: ${asRoot.trim() || 'not root'}${process.getuid?.() === 0 ? ' (CAP_SYS_ADMIN and CAP_NET_ADMIN are missing: a container needs --privileged)' : ''}`,
    `  in a user namespace (unshare -Urnm): ${asUser.trim() || 'refused'} (see sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)`,
  ].join('\n');
}

/** Whether there is such a command to be run. */
export function isOnPath(command: string): boolean {
  return searchPathOf(command) !== undefined;
}

function searchPathOf(command: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
