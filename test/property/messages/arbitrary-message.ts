/** Generators of every message that the protocol allows, for property tests and fuzzing. */
import fc from 'fast-check';
import type { DistributedSa, Message } from '../../../host/messages/message.ts';
import { addressOf, type Endpoint } from '../../../host/model/address.ts';
import { prefixOf } from '../../../host/model/prefix.ts';
import { proposals, proposalsOf } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { PacketSelector, Range, Selector } from '../../../host/model/selector.ts';
import { versionUpStages } from '../../../host/model/version-up.ts';

const nameCharacters = [...'abcXYZ019._-'];
export const name = fc.string({ unit: fc.constantFrom(...nameCharacters), minLength: 1, maxLength: 63 });
const release = fc.constantFrom('1.4.0', '2.0.0-rc.1+b7', 'v'.repeat(63));
const optionalName = fc.oneof(name, fc.constant(''));
export const id = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((octets) => Buffer.from(octets).toString('hex'));
const spi = fc.integer({ min: 256, max: 0xffff_ffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const addressOfFamily = (family: 4 | 6) => octets(family === 4 ? 4 : 16).map(addressOf);
const family = fc.constantFrom(4 as const, 6 as const);

function range(maximum: number): fc.Arbitrary<Range | null> {
  const bound = fc.integer({ min: 0, max: maximum });
  return fc.option(fc.tuple(bound, bound).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })));
}

const protocolShape = fc.oneof(
  fc.record({
    protocol: fc.constantFrom(6, 17, 33, 132, 136),
    ports: fc.constant(true),
    types: fc.constant(false),
  }),
  fc.record({ protocol: fc.constantFrom(1, 58), ports: fc.constant(false), types: fc.constant(true) }),
  fc.record({
    protocol: fc.constantFrom(null, 0, 50, 255),
    ports: fc.constant(false),
    types: fc.constant(false),
  }),
);

export const selector: fc.Arbitrary<Selector> = family.chain((one) => {
  const prefix = fc
    .tuple(addressOfFamily(one), fc.integer({ min: 0, max: one === 4 ? 32 : 128 }))
    .map(([address, length]) => prefixOf(address, length));
  return fc
    .tuple(prefix, prefix, protocolShape, range(0xffff), range(0xffff), range(255), range(255))
    .map(([local, remote, shape, localPorts, remotePorts, icmpType, icmpCode]) => ({
      local,
      remote,
      protocol: shape.protocol,
      localPorts: shape.ports ? localPorts : null,
      remotePorts: shape.ports ? remotePorts : null,
      icmpType: shape.types ? icmpType : null,
      icmpCode: shape.types ? icmpCode : null,
    }));
});

export const packet: fc.Arbitrary<PacketSelector> = family.chain((one) =>
  fc
    .tuple(addressOfFamily(one), addressOfFamily(one), protocolShape, octets(4))
    .map(([local, remote, shape, [a = 0, b = 0, c = 0, d = 0]]) => ({
      local,
      remote,
      protocol: shape.protocol ?? 0,
      localPort: shape.ports ? a * 256 : null,
      remotePort: shape.ports ? b * 256 : null,
      icmpType: shape.types ? c : null,
      icmpCode: shape.types ? d : null,
    })),
);

const selectors = fc.array(selector, { minLength: 1, maxLength: 6 });
const endpoint: fc.Arbitrary<Endpoint> = fc.record({
  address: family.chain(addressOfFamily),
  port: fc.integer({ min: 1, max: 0xffff }),
});
const reason = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter((text) => text.length <= 255 && !/[\p{Cc}\p{Cs}]/u.test(text));
const lifetime = fc.option(fc.bigInt({ min: 1n, max: 0xffff_ffff_ffff_ffffn }));

const router = { id, source: name, peer: fc.constant(''), kind: fc.constant('') };
const pair = { id, source: name, peer: name, kind: name };
const asked = { id, source: name, peer: name, kind: optionalName };
const any = { id, source: name, peer: optionalName, kind: optionalName };
const type = <const Type extends string>(value: Type) => fc.constant(value);

const form = fc.constantFrom(
  ...(['esp', 'ah'] as const).flatMap((protocol) =>
    proposalsOf(protocol).map((proposal) => ({ protocol, proposal })),
  ),
);

