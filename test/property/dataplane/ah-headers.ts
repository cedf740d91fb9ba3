/** Random IP headers for AH: IPv4 options and IPv6 extension headers of every sort that it treats differently. */
import fc from 'fast-check';
import { internetChecksum, octetsOf } from './packets.ts';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** An option with a length octet: RFC 791 section 3.1, RFC 2113, RFC 1108, and one that nobody knows. */
const plainOption = fc
  .tuple(fc.constantFrom(130, 133, 134, 148, 149, 7, 68, 82, 94, 222), fc.integer({ min: 2, max: 9 }))
  .chain(([type, length]) => octets(length - 2).map((data) => Buffer.from([type, length, ...data])));

/** Loose and strict source routes at any point of their way. */
const sourceRoute = fc
  .tuple(fc.constantFrom(131, 137), fc.integer({ min: 1, max: 3 }))
  .chain(([type, hops]) =>
    fc
      .tuple(fc.integer({ min: 0, max: hops }), octets(4 * hops))
      .map(([done, route]) => Buffer.from([type, 3 + 4 * hops, 4 + 4 * done, ...route])),
  );

/** Options of an IPv4 header, filled up to a multiple of 4 octets; at most 40. */
export const ipv4Options = fc
  .array(fc.oneof(plainOption, plainOption, sourceRoute, fc.constant(Buffer.of(1))), { maxLength: 4 })
  .map((options) => {
    const all = Buffer.concat(options);
    if (all.length > 40) return Buffer.alloc(0);
    return Buffer.concat([all, Buffer.alloc((4 - (all.length % 4)) % 4)]);
  });

const ipv6Option = fc.oneof(
  fc.constant(Buffer.of(0)),
  fc
    .tuple(fc.constantFrom(1, 5, 0x26, 0x3e, 0x8a, 0xc2, 0xe3), fc.integer({ min: 0, max: 20 }))
    .chain(([type, length]) => octets(length).map((data) => Buffer.from([type, length, ...data]))),
);

export interface Extension {
  readonly protocol: number;
  /** With the first octet, next header, still to be filled in. */
  readonly octets: Buffer;
}

const optionsHeader = (protocol: number) =>
  fc.array(ipv6Option, { maxLength: 4 }).map((options): Extension => {
    const all = Buffer.concat([Buffer.alloc(2), ...options]);
    const padded = Buffer.concat([all, Buffer.alloc((8 - (all.length % 8)) % 8)]);
    padded[1] = padded.length / 8 - 1;
    return { protocol, octets: padded };
  });

const routingHeader = fc
  .integer({ min: 1, max: 3 })
  .chain((hops) => fc.tuple(fc.integer({ min: 0, max: hops }), octets(16 * hops)))
  .map(
    ([left, route]): Extension => ({
      protocol: 43,
      octets: Buffer.from([0, route.length / 8, 0, left, 0, 0, 0, 0, ...route]),
    }),
  );

/** In RFC 8200's order; destination options before AH stand before a routing header. */
export const ipv6Extensions = fc
  .record({
    hopByHop: fc.option(optionsHeader(0)),
    onTheWay: fc.option(optionsHeader(60)),
    routing: fc.option(routingHeader),
  })
  .map(({ hopByHop, onTheWay, routing }) =>
    [hopByHop, routing === null ? null : onTheWay, routing].filter((one) => one !== null),
  );

export interface HeaderPlan {
  readonly source: string;
  readonly destination: string;
  /** What the packet carries. */
  readonly protocol: number;
  readonly options?: Buffer;
  readonly extensions?: readonly Extension[];
  readonly payloadLength: number;
}

/** An IP header with its options or extension headers. */
export function headerOf(plan: HeaderPlan): Buffer {
  const [source, destination] = [octetsOf(plan.source), octetsOf(plan.destination)];
  return source.length === 4 ? ipv4(plan, source, destination) : ipv6(plan, source, destination);
}

function ipv4(plan: HeaderPlan, source: Uint8Array, destination: Uint8Array): Buffer {
  const header = Buffer.concat([Buffer.alloc(20), plan.options ?? Buffer.alloc(0)]);
  header[0] = 0x40 | (header.length / 4);
  header[1] = 0xb8;
  header.writeUInt16BE(header.length + plan.payloadLength, 2);
  header.writeUInt16BE(0x1234, 4);
  header.writeUInt16BE(0x4000, 6);
  header[8] = 63;
  header[9] = plan.protocol;
  header.set(source, 12);
  header.set(destination, 16);
  return withChecksum(header);
}

function ipv6(plan: HeaderPlan, source: Uint8Array, destination: Uint8Array): Buffer {
  const extensions = plan.extensions ?? [];
  const names = [...extensions.map(({ protocol }) => protocol), plan.protocol];
  const chain = extensions.map(({ octets: one }, index) => {
    const copy = Buffer.from(one);
    copy[0] = names[index + 1] ?? 0;
    return copy;
  });
  const header = Buffer.concat([Buffer.alloc(40), ...chain]);
  header.writeUInt32BE(0x6b8abcde, 0);
  header.writeUInt16BE(header.length - 40 + plan.payloadLength, 4);
  header[6] = names[0] ?? 0;
  header[7] = 63;
  header.set(source, 8);
  header.set(destination, 24);
  return header;
}

/** The same IPv4 header with its checksum right. */
export function withChecksum(header: Buffer): Buffer {
  const length = (header[0]! & 15) * 4;
  header.writeUInt16BE(0, 10);
  header.writeUInt16BE(internetChecksum(header.subarray(0, length)), 10);
  return header;
}
