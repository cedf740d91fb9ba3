/**
 * Addresses and routes of a board, brought to what its settings say: what is there and wanted stays untouched, so packets of what does
 * not change flow on. Interfaces that the settings do not name, and routes of others, are left alone.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import { runTool } from './run-tool.ts';

export interface NetworkOfBoard {
  readonly addresses: Readonly<Record<string, 'dhcp' | readonly string[]>>;
  readonly routes: readonly { readonly to: string; readonly via: string; readonly family: 4 | 6 }[];
}

/** Marks routes as ours (rtnetlink(7): numbers above RTPROT_STATIC are the user's). */
const routeProtocol = '183';
/** What busybox's DHCP client runs when it has an address; tools/image/guest/dhcp-event. */
const dhcpScript = '/usr/lib/sekisho/bin/dhcp-event';

/** Throws HostError PLATFORM with what `ip` says. */
export function applyNetwork({ addresses, routes }: NetworkOfBoard): void {
  for (const [name, wanted] of Object.entries(addresses)) {
    runTool('ip', ['link', 'set', 'dev', name, 'up']);
    if (wanted === 'dhcp') startDhcp(name);
    else {
      stopDhcp(name);
      setAddresses(name, wanted);
    }
  }
  for (const family of [4, 6] as const)
    setRoutes(
      family,
      routes.filter((route) => route.family === family),
    );
}

function setAddresses(name: string, wanted: readonly string[]): void {
  // First: with an address the kernel deletes others of the same network that came after it.
  for (const address of globalAddresses(name))
    if (!wanted.includes(address) && globalAddresses(name).includes(address))
      runTool('ip', ['address', 'delete', address, 'dev', name]);
  // An IPv6 address that is still being looked for on the link cannot be bound to.
  for (const address of wanted)
    runTool('ip', ['address', 'replace', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : [])]);
}

function globalAddresses(name: string): string[] {
  const links = JSON.parse(runTool('ip', ['-j', 'address', 'show', 'dev', name])) as {
    readonly addr_info?: readonly {
      readonly local: string;
      readonly prefixlen: number;
      readonly scope: string;
    }[];
  }[];
  return links.flatMap(({ addr_info = [] }) =>
    addr_info.flatMap(({ local, prefixlen, scope }) => (scope === 'global' ? [`${local}/${prefixlen}`] : [])),
  );
}

function setRoutes(family: 4 | 6, wanted: NetworkOfBoard['routes']): void {
  const ip = (...args: string[]): string => runTool('ip', [`-${family}`, ...args]);
  for (const { to, via } of wanted) ip('route', 'replace', to, 'via', via, 'proto', routeProtocol);
  const there = JSON.parse(ip('-j', 'route', 'show', 'proto', routeProtocol) || '[]') as {
    readonly dst: string;
  }[];
  const isWanted = (dst: string): boolean =>
    wanted.some(({ to }) => to === dst || to === `${dst}/${hostLength(family)}`);
  for (const { dst } of there) if (!isWanted(dst)) ip('route', 'delete', dst, 'proto', routeProtocol);
}

/** `ip` leaves the length of a host's route out. */
function hostLength(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** One client for each interface; it outlives the router. */
function startDhcp(name: string): void {
  if (runningClient(name) !== undefined) return;
  if (!existsSync(dhcpScript)) {
    throw new HostError(
      'PLATFORM',
      `network.addresses.${name}: dhcp is for boards; here something else brings the interface up: leave network out`,
    );
  }
  spawn('udhcpc', ['-b', '-p', pidFile(name), '-i', name, '-s', dhcpScript], { stdio: 'inherit' }).unref();
}

function stopDhcp(name: string): void {
  const client = runningClient(name);
  if (client === undefined) return;
  process.kill(client);
  rmSync(pidFile(name), { force: true });
}

function runningClient(name: string): number | undefined {
  try {
    const client = Number(readFileSync(pidFile(name), 'utf8'));
    process.kill(client, 0);
    return client;
  } catch {
    return undefined; // No client, or not any more.
  }
}

function pidFile(name: string): string {
  return `/run/udhcpc.${name}`;
}
