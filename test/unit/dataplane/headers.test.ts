/** What happens to header fields on the way in and out: ECN, DSCP, TTL, DF, MTU, IPv4 options, IPv6 extension headers. */
import { describe, expect, it } from 'vitest';
import {
  arrival,
  dataplane,
  delivered,
  engineWithPair,
  reason,
  referenceSa,
  selector,
  sent,
} from '../../property/dataplane/engines.ts';
import { internetChecksum, type PacketPlan, packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceOpen, referenceSeal } from '../../property/dataplane/reference-esp.ts';

const out4: PacketPlan = { source: '10.1.0.1', destination: '10.2.0.1', protocol: UDP, upper: [1, 2] };
const in4: PacketPlan = { ...out4, source: '10.2.0.1', destination: '10.1.0.1' };
const out6: PacketPlan = { source: 'fd01::1', destination: 'fd02::1', protocol: UDP, upper: [1, 2] };
const in6: PacketPlan = { ...out6, source: 'fd02::1', destination: 'fd01::1' };
const both = { selectors: [selector('10.1.0.0/16', '10.2.0.0/16'), selector('fd01::/16', 'fd02::/16')] };

describe('ECN', () => {
  // RFC 6040 section 4.2, figure 4: rows are the inner field, columns the outer one (Not-ECT, ECT(1), ECT(0), CE).
  const table: Record<number, (number | 'drop')[]> = {
    0: [0, 0, 0, 'drop'],
    1: [1, 1, 1, 3],
    2: [2, 1, 2, 3],
    3: [3, 3, 3, 3],
  };
  const cases = Object.entries(table).flatMap(([inner, row]) =>
    row.map((expected, outer) => ({ inner: Number(inner), outer, expected })),
  );

  it.each(cases)('inner $inner under outer $outer comes out as $expected', ({ inner, outer, expected }) => {
    for (const [plan, nextHeader] of [
      [in4, 4],
      [in6, 41],
    ] as const) {
      const engine = engineWithPair(both);
      const esp = referenceSeal(
        referenceSa(0x1001),
        1n,
        packetOf({ ...plan, tos: 0xb8 | inner }),
        nextHeader,
      );
      const outcome = engine.inbound(arrival(esp, { tos: 0x20 | outer }), 0);
      if (expected === 'drop') expect(reason(outcome)).toBe('ecn');
      else
        expect(Buffer.from(delivered(outcome))).toEqual(
          Buffer.from(packetOf({ ...plan, tos: 0xb8 | expected })),
        );
    }
  });

  it.each([0, 1, 2, 3])('%i is copied outward', (ecn) => {
    const engine = engineWithPair({ ...both, dscp: 10 });
    for (const plan of [out4, out6]) {
      const out = sent(engine.outbound(packetOf({ ...plan, tos: 0xb8 | ecn }), 0));
      expect(out.tos).toBe((10 << 2) | ecn);
      expect(out.outer[1]).toBe(out.tos);
    }
  });

  it('is that of the outer header in transport mode', () => {
    const ends = { mode: 'transport' as const, selectors: [selector('192.0.2.1/32', '192.0.2.2/32')] };
    const engine = engineWithPair(ends);
    const esp = referenceSeal(referenceSa(0x1001), 1n, new Uint8Array(20), UDP);
    expect(delivered(engine.inbound(arrival(esp, { tos: 0xbb }), 0))[1]).toBe(0xbb);
  });
});

