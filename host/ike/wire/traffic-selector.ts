/**
 * Traffic Selector payloads and their narrowing: ranges of addresses and ports that a CHILD SA carries.
 * RFC 7296 sections 2.9 and 3.13.
 */
import type { Address } from '../../model/address.ts';
import type { Prefix } from '../../model/prefix.ts';
import { ok } from '../../model/result.ts';
import { trafficSelectorTypes } from './iana-numbers.ts';
import { concatenate, type Parsed, readUint16, syntaxError, writeUint16 } from './syntax.ts';

export interface TrafficSelector {
  readonly first: Address;
  /** Inclusive, of the family of `first`, not before it. */
  readonly last: Address;
  /** IP protocol number; 0 is any. */
  readonly protocol: number;
  /** Inclusive; 0..65535 is any, and 65535..0 is OPAQUE: packets whose ports cannot be seen. */
  readonly firstPort: number;
  readonly lastPort: number;
}

/** Everything to or from the addresses of a prefix. */
export function trafficSelectorOf(prefix: Prefix): TrafficSelector {
  const last = prefix.address.octets.map((octet, index) => {
    const bits = Math.min(8, Math.max(0, prefix.length - index * 8));
    return octet | (0xff >> bits);
  });
  return {
    first: prefix.address,
    last: { family: prefix.address.family, octets: last },
    protocol: 0,
    firstPort: 0,
    lastPort: 65535,
  };
}

/**
 * Reads the body of a TS payload. Selectors of unknown types are left out, since narrowing would drop them anyway; the
 * list may therefore be empty. Addresses are copied.
 */
export function parseTrafficSelectors(body: Uint8Array): Parsed<readonly TrafficSelector[]> {
  if (body.length < 4) return syntaxError(`expected at least 4 octets of TS, found ${body.length}`);
  const count = body[0] ?? 0;
  if (count === 0) return syntaxError('expected at least one traffic selector, found none');
  const selectors: TrafficSelector[] = [];
  let at = 4;
  for (let index = 0; index < count; index++) {
    const available = body.length - at;
    const length = available < 8 ? 0 : readUint16(body, at + 2);
    if (length < 8 || length > available) {
      return syntaxError(`expected traffic selector ${index + 1} of ${count} within ${available} octets`);
    }
    const selector = parseTrafficSelector(body.subarray(at, at + length));
    if (!selector.ok) return selector;
    if (selector.value !== undefined) selectors.push(selector.value);
    at += length;
  }
  if (at !== body.length) {
    return syntaxError(`expected ${count} traffic selectors, found ${body.length - at} octets more`);
  }
  return ok(selectors);
}

function parseTrafficSelector(octets: Uint8Array): Parsed<TrafficSelector | undefined> {
  const type = octets[0];
  const addressOctets =
    type === trafficSelectorTypes.ipv4AddressRange
      ? 4
      : type === trafficSelectorTypes.ipv6AddressRange
        ? 16
        : 0;
  if (addressOctets === 0) return ok(undefined);
  if (octets.length !== 8 + 2 * addressOctets) {
    return syntaxError(
      `expected ${8 + 2 * addressOctets} octets of traffic selector, found ${octets.length}`,
    );
  }
  const family = addressOctets === 4 ? 4 : 6;
  const selector: TrafficSelector = {
    first: { family, octets: octets.slice(8, 8 + addressOctets) },
    last: { family, octets: octets.slice(8 + addressOctets) },
    protocol: octets[1] ?? 0,
    firstPort: readUint16(octets, 4),
    lastPort: readUint16(octets, 6),
  };
  if (Buffer.compare(selector.first.octets, selector.last.octets) > 0) {
    return syntaxError('expected the range of a traffic selector to ascend, found its end before its start');
  }
  if (selector.firstPort > selector.lastPort && !isOpaque(selector)) {
    return syntaxError(`expected ascending ports, found ${selector.firstPort} to ${selector.lastPort}`);
  }
  return ok(selector);
}

/** Body of a TS payload of 1 to 255 selectors. */
export function encodeTrafficSelectors(selectors: readonly TrafficSelector[]): Uint8Array {
  const parts = selectors.map((selector) => {
    const header = new Uint8Array(8);
    header[0] =
      selector.first.family === 4
        ? trafficSelectorTypes.ipv4AddressRange
        : trafficSelectorTypes.ipv6AddressRange;
    header[1] = selector.protocol;
    writeUint16(header, 2, 8 + 2 * selector.first.octets.length);
    writeUint16(header, 4, selector.firstPort);
    writeUint16(header, 6, selector.lastPort);
    return concatenate(header, selector.first.octets, selector.last.octets);
  });
  return concatenate(Uint8Array.of(selectors.length, 0, 0, 0), ...parts);
}

/** The packets that one of `a` and one of `b` select, in the order of `a`; empty when there are none. */
export function narrowTrafficSelectors(
  a: readonly TrafficSelector[],
  b: readonly TrafficSelector[],
): TrafficSelector[] {
  const narrowed: TrafficSelector[] = [];
  for (const one of a) {
    for (const other of b) {
      const both = intersect(one, other);
      if (both === undefined || narrowed.some((known) => trafficSelectorContains(known, both))) continue;
      // A later, wider range takes the place of those inside it.
      for (let index = narrowed.length - 1; index >= 0; index--) {
        const known = narrowed[index];
        if (known !== undefined && trafficSelectorContains(both, known)) narrowed.splice(index, 1);
      }
      narrowed.push(both);
    }
  }
  return narrowed.slice(0, 255);
}

/** True when every packet of `inner` is one of `outer`. */
export function trafficSelectorContains(outer: TrafficSelector, inner: TrafficSelector): boolean {
  const both = intersect(outer, inner);
  return (
    both !== undefined &&
    both.protocol === inner.protocol &&
    both.firstPort === inner.firstPort &&
    both.lastPort === inner.lastPort &&
    Buffer.compare(both.first.octets, inner.first.octets) === 0 &&
    Buffer.compare(both.last.octets, inner.last.octets) === 0
  );
}

function intersect(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  if (a.first.family !== b.first.family) return undefined;
  if (a.protocol !== 0 && b.protocol !== 0 && a.protocol !== b.protocol) return undefined;
  const first = Buffer.compare(a.first.octets, b.first.octets) >= 0 ? a.first : b.first;
  const last = Buffer.compare(a.last.octets, b.last.octets) <= 0 ? a.last : b.last;
  if (Buffer.compare(first.octets, last.octets) > 0) return undefined;
  const ports = intersectPorts(a, b);
  if (ports === undefined) return undefined;
  return { first, last, protocol: a.protocol || b.protocol, ...ports };
}

function intersectPorts(
  a: TrafficSelector,
  b: TrafficSelector,
): { firstPort: number; lastPort: number } | undefined {
  // RFC 7296 section 3.13.1: OPAQUE is a value of its own, which only ANY (and OPAQUE itself) covers.
  if (isOpaque(a)) return isOpaque(b) || isAnyPort(b) ? { firstPort: 65535, lastPort: 0 } : undefined;
  if (isOpaque(b)) return isAnyPort(a) ? { firstPort: 65535, lastPort: 0 } : undefined;
  const firstPort = Math.max(a.firstPort, b.firstPort);
  const lastPort = Math.min(a.lastPort, b.lastPort);
  return firstPort <= lastPort ? { firstPort, lastPort } : undefined;
}

function isOpaque(selector: TrafficSelector): boolean {
  return selector.firstPort === 65535 && selector.lastPort === 0;
}

function isAnyPort(selector: TrafficSelector): boolean {
  return selector.firstPort === 0 && selector.lastPort === 65535;
}
