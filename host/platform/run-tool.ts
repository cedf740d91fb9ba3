/**
 * Runs `ip` and `nft`, the two tools of other people that set up the network. Never through a shell; what they say on
 * failure goes to the person in front of the screen, with what to do about it.
 */
import { execFileSync } from 'node:child_process';
import { HostError } from '../model/host-error.ts';

/** Where distributions put them; an ordinary user's PATH often lacks the sbin folders. */
const TOOL_PATH = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', process.env.PATH ?? ''].join(':');

const debianPackages: Readonly<Record<string, string>> = { nft: 'nftables', ip: 'iproute2' };

/**
 * Runs `tool` to its end and returns what it wrote to standard output.
 *
 * @throws HostError PLATFORM with the tool's own words when it is missing or fails
 */
export function runTool(tool: string, args: readonly string[], input = ''): string {
  try {
    return execFileSync(tool, args, {
      input,
      encoding: 'utf8',
      env: { ...process.env, PATH: TOOL_PATH, LC_ALL: 'C' },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: 30_000,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (cause) {
    throw new HostError('PLATFORM', describeFailure(tool, args, cause), { cause });
  }
}

function describeFailure(tool: string, args: readonly string[], cause: unknown): string {
  const command = [tool, ...args].join(' ');
  if (!(cause instanceof Error)) return `${command} failed: ${String(cause)}`;
  if ('code' in cause && cause.code === 'ENOENT') {
    return `${tool} is not installed. Run: apt-get install ${debianPackages[tool] ?? tool}`;
  }
  const stderr = 'stderr' in cause && typeof cause.stderr === 'string' ? cause.stderr.trim() : '';
  const said = stderr === '' ? cause.message : stderr.split('\n').slice(0, 6).join('\n');
  return `${command} failed: ${said}${adviceFor(tool, said)}`;
}

function adviceFor(tool: string, said: string): string {
  if (/not permitted|Permission denied|you must be root/i.test(said)) {
    return '\nThe capability CAP_NET_ADMIN is missing: run as root';
  }
  if (tool === 'nft' && /Message too long/.test(said)) {
    return '\nThe table is one message, too long for this socket buffer: run as root outside of a user namespace, or raise net.core.wmem_max';
  }
  if (tool === 'nft' && /No such file or directory|not supported|Protocol/i.test(said)) {
    return '\nThe kernel may lack nf_tables, nft_fib_inet or nft_counter: modprobe them, or choose a kernel that has them (5.10 or later)';
  }
  return '';
}