const distribution = form.chain(({ protocol, proposal }) => {
  const key = (length: number) => octets(length).map((material) => new Secret(material));
  const sa: fc.Arbitrary<DistributedSa> = fc.record({
    spi,
    encryptionKey: key(proposal.encryptionKeyOctets),
    authenticationKey: key(proposal.authenticationKeyOctets),
    salt: key(proposal.saltOctets),
  });
  return fc.record({
    type: type('distribution'),
    ...pair,
    policy: fc.record({
      revision: uint32,
      protocol: fc.constant(protocol),
      mode: fc.constantFrom('tunnel' as const, 'transport' as const),
      proposal: fc.constant(proposal.keyword),
      esn: fc.boolean(),
      replayWindow: fc.constantFrom(0, 64, 1024, 8192),
      encapsulation: protocol === 'ah' ? type('raw') : fc.constantFrom('udp' as const, 'raw' as const),
      dscp: fc.oneof(type('copy'), fc.integer({ min: 0, max: 63 })),
      dontFragment: fc.constantFrom('copy' as const, 'set' as const, 'clear' as const),
      tfcPadding: protocol === 'ah' ? fc.constant(0) : fc.oneof(fc.constant('mtu' as const), fc.nat(65535)),
      dummiesPerSecond: fc.nat(protocol === 'ah' ? 0 : 1000),
      lifetimeOctets: lifetime,
      lifetimePackets: lifetime,
    }),
    outbound: sa,
    inbound: sa,
    remainingSeconds: fc.integer({ min: 1, max: 0xffff_ffff }),
    selectors,
    precedence: fc.integer({ min: 0, max: 0xffff }),
    precedents: fc.array(
      fc.record({ kind: name, precedence: fc.integer({ min: 0, max: 0xffff }), selectors }),
      { maxLength: 3 },
    ),
    peerEndpoint: endpoint,
  });
});

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: type('hello'),
    ...router,
    boot: id,
    proposals: fc.array(fc.constantFrom(...proposals.keys(), 'future-suite'), { maxLength: 8 }),
    software: fc.string({ maxLength: 63 }),
  }),
  fc.record({
    type: type('welcome'),
    ...router,
    timeMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  }),
  fc.record({
    type: type('request'),
    ...asked,
    spi,
    lane: fc.integer({ min: 0, max: 3 }),
    selectors,
    packet: fc.option(packet),
    startupId: fc.option(id),
  }),
  fc.record({ type: type('pending'), ...pair }),
  fc.record({
    type: type('request-startup'),
    ...pair,
    lane: fc.integer({ min: 0, max: 3 }),
    selectors,
    packet: fc.option(packet),
  }),
  distribution,
  fc.record({ type: type('installed'), ...pair }),
  fc.record({ type: type('both-installed'), ...pair }),
  fc.record({ type: type('no-corresponding-entry'), ...asked, reason, selectors }),
  fc.record({ type: type('no-response'), ...asked, reason }),
  fc.record({ type: type('refused'), ...asked, reason }),
  fc.record({
    type: type('contents-inconsistent'),
    ...asked,
    entries: fc.array(fc.record({ id, spi }), { maxLength: 64 }),
  }),
  fc.record({ type: type('withdraw'), ...any, ids: fc.array(id, { minLength: 1, maxLength: 64 }), reason }),
  fc.record({ type: type('withdrawn'), ...any }),
  fc.record({ type: type('endpoint'), id, source: name, peer: name, kind: fc.constant(''), endpoint }),
  fc.record({
    type: type('report'),
    ...any,
    what: fc.constantFrom(
      'bad-spi' as const,
      'sa-deleted' as const,
      'no-spd-entry' as const,
      'selectors-disjoint' as const,
    ),
    spi: uint32,
    from: fc.option(
      fc.oneof(
        endpoint,
        endpoint.map((seen) => ({ ...seen, port: 0 })),
      ),
    ),
    count: uint32,
  }),
  fc.record({
    type: type('upgrade'),
    ...router,
    version: release,
    url: fc.constantFrom('', 'http://192.0.2.1/releases/', 'u'.repeat(255)),
  }),
  fc.record({
    type: type('upgrade-report'),
    ...router,
    board: fc.oneof(fc.constant(''), name),
    slot: fc.constantFrom('' as const, 'a' as const, 'b' as const),
    version: fc.oneof(fc.constant(''), release),
    stage: fc.constantFrom(...versionUpStages),
    reason,
    at: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    orderId: fc.option(id),
  }),
  fc.record({ type: type('upgrade-noted'), ...router }),
);

/** The message with its key material in the open, so that two can be compared. */
export function revealed(value: unknown): unknown {
  if (value instanceof Secret) return Buffer.from(value.reveal()).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
  }
  return value;
}
