import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IcmpReason, icmpError } from '../../../host/packet-loop/icmp-error.ts';
import { address } from '../../property/dataplane/engines.ts';
import { ICMP, ICMPV6, type PacketPlan, packetOf, TCP, UDP } from '../../property/dataplane/packets.ts';

const router4 = address('10.1.0.254');
const router6 = address('fd00:1::fe');
const plan4: PacketPlan = { source: '10.1.0.9', destination: '10.2.0.9', protocol: TCP, upper: [4000, 80] };
const plan6: PacketPlan = { ...plan4, source: 'fd00:1::9', destination: 'fd00:2::9' };

function errorAbout(plan: PacketPlan, reason: IcmpReason = 'prohibited', mtu = 0): Buffer | undefined {
  const source = plan.source.includes(':') ? router6 : router4;
  const error = icmpError(packetOf(plan), source, reason, mtu);
  return error === undefined ? undefined : Buffer.from(error);
}

/** RFC 1071 as a sum in whole numbers: 0xffff over an area with a right checksum. */
function onesComplementSum(...parts: Uint8Array[]): bigint {
  const octets = Buffer.concat(parts);
  const even = octets.length % 2 === 0 ? octets : Buffer.concat([octets, Buffer.alloc(1)]);
  const sum = BigInt(`0x0${even.toString('hex')}`) % 0xffffn;
  return sum === 0n ? 0xffffn : sum;
}

function pseudoHeader6(error: Buffer): Buffer {
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(error.length - 40, 0);
  rest[7] = ICMPV6;
  return Buffer.concat([error.subarray(8, 40), rest]);
}