describe('TTL', () => {
  it('is decremented on both ways where this router forwards, and the checksum stays right', () => {
    for (const [outbound, inbound, nextHeader, ttlOffset] of [
      [out4, in4, 4, 8],
      [out6, in6, 41, 7],
    ] as const) {
      const engine = engineWithPair(both, dataplane({ decrementTtl: true }));
      const out = sent(engine.outbound(packetOf({ ...outbound, ttl: 2 }), 0));
      const inner = referenceOpen(referenceSa(0x2002), out.esp)!.payload;
      expect(Buffer.from(inner)).toEqual(Buffer.from(packetOf({ ...outbound, ttl: 1 })));
      const esp = referenceSeal(referenceSa(0x1001), 1n, packetOf({ ...inbound, ttl: 200 }), nextHeader);
      const packet = delivered(engine.inbound(arrival(esp), 0));
      expect(packet[ttlOffset]).toBe(199);
      expect(Buffer.from(packet)).toEqual(Buffer.from(packetOf({ ...inbound, ttl: 199 })));
      const last = referenceSeal(referenceSa(0x1001), 2n, packetOf({ ...inbound, ttl: 1 }), nextHeader);
      expect(reason(engine.inbound(arrival(last), 0))).toBe('ttl-exceeded');
    }
  });

  it('is left alone where the kernel forwards, and for the channel’s own packets', () => {
    const engine = engineWithPair(both);
    const packet = packetOf({ ...out4, ttl: 1 });
    expect(referenceOpen(referenceSa(0x2002), sent(engine.outbound(packet, 0)).esp)!.payload).toEqual(packet);
  });

  it('of the outer header is 64', () => {
    const engine = engineWithPair(both);
    expect(sent(engine.outbound(packetOf({ ...out4, ttl: 3 }), 0)).outer[8]).toBe(64);
  });
});

describe('DF and the path MTU', () => {
  const big = new Uint8Array(1440);
  const isFragmentable = (outer: Uint8Array) => (outer[6]! & 0x40) === 0;

  it.each([
    ['copy', false, true],
    ['copy', true, false],
    ['set', false, false],
    ['clear', true, true],
  ] as const)('%s, inner DF %s: outer may be fragmented: %s', (dontFragment, inner, expected) => {
    const engine = engineWithPair({ dontFragment });
    const out = sent(engine.outbound(packetOf({ ...out4, dontFragment: inner }), 0));
    expect(isFragmentable(out.outer)).toBe(expected);
    expect(internetChecksum(out.outer.subarray(0, 20))).toBe(0);
  });

  it('lets a packet beyond the path MTU through when its outer one may be fragmented', () => {
    const engine = engineWithPair({}, dataplane({ pathMtuOctets: 1500 }));
    expect(sent(engine.outbound(packetOf({ ...out4, payload: big }), 0)).outer.length).toBeGreaterThan(1500);
    const clear = engineWithPair({ dontFragment: 'clear' }, dataplane({ pathMtuOctets: 1500 }));
    expect(reason(clear.outbound(packetOf({ ...out4, payload: big, dontFragment: true }), 0))).toBe('send');
  });

  it('refuses IPv6 beyond the path MTU, but never below 1280 octets', () => {
    const engine = engineWithPair(both, dataplane({ pathMtuOctets: 1300 }));
    const least = packetOf({ ...out6, payload: new Uint8Array(1236) });
    expect(least.length).toBe(1280);
    expect(isFragmentable(sent(engine.outbound(least, 0)).outer)).toBe(true);
    const more = packetOf({ ...out6, payload: new Uint8Array(1237) });
    expect(engine.outbound(more, 0)).toMatchObject({ reason: 'packet-too-big', mtu: 1280, packet: more });
  });

  it.each(['aes128gcm16', 'aes256-sha256', 'aes128-sha1'])(
    'names for %s an MTU that fits and is the largest that does',
    (proposal) => {
      for (const mode of ['tunnel', 'transport'] as const) {
        for (const encapsulation of ['udp', 'raw'] as const) {
          for (let pathMtuOctets = 1400; pathMtuOctets < 1417; pathMtuOctets++) {
            const engine = engineWithPair({ proposal, mode, encapsulation }, dataplane({ pathMtuOctets }));
            const sized = (octets: number) =>
              packetOf({ ...out4, dontFragment: true, payload: new Uint8Array(octets - 24) });
            const refused = engine.outbound(sized(1500), 0);
            if (refused.kind !== 'dropped') throw new Error('not refused');
            expect(sent(engine.outbound(sized(refused.mtu!), 0)).outer.length).toBeLessThanOrEqual(
              pathMtuOctets,
            );
            expect(reason(engine.outbound(sized(refused.mtu! + 1), 0))).toBe('packet-too-big');
          }
        }
      }
    },
  );
});

