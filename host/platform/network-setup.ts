/**
 * Makes this Linux machine a router for IPsec, and undoes it. The order is the point: the guard first, before any packet
 * could slip past; then forwarding; the TUN and the routes into it last. On the way down the guard stays, unless
 * everything is to go.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import { type GuardPlan, IPSEC_PORTS, installGuard, OWN_MARK, removeGuard, TUN_MARK } from './nftables.ts';
import {
  installSteeringRoute,
  ROUTE_TABLE,
  RULE_PRIORITY,
  removeSteeringRoute,
  type SteeringRoute,
} from './routes.ts';
import { runTool } from './run-tool.ts';

export interface NetworkPlan extends GuardPlan, SteeringRoute {}

/** The parts of a plan that a router's settings say; the rest is ours and always the same. */
export type NetworkSettings = Pick<NetworkPlan, 'entries' | 'tunName' | 'protectedInterfaces' | 'unmatched'>;

/** Packets that the kernel keeps while the loop is busy; 2000 carried full load without loss (measured). */
const TUN_QUEUE_PACKETS = 2000;

/** A whole plan with our usual marks, ports, table and priority. */
export function networkPlan(settings: NetworkSettings): NetworkPlan {
  return {
    ...settings,
    tunMark: TUN_MARK,
    ownMark: OWN_MARK,
    ipsecPorts: IPSEC_PORTS,
    table: ROUTE_TABLE,
    priority: RULE_PRIORITY,
  };
}

/**
 * First step, before sockets and TUN: from here on nothing that a PROTECT or DISCARD selector covers passes in clear.
 * Also the way to follow a change of the SPD: the table is replaced at once.
 */
export function protect(plan: GuardPlan): void {
  installGuard(plan);
}

/** Second step, with the TUN open and up: traffic for IPsec goes into it, and this machine forwards. Idempotent. */
export function steer(plan: NetworkPlan): void {
  relaxReversePathFilter(plan.tunName);
  // ICMP errors for refused hosts come out of the TUN with this router's own address, which is a martian otherwise.
  writeSysctl(`net/ipv4/conf/${plan.tunName}/accept_local`, '1');
  // By `ip`: in a user namespace the kernel takes this by netlink only, not by the ioctl of tun.ts.
  runTool('ip', ['link', 'set', 'dev', plan.tunName, 'txqueuelen', String(TUN_QUEUE_PACKETS)]);
  if (plan.protectedInterfaces.length > 0) enableForwarding(plan);
  installSteeringRoute(plan);
}

/** The way down for a router that stops: no more routes into the TUN; the guard stays and drops what they would carry. */
export function stopSteering(plan: SteeringRoute): void {
  removeSteeringRoute(plan);
}

/** Removes all that `protect` and `steer` made, the guard last. Forwarding stays on: others may rely on it. */
export function removeNetworkSetup(plan: SteeringRoute): void {
  removeSteeringRoute(plan);
  removeGuard();
}

/**
 * What comes out of the TUN has sources whose routes lead elsewhere, so strict reverse path filtering (RFC 3704) would
 * drop it. The engine has checked the source against the SA already. The kernel applies the larger of the interface's
 * value and the one for all: where that one is 0, off; otherwise loose.
 */
function relaxReversePathFilter(tunName: string): void {
  const forAll = readSysctl('net/ipv4/conf/all/rp_filter');
  writeSysctl(`net/ipv4/conf/${tunName}/rp_filter`, forAll === '0' ? '0' : '2');
}

function enableForwarding(plan: GuardPlan): void {
  writeSysctl('net/ipv4/ip_forward', '1');
  if (!existsSync('/proc/sys/net/ipv6/conf')) return;
  keepRouterAdvertisements(plan);
  writeSysctl('net/ipv6/conf/all/forwarding', '1');
}

/** A forwarding machine ignores router advertisements unless told otherwise; an uplink that lives by them must not die. */
function keepRouterAdvertisements(plan: GuardPlan): void {
  const ours = new Set(['all', 'default', 'lo', plan.tunName, ...plan.protectedInterfaces]);
  for (const name of readdirSync('/proc/sys/net/ipv6/conf')) {
    const path = `net/ipv6/conf/${name}/accept_ra`;
    if (!ours.has(name) && readSysctl(path) === '1') writeSysctl(path, '2');
  }
}

function readSysctl(path: string): string {
  return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
}

function writeSysctl(path: string, value: string): void {
  try {
    if (readSysctl(path) !== value) writeFileSync(`/proc/sys/${path}`, value);
  } catch (cause) {
    throw new HostError(
      'PLATFORM',
      `cannot set ${path.replaceAll('/', '.')} to ${value}: ${cause instanceof Error ? cause.message : String(cause)}. Run as root, outside of containers with a read-only /proc/sys, or set it beforehand`,
      { cause },
    );
  }
}