describe('an ICMP error', () => {
  it('says "communication administratively prohibited" to an IPv4 host', () => {
    const packet = packetOf(plan4);
    const error = errorAbout(plan4);
    expect(error?.subarray(12, 20)).toEqual(Buffer.from([10, 1, 0, 254, 10, 1, 0, 9]));
    expect(error?.readUInt16BE(2)).toBe(error?.length);
    expect([error?.[9], error?.[20], error?.[21]]).toEqual([ICMP, 3, 13]);
    expect(error?.subarray(28)).toEqual(Buffer.from(packet));
  });

  it('says so to an IPv6 host', () => {
    const error = errorAbout(plan6);
    expect(error?.subarray(8, 24)).toEqual(Buffer.from(router6.octets));
    expect(error?.subarray(24, 40)).toEqual(Buffer.from(address('fd00:1::9').octets));
    expect(error?.readUInt16BE(4)).toBe((error?.length ?? 0) - 40);
    expect([error?.[6], error?.[40], error?.[41]]).toEqual([ICMPV6, 1, 1]);
    expect(error?.subarray(48)).toEqual(Buffer.from(packetOf(plan6)));
  });

  it('carries the MTU that fits', () => {
    const four = errorAbout(plan4, 'too-big', 1382);
    expect([four?.[20], four?.[21], four?.readUInt16BE(24), four?.readUInt16BE(26)]).toEqual([3, 4, 0, 1382]);
    const six = errorAbout(plan6, 'too-big', 1362);
    expect([six?.[40], six?.[41], six?.readUInt32BE(44)]).toEqual([2, 0, 1362]);
  });

  it('has right checksums whatever it quotes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 1500 }),
        fc.constantFrom(plan4, plan6),
        fc.constantFrom<IcmpReason>('prohibited', 'too-big'),
        fc.integer({ min: 0, max: 0xffff }),
        (payload, plan, reason, mtu) => {
          const error = errorAbout({ ...plan, payload }, reason, mtu);
          if (error === undefined) throw new Error('no error');
          if (plan === plan4) {
            expect(onesComplementSum(error.subarray(0, 20))).toBe(0xffffn);
            expect(onesComplementSum(error.subarray(20))).toBe(0xffffn);
          } else {
            expect(onesComplementSum(pseudoHeader6(error), error.subarray(40))).toBe(0xffffn);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('quotes as much as fits in 576 octets of IPv4 and 1280 of IPv6', () => {
    const payload = new Uint8Array(3000);
    expect(errorAbout({ ...plan4, payload })).toHaveLength(576);
    expect(errorAbout({ ...plan6, payload })).toHaveLength(1280);
    const just = new Uint8Array(576 - 28 - 20 - 4);
    expect(errorAbout({ ...plan4, payload: just })).toHaveLength(576);
    expect(errorAbout({ ...plan4, payload: just.subarray(1) })).toHaveLength(575);
  });

  it.each([
    ['an echo request', { ...plan4, protocol: ICMP, upper: [8, 0] }],
    ['an echo request behind IP options', { ...plan4, protocol: ICMP, upper: [8, 0], options: 8 }],
    ['a first fragment', { ...plan4, moreFragments: true }],
    ['an IPv6 echo request', { ...plan6, protocol: ICMPV6, upper: [128, 0] }],
    ['a first IPv6 fragment', { ...plan6, fragmentOffset: 0, moreFragments: true }],
    [
      'an IPv6 echo request behind options',
      { ...plan6, protocol: ICMPV6, upper: [128, 0], extensions: [{ protocol: 60, octets: 24 }] },
    ],
  ] satisfies [string, PacketPlan][])('is about %s', (_, plan) => {
    expect(errorAbout(plan)).toBeDefined();
  });

  it.each([
    ['an ICMP error', { ...plan4, protocol: ICMP, upper: [3, 1] }],
    ['an ICMP error behind IP options', { ...plan4, protocol: ICMP, upper: [11, 0], options: 12 }],
    ['an ICMP redirect', { ...plan4, protocol: ICMP, upper: [5, 0] }],
    ['a fragment that is not the first', { ...plan4, fragmentOffset: 1480 }],
    ['the last fragment', { ...plan4, fragmentOffset: 8 }],
    ['a packet to a multicast group', { ...plan4, destination: '224.0.0.5' }],
    ['a packet to everybody', { ...plan4, destination: '255.255.255.255' }],
    ['a packet of nobody', { ...plan4, source: '0.0.0.0' }],
    ['a packet of a loopback address', { ...plan4, source: '127.0.0.1' }],
    ['an ICMPv6 error', { ...plan6, protocol: ICMPV6, upper: [1, 4] }],
    ['an ICMPv6 redirect', { ...plan6, protocol: ICMPV6, upper: [137, 0] }],
    [
      'an ICMPv6 error behind extension headers',
      {
        ...plan6,
        protocol: ICMPV6,
        upper: [2, 0],
        extensions: [
          { protocol: 0, octets: 16 },
          { protocol: 43, octets: 8 },
          { protocol: 60, octets: 24 },
        ],
      },
    ],
    [
      'the first fragment of an ICMPv6 error',
      { ...plan6, protocol: ICMPV6, upper: [3, 0], fragmentOffset: 0, moreFragments: true },
    ],
    ['an IPv6 fragment that is not the first', { ...plan6, protocol: UDP, fragmentOffset: 8 }],
    ['a packet to an IPv6 multicast group', { ...plan6, destination: 'ff02::5' }],
    ['a packet of an IPv6 multicast group', { ...plan6, source: 'ff02::5' }],
    ['a packet of the unspecified address', { ...plan6, source: '::' }],
  ] satisfies [string, PacketPlan][])('is never about %s', (_, plan) => {
    expect(errorAbout(plan)).toBeUndefined();
    expect(errorAbout(plan, 'too-big', 1280)).toBeUndefined();
  });

  it('needs an address of the same family', () => {
    expect(icmpError(packetOf(plan4), router6, 'prohibited')).toBeUndefined();
    expect(icmpError(packetOf(plan6), router4, 'prohibited')).toBeUndefined();
  });

  it('takes any octets without falling over', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0x45, 0x4f, 0x60, 0x00),
        (octets, first) => {
          octets[0] = first;
          for (const source of [router4, router6]) {
            const error = icmpError(octets, source, 'prohibited');
            if (error !== undefined) expect(error.length).toBeGreaterThanOrEqual(28 + 20);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