describe('headers that are longer than usual', () => {
  it('IPv4 options stay before ESP in transport mode, and come back', () => {
    const ends = { mode: 'transport' as const, selectors: [selector('192.0.2.1/32', '192.0.2.2/32')] };
    const plan: PacketPlan = {
      source: '192.0.2.1',
      destination: '192.0.2.2',
      protocol: UDP,
      upper: [1, 2],
      options: 12,
    };
    const out = sent(engineWithPair(ends).outbound(packetOf(plan), 0));
    expect(out.outer.length).toBe(32 + 8 + out.esp.length);
    expect(internetChecksum(out.outer.subarray(0, 32))).toBe(0);
    const body = packetOf(plan).subarray(32);
    expect(referenceOpen(referenceSa(0x2002), out.esp)!.payload).toEqual(body);
    const back = packetOf({ ...plan, source: '192.0.2.2', destination: '192.0.2.1' });
    const esp = referenceSeal(referenceSa(0x1001), 1n, back.subarray(32), UDP);
    const carried = packetOf({
      source: '192.0.2.2',
      destination: '192.0.2.1',
      protocol: 50,
      options: 12,
      payload: esp,
    });
    expect(delivered(engineWithPair(ends).inboundWhole(carried, 0))).toEqual(back);
  });

  it('IPv6 hop-by-hop and routing headers stay before ESP in transport mode, destination options go behind', () => {
    const ends = {
      mode: 'transport' as const,
      local: '2001:db8::1',
      remote: '2001:db8::2',
      encapsulation: 'raw' as const,
      selectors: [selector('2001:db8::1/128', '2001:db8::2/128', { protocol: UDP })],
    };
    const extensions = [0, 60, 43, 60].map((protocol) => ({ protocol, octets: 16 }));
    const plan: PacketPlan = {
      source: '2001:db8::1',
      destination: '2001:db8::2',
      protocol: UDP,
      upper: [1, 2],
      extensions,
    };
    const packet = packetOf(plan);
    const out = sent(engineWithPair(ends).outbound(packet, 0));
    // Hop-by-hop, destination options and routing (3 x 16) are before ESP; the last destination options are protected.
    expect(out.outer.length).toBe(40 + 48 + out.esp.length);
    expect(out.outer[40 + 32]).toBe(50);
    expect(Buffer.from(out.outer).readUInt16BE(4)).toBe(out.outer.length - 40);
    const opened = referenceOpen(referenceSa(0x2002), out.esp)!;
    expect(opened.nextHeader).toBe(60);
    expect(opened.payload).toEqual(packet.subarray(40 + 48));
  });

  it('an outer header with options or extension headers is read over', () => {
    const engine = engineWithPair();
    const inner = packetOf(in4);
    const esp = (sequence: bigint) => referenceSeal(referenceSa(0x1001), sequence, inner, 4);
    const carried4 = packetOf({
      source: '192.0.2.2',
      destination: '192.0.2.1',
      protocol: 50,
      options: 8,
      payload: esp(1n),
    });
    expect(delivered(engine.inboundWhole(carried4, 0))).toEqual(inner);
    const carried6 = packetOf({
      source: '2001:db8::2',
      destination: '2001:db8::1',
      protocol: 50,
      extensions: [{ protocol: 0, octets: 8 }],
      payload: esp(2n),
    });
    expect(delivered(engine.inboundWhole(carried6, 0))).toEqual(inner);
  });

  it('octets behind the end of the packet are not sent and not delivered', () => {
    const engine = engineWithPair();
    const packet = packetOf(out4);
    const padded = Uint8Array.from([...packet, 9, 9, 9]);
    expect(referenceOpen(referenceSa(0x2002), sent(engine.outbound(padded, 0)).esp)!.payload).toEqual(packet);
    // RFC 4303 section 2.7: TFC padding lies behind the inner packet.
    const inner = packetOf(in4);
    const hidden = referenceSeal(
      referenceSa(0x1001),
      1n,
      Uint8Array.from([...inner, ...new Uint8Array(200)]),
      4,
    );
    expect(delivered(engine.inbound(arrival(hidden), 0))).toEqual(inner);
  });

  it('an atomic IPv6 fragment is a whole packet, with ports (RFC 6946)', () => {
    const ported = selector('fd01::/16', 'fd02::/16', { protocol: UDP, remotePorts: { first: 2, last: 2 } });
    const engine = engineWithPair({ selectors: [ported] });
    const atomic = packetOf({ ...out6, fragmentOffset: 0 });
    expect(reason(engine.outbound(atomic, 0))).toBe('send');
    expect(reason(engine.outbound(packetOf({ ...out6, fragmentOffset: 8 }), 0))).toBe('no-spd-entry');
  });
});
