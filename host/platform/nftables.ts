/**
 * Our nftables table, `inet sekisho`: leads traffic that wants IPsec into the TUN, and lets nothing of it pass any other
 * way. It stands before the packet engine does and stays when the process dies, so protection does not depend on a
 * process. The whole table is replaced in one transaction; other tables are not touched.
 *
 * ```
 *                 prerouting (raw)       prerouting (mangle)   routing   postrouting (before source NAT)
 * from outside -> inbound-cleartext ------------------------------------> outbound-guard -> out
 * from inside  --------------------- --> steer-forwarded --mark--> TUN --> outbound-guard -> out
 * from this machine ------- output: --> steer-local -------mark--> TUN --> outbound-guard -> out
 * ```
 *
 * "Inside" are the protected interfaces, the TUN and loopback; every other interface, also one that appears later, is
 * outside. Traffic between inside interfaces does not cross the IPsec boundary (RFC 4301 section 3.1) and is left alone.
 */
import { HostError } from '../model/host-error.ts';
import type { SpdEntry } from '../model/policy.ts';
import { runTool } from './run-tool.ts';
import { renderSelectorRules } from './selector-rules.ts';
import { checkInterfaceName } from './tun.ts';

/** Everything that the table depends on. */
export interface GuardPlan {
  /** The ordered SPD. */
  readonly entries: readonly SpdEntry[];
  readonly tunName: string;
  /** Interfaces of the protected side (LAN); none on a single machine. */
  readonly protectedInterfaces: readonly string[];
  /**
   * Forwarded traffic between protected and other interfaces that no selector matches: `discard` gives it to the engine,
   * which refuses and counts it (outbound), or drops it (inbound); `bypass` lets it pass. Traffic of this machine itself
   * that no selector matches always passes.
   */
  readonly unmatched: 'discard' | 'bypass';
  /** Mark of packets that must go into the TUN. */
  readonly tunMark: number;
  /** Mark of what our own sockets send (ESP, AH, IKE). */
  readonly ownMark: number;
  /** Local UDP ports of IKE and UDP-encapsulated ESP. */
  readonly ipsecPorts: readonly number[];
}

/** Marks of ours, unlikely to be anyone else's. */
export const TUN_MARK = 0x5e4a;
export const OWN_MARK = 0x5e4b;
/** RFC 7296 section 2.23. */
export const IPSEC_PORTS: readonly number[] = [500, 4500];

export const guardCounterNames = [
  /** Forwarded packets led into the TUN. */
  'steered-forwarded',
  /** Packets of this machine led into the TUN. */
  'steered-local',
  /** Packets for IPsec that were about to leave in clear: the engine was not running, or another program interfered. */
  'leaks-prevented',
  /** Packets that came in clear from outside though a PROTECT or DISCARD selector covers them. */
  'cleartext-refused',
  /** Forwarded packets between inside and outside that no selector matches. */
  'unmatched-outbound',
  'unmatched-inbound',
] as const;

export type GuardCounterName = (typeof guardCounterNames)[number];
export type GuardCounters = Record<GuardCounterName, { packets: number; octets: number }>;

const TABLE = 'inet sekisho';

/**
 * The table as text for `nft -f`, which makes it replace the former one in one transaction.
 *
 * @param counters where counting goes on; undefined: from zero
 * @throws HostError CONFIG_INVALID for a bad interface name or selector
 */
export function renderGuard(plan: GuardPlan, counters?: GuardCounters): string {
  for (const name of [plan.tunName, ...plan.protectedInterfaces]) checkInterfaceName(name);
  const inside = renderSet(['lo', plan.tunName, ...plan.protectedInterfaces].map(quote));
  const steer = (counter: GuardCounterName): string =>
    `counter name "${counter}" meta mark set ${hex(plan.tunMark)} accept`;
  const drop = (counter: GuardCounterName): string => `counter name "${counter}" drop`;
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    ...guardCounterNames.map((name) => {
      const { packets, octets } = counters?.[name] ?? { packets: 0, octets: 0 };
      return `  counter ${name} { packets ${packets} bytes ${octets}; }`;
    }),
    ...renderChain('inbound-cleartext', 'type filter hook prerouting priority raw', [
      `iifname ${inside} accept`,
      ...neighbourDiscovery,
      ...renderOwnIpsec(plan),
      ...renderSelectorRules(plan.entries, 'inbound', {
        engine: drop('cleartext-refused'),
        bypass: 'accept',
      }),
      ...renderUnmatchedInbound(plan, drop('unmatched-inbound')),
    ]),
    ...renderChain(
      'steer-forwarded',
      'type filter hook prerouting priority mangle',
      renderSteerForwarded(plan, steer('steered-forwarded'), steer('unmatched-outbound')),
    ),
    // `route`: the kernel routes the packet again when its mark has changed.
    ...renderChain('steer-local', 'type route hook output priority mangle', [
      `meta mark ${hex(plan.ownMark)} accept`,
      `oifname ${inside} accept`,
      ...neighbourDiscovery,
      ...renderSelectorRules(plan.entries, 'outbound', { engine: steer('steered-local'), bypass: 'accept' }),
    ]),
    // Looks at the selectors once more: no other program's mark, route or rule may lead around the TUN. Before source NAT,
    // which would hide the addresses that the selectors are about.
    ...renderChain('outbound-guard', 'type filter hook postrouting priority srcnat - 1', [
      `oifname ${quote(plan.tunName)} accept`,
      `meta mark ${hex(plan.tunMark)} ${drop('leaks-prevented')}`,
      `meta mark ${hex(plan.ownMark)} accept`,
      `oifname ${inside} accept`,
      ...neighbourDiscovery,
      ...renderSelectorRules(plan.entries, 'outbound', { engine: drop('leaks-prevented'), bypass: 'accept' }),
      ...renderUnmatchedOutbound(plan, drop('unmatched-outbound')),
    ]),
    '}',
    '',
  ].join('\n');
}

