/**
 * The kinds of NAT that stand before people's routers, in the words of RFC 4787, and the nftables rules that make Linux one of
 * them. As a router for a home does, all of them drop what nobody inside asked for, before it is answered.
 */
import type { NatPlan } from '../topology-plan.ts';

/**
 * `full-cone`: one outside port, open to all (a port that somebody forwards). `restricted`: one outside port, open to
 * addresses that were sent to. `strict`: one outside port, open to addresses and ports that were sent to. `masquerade`:
 * nftables' plain one, which keeps the port where it can and is as strict. `persistent`: two outside addresses, of which
 * one router gets one. `symmetric`: nftables' random ports, another one for each destination.
 */
export const natKinds = [
  'full-cone',
  'restricted',
  'strict',
  'masquerade',
  'persistent',
  'symmetric',
] as const;

export type NatKind = (typeof natKinds)[number];

/** The one outside port of those that have one. */
const outsidePort = 61_000;

/** Mapping of addresses and ports (RFC 4787 section 4.1): true where each destination sees another. */
function mapsByDestination(kind: NatKind | 'none'): boolean {
  return kind === 'symmetric';
}

/** Filtering (RFC 4787 section 5): true where only addresses and ports that were sent to get in. */
function filtersByPort(kind: NatKind | 'none'): boolean {
  return kind !== 'none' && kind !== 'full-cone' && kind !== 'restricted';
}

/** Whether two routers can reach each other: not where one sends from a port that the other can neither know nor let in. */
export function canMeet(a: NatKind | 'none', b: NatKind | 'none'): boolean {
  return !(mapsByDestination(a) && filtersByPort(b)) && !(mapsByDestination(b) && filtersByPort(a));
}

/** A whole ruleset for the NAT's namespace. */
export function natRules(nat: NatPlan): string {
  const { kind, device, inside } = nat;
  return `table ip sekisho-lab {
  set asked { type ipv4_addr . inet_service; flags dynamic, timeout; timeout 2m; size 1024; }
  set asked-addresses { type ipv4_addr; flags dynamic, timeout; timeout 2m; size 1024; }
  chain source {
    type nat hook postrouting priority srcnat
    ${sourceRule(nat)}
    oifname "${device}" masquerade
  }
  chain destination {
    type nat hook prerouting priority dstnat
    ${destinationRule(kind, device, inside)}
  }
  chain forward {
    type filter hook forward priority filter
    oifname "${device}" meta l4proto udp update @asked { ip daddr . udp dport }
    oifname "${device}" update @asked-addresses { ip daddr }
  }
  chain input {
    type filter hook input priority filter
    iifname "${device}" ct state new drop
  }
}
`;
}

function sourceRule({ kind, device, outside }: NatPlan): string {
  const udp = `oifname "${device}" meta l4proto udp`;
  switch (kind) {
    case 'full-cone':
    case 'restricted':
    case 'strict':
      return `${udp} masquerade to :${outsidePort}`;
    case 'masquerade':
      return `${udp} masquerade`;
    case 'persistent':
      return `${udp} snat to ${outside[0]}-${outside.at(-1)} persistent`;
    case 'symmetric':
      return `${udp} masquerade fully-random`;
  }
}

/** What comes to the one outside port goes to the router; where there are many, only answers do. */
function destinationRule(kind: NatKind, device: string, inside: string): string {
  const to = `udp dport ${outsidePort} dnat to ${inside}:4500`;
  switch (kind) {
    case 'full-cone':
      return `iifname "${device}" ${to}`;
    case 'restricted':
      return `iifname "${device}" ip saddr @asked-addresses ${to}`;
    case 'strict':
      return `iifname "${device}" ip saddr . udp sport @asked ${to}`;
    default:
      return '';
  }
}
