/**
 * Selectors (RFC 4301 section 4.4.1.1): which packets an SPD entry or an SA is for, seen from the router that holds
 * them: `local` is the protected side's address (source of an outbound packet), `remote` the far one.
 */
import type { Address } from './address.ts';
import { equalAddresses } from './address.ts';
import { formatPrefix, intersectPrefixes, type Prefix, prefixContains, prefixHolds } from './prefix.ts';

/** Inclusive bounds. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

export interface Selector {
  readonly local: Prefix;
  readonly remote: Prefix;
  /** IP protocol number; null is ANY. */
  readonly protocol: number | null;
  /** Ports of TCP, UDP, SCTP, DCCP, UDP-Lite; null is ANY, which also covers packets that have no ports. */
  readonly localPorts: Range | null;
  readonly remotePorts: Range | null;
  /** ICMP and ICMPv6 message type and code; null is ANY. Not directional (RFC 4301 section 4.4.1.1). */
  readonly icmpType: Range | null;
  readonly icmpCode: Range | null;
}

/** The fields of a packet that selectors look at, from the sending router's point of view. */
export interface PacketSelector {
  readonly local: Address;
  readonly remote: Address;
  readonly protocol: number;
  /** Null where the protocol has none, or where the packet is a non-initial fragment. */
  readonly localPort: number | null;
  readonly remotePort: number | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
}

/** IP protocol numbers by the names that selectors accept (IANA protocol-numbers). */
export const protocolNumbers: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  icmpv6: 58,
  ospf: 89,
  sctp: 132,
  udplite: 136,
};

/** The same selector as the router at the other end writes it: local and remote exchanged. */
export function mirrorSelector(selector: Selector): Selector {
  return {
    ...selector,
    local: selector.remote,
    remote: selector.local,
    localPorts: selector.remotePorts,
    remotePorts: selector.localPorts,
  };
}

/** The same packet as the router at the other end sees it. */
export function mirrorPacket(packet: PacketSelector): PacketSelector {
  return {
    ...packet,
    local: packet.remote,
    remote: packet.local,
    localPort: packet.remotePort,
    remotePort: packet.localPort,
  };
}