/**
 * Puts the table in place, or replaces it, at once and whole; the counters go on.
 *
 * @throws HostError PLATFORM when nft is missing or the kernel refuses the table; the former table then still stands
 */
export function installGuard(plan: GuardPlan): void {
  runTool('nft', ['-f', '-'], renderGuard(plan, readGuardCounters()));
}

/** Removes the table, and with it all protection: for uninstalling and for tests. No error if there is none. */
export function removeGuard(): void {
  runTool('nft', ['-f', '-'], `add table ${TABLE}\ndelete table ${TABLE}\n`);
}

/** What the table has counted; undefined when it is not in place. */
export function readGuardCounters(): GuardCounters | undefined {
  // By family and not by table: a missing table would be an error that looks like any other.
  const listing: unknown = JSON.parse(runTool('nft', ['-j', 'list', 'counters']));
  const found = new Map(counterObjects(listing).map((counter) => [counter.name, counter]));
  const entries = guardCounterNames.map((name) => [name, found.get(name)] as const);
  if (entries.every(([, counter]) => counter === undefined)) return undefined;
  const counters: Partial<GuardCounters> = {};
  for (const [name, counter] of entries) {
    counters[name] = { packets: counter?.packets ?? 0, octets: counter?.bytes ?? 0 };
  }
  return complete(counters);
}

/** RFC 4861 section 7.1: only with hop limit 255, so never from beyond the link. Without it nothing else would work. */
const neighbourDiscovery = ['ip6 hoplimit 255 icmpv6 type { 133, 134, 135, 136, 137 } accept'];

/** ESP, AH and IKE to this machine: the engine and the IKE machine judge them. */
function renderOwnIpsec(plan: GuardPlan): string[] {
  const ports = renderSet(plan.ipsecPorts.map(String));
  return [
    'fib daddr type local meta l4proto { esp, ah } accept',
    `fib daddr type local udp dport ${ports} accept`,
    // The rest of a fragmented one shows no port. Of any other it is worthless without its first fragment, judged above
    // and below.
    'fib daddr type local meta l4proto udp ip frag-off & 0x1fff != 0 accept',
    'fib daddr type local meta l4proto udp frag frag-off != 0 accept',
  ];
}

function renderSteerForwarded(plan: GuardPlan, steer: string, steerUnmatched: string): string[] {
  if (plan.protectedInterfaces.length === 0) return [];
  const protectedSet = renderSet(plan.protectedInterfaces.map(quote));
  return [
    `iifname != ${protectedSet} accept`,
    'fib daddr type { local, broadcast } accept',
    `fib daddr oifname ${protectedSet} accept`,
    ...neighbourDiscovery,
    ...renderSelectorRules(plan.entries, 'outbound', { engine: steer, bypass: 'accept' }),
    // Link-local and multicast destinations are not forwarded, so they are nobody's unmatched traffic.
    ...(plan.unmatched === 'discard'
      ? ['fib daddr type multicast accept', 'ip6 daddr fe80::/10 accept', steerUnmatched]
      : []),
  ];
}

function renderUnmatchedInbound(plan: GuardPlan, drop: string): string[] {
  if (plan.unmatched === 'bypass' || plan.protectedInterfaces.length === 0) return [];
  return [`fib daddr oifname ${renderSet(plan.protectedInterfaces.map(quote))} ${drop}`];
}

function renderUnmatchedOutbound(plan: GuardPlan, drop: string): string[] {
  if (plan.unmatched === 'bypass' || plan.protectedInterfaces.length === 0) return [];
  return [`iifname ${renderSet(plan.protectedInterfaces.map(quote))} ${drop}`];
}

function renderChain(name: string, hook: string, rules: readonly string[]): string[] {
  return [`  chain ${name} {`, `    ${hook}; policy accept;`, ...rules.map((rule) => `    ${rule}`), '  }'];
}

function renderSet(elements: readonly string[]): string {
  return `{ ${[...new Set(elements)].join(', ')} }`;
}

function quote(name: string): string {
  return `"${name}"`;
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

interface CounterObject {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
}

/** The counters of our table in nft's JSON (libnftables-json(5)); anything of another shape is not ours. */
function counterObjects(listing: unknown): CounterObject[] {
  const objects: unknown = property(listing, 'nftables');
  if (!Array.isArray(objects)) throw new HostError('PLATFORM', 'nft -j list counters: unexpected answer');
  return objects.flatMap((object: unknown) => {
    const counter = property(object, 'counter');
    const name = property(counter, 'name');
    const packets = property(counter, 'packets');
    const bytes = property(counter, 'bytes');
    const ours = property(counter, 'family') === 'inet' && property(counter, 'table') === 'sekisho';
    return ours && typeof name === 'string' && typeof packets === 'number' && typeof bytes === 'number'
      ? [{ name, packets, bytes }]
      : [];
  });
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function complete(counters: Partial<GuardCounters>): GuardCounters {
  const zero = { packets: 0, octets: 0 };
  return {
    'steered-forwarded': counters['steered-forwarded'] ?? zero,
    'steered-local': counters['steered-local'] ?? zero,
    'leaks-prevented': counters['leaks-prevented'] ?? zero,
    'cleartext-refused': counters['cleartext-refused'] ?? zero,
    'unmatched-outbound': counters['unmatched-outbound'] ?? zero,
    'unmatched-inbound': counters['unmatched-inbound'] ?? zero,
  };
}