/** All packets between the packet's two hosts with its protocol. */
export function conversationOf(packet: PacketSelector): Selector {
  const host = (address: Address): Prefix => ({ address, length: address.octets.length * 8 });
  return {
    local: host(packet.local),
    remote: host(packet.remote),
    protocol: packet.protocol,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}

/** True when one of `selectors` selects the packet. */
export function anySelectorMatches(selectors: readonly Selector[], packet: PacketSelector): boolean {
  return selectors.some((selector) => selectorMatches(selector, packet));
}

/** The packets that both select; undefined when there are none. */
export function intersectSelectors(a: Selector, b: Selector): Selector | undefined {
  const local = intersectPrefixes(a.local, b.local);
  const remote = intersectPrefixes(a.remote, b.remote);
  const protocol = intersectProtocols(a.protocol, b.protocol);
  const localPorts = intersectRanges(a.localPorts, b.localPorts);
  const remotePorts = intersectRanges(a.remotePorts, b.remotePorts);
  const icmpType = intersectRanges(a.icmpType, b.icmpType);
  const icmpCode = intersectRanges(a.icmpCode, b.icmpCode);
  if (
    local === undefined ||
    remote === undefined ||
    protocol === undefined ||
    localPorts === undefined ||
    remotePorts === undefined ||
    icmpType === undefined ||
    icmpCode === undefined
  ) {
    return undefined;
  }
  return { local, remote, protocol, localPorts, remotePorts, icmpType, icmpCode };
}

/** Every non-empty intersection of one of `a` with one of `b`, without those that another one contains. */
export function intersectSelectorLists(a: readonly Selector[], b: readonly Selector[]): Selector[] {
  const found: Selector[] = [];
  for (const one of a) {
    for (const other of b) {
      const both = intersectSelectors(one, other);
      if (both !== undefined && !found.some((known) => selectorContains(known, both))) found.push(both);
    }
  }
  return found.filter((one) => !found.some((other) => other !== one && selectorContains(other, one)));
}

/** True when `outer` selects every packet that `inner` selects. */
export function selectorContains(outer: Selector, inner: Selector): boolean {
  return (
    prefixContains(outer.local, inner.local) &&
    prefixContains(outer.remote, inner.remote) &&
    (outer.protocol === null || outer.protocol === inner.protocol) &&
    rangeContains(outer.localPorts, inner.localPorts) &&
    rangeContains(outer.remotePorts, inner.remotePorts) &&
    rangeContains(outer.icmpType, inner.icmpType) &&
    rangeContains(outer.icmpCode, inner.icmpCode)
  );
}

/** True when `selector` selects the packet. A packet without ports matches only where ports are ANY (RFC 4301 section 7). */
export function selectorMatches(selector: Selector, packet: PacketSelector): boolean {
  return (
    prefixHolds(selector.local, packet.local) &&
    prefixHolds(selector.remote, packet.remote) &&
    (selector.protocol === null || selector.protocol === packet.protocol) &&
    rangeHolds(selector.localPorts, packet.localPort) &&
    rangeHolds(selector.remotePorts, packet.remotePort) &&
    rangeHolds(selector.icmpType, packet.icmpType) &&
    rangeHolds(selector.icmpCode, packet.icmpCode)
  );
}

/** True when both select the same packets and are written the same. */
export function equalSelectors(a: Selector, b: Selector): boolean {
  return (
    a.local.length === b.local.length &&
    a.remote.length === b.remote.length &&
    equalAddresses(a.local.address, b.local.address) &&
    equalAddresses(a.remote.address, b.remote.address) &&
    a.protocol === b.protocol &&
    equalRanges(a.localPorts, b.localPorts) &&
    equalRanges(a.remotePorts, b.remotePorts) &&
    equalRanges(a.icmpType, b.icmpType) &&
    equalRanges(a.icmpCode, b.icmpCode)
  );
}

/** One line for people: `10.1.0.0/16 <-> 10.2.0.0/16 tcp remote-port 443`. */
export function formatSelector(selector: Selector): string {
  const parts = [`${formatPrefix(selector.local)} <-> ${formatPrefix(selector.remote)}`];
  if (selector.protocol !== null) parts.push(formatProtocol(selector.protocol));
  if (selector.localPorts !== null) parts.push(`local-port ${formatRange(selector.localPorts)}`);
  if (selector.remotePorts !== null) parts.push(`remote-port ${formatRange(selector.remotePorts)}`);
  if (selector.icmpType !== null) parts.push(`type ${formatRange(selector.icmpType)}`);
  if (selector.icmpCode !== null) parts.push(`code ${formatRange(selector.icmpCode)}`);
  return parts.join(' ');
}

/** The protocol's name where selectors have one, otherwise its number. */
export function formatProtocol(protocol: number): string {
  return Object.keys(protocolNumbers).find((name) => protocolNumbers[name] === protocol) ?? String(protocol);
}

function formatRange(range: Range): string {
  return range.first === range.last ? String(range.first) : `${range.first}-${range.last}`;
}

function intersectProtocols(a: number | null, b: number | null): number | null | undefined {
  if (a === null) return b;
  return b === null || a === b ? a : undefined;
}

function intersectRanges(a: Range | null, b: Range | null): Range | null | undefined {
  if (a === null) return b;
  if (b === null) return a;
  const first = Math.max(a.first, b.first);
  const last = Math.min(a.last, b.last);
  return first <= last ? { first, last } : undefined;
}

function rangeContains(outer: Range | null, inner: Range | null): boolean {
  if (outer === null) return true;
  return inner !== null && outer.first <= inner.first && inner.last <= outer.last;
}

function rangeHolds(range: Range | null, value: number | null): boolean {
  if (range === null) return true;
  return value !== null && range.first <= value && value <= range.last;
}

function equalRanges(a: Range | null, b: Range | null): boolean {
  return a === b || (a !== null && b !== null && a.first === b.first && a.last === b.last);
}
