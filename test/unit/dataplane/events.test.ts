/** What the control side hears: each event once, with everything it needs, and never more than the ring holds. */
import { describe, expect, it } from 'vitest';
import {
  address,
  arrival,
  dataplane,
  engineWithPair,
  pair,
  protect,
  reason,
  referenceSa,
  selector,
} from '../../property/dataplane/engines.ts';
import { ICMP, packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';

const network = selector('10.1.0.0/16', '10.2.0.0/16');
const packet = packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol: UDP, upper: [1000, 2000] });
const reply = packetOf({ source: '10.2.0.1', destination: '10.1.0.1', protocol: UDP, upper: [2000, 1000] });
const soft = { seconds: 50, octets: undefined, packets: undefined };

function esp(sequence: bigint): Uint8Array {
  return referenceSeal(referenceSa(0x1001), sequence, reply, 4);
}

describe('acquire', () => {
  it('tells the packet’s selector, once a second for an entry', () => {
    const engine = dataplane();
    engine.change({ spd: [protect('to-b', [network]), protect('to-c', [selector('::/0', 'fd03::/16')])] }, 0);
    engine.outbound(packet, 0);
    engine.outbound(
      packetOf({ source: '10.1.0.1', destination: '10.2.0.9', protocol: ICMP, upper: [8, 0] }),
      999,
    );
    const base = { localPort: null, remotePort: null, icmpType: null, icmpCode: null };
    const ends = { local: address('10.1.0.1'), remote: address('10.2.0.1') };
    expect(engine.drainEvents()).toEqual([
      {
        kind: 'acquire',
        entry: 'to-b',
        packet: { ...base, ...ends, protocol: UDP, localPort: 1000, remotePort: 2000 },
      },
    ]);
    engine.outbound(
      packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol: ICMP, upper: [8, 5] }),
      1000,
    );
    const later = packetOf({
      source: 'fd01::1',
      destination: 'fd03::1',
      protocol: UDP,
      upper: [1, 2],
      fragmentOffset: 8,
    });
    engine.outbound(later, 1000);
    expect(engine.drainEvents()).toEqual([
      {
        kind: 'acquire',
        entry: 'to-b',
        packet: { ...base, ...ends, protocol: ICMP, icmpType: 8, icmpCode: 5 },
      },
      {
        kind: 'acquire',
        entry: 'to-c',
        packet: { ...base, local: address('fd01::1'), remote: address('fd03::1'), protocol: UDP },
      },
    ]);
    expect(engine.drainEvents()).toEqual([]);
  });

  it('is raised again at once after a change and after the held packets were dropped', () => {
    const engine = dataplane();
    engine.change({ spd: [protect('to-b', [network])] }, 0);
    for (const prepare of [() => engine.change({}, 0), () => engine.dropHeld('to-b')]) {
      engine.outbound(packet, 0);
      engine.outbound(packet, 0);
      expect(engine.drainEvents()).toHaveLength(1);
      prepare();
      engine.outbound(packet, 0);
      expect(engine.drainEvents()).toHaveLength(1);
      prepare();
    }
  });
});

describe('lifetimes', () => {
  it.each([
    ['seconds', { ...soft, seconds: 10 }, [9_999, 10_000]],
    ['packets', { ...soft, packets: 2n }, [0, 0]],
    ['octets', { ...soft, octets: 88n }, [0, 0]],
  ] as const)(
    'soft in %s is raised once for the pair, by whichever half gets there',
    (_unit, limit, times) => {
      for (const direction of ['outbound', 'inbound']) {
        const engine = engineWithPair({ soft: limit });
        let sequence = 0n;
        const run = (now: number) =>
          direction === 'outbound'
            ? engine.outbound(packet, now)
            : engine.inbound(arrival(esp(++sequence)), now);
        run(times[0]);
        expect(engine.drainEvents()).toEqual([]);
        run(times[1]);
        expect(engine.drainEvents()).toEqual([{ kind: 'soft-lifetime', spi: 0x1001 }]);
        for (let again = 0; again < 3; again++) run(times[1]);
        expect(reason(engine.outbound(packet, times[1]))).toBe('send');
        expect(engine.drainEvents()).toEqual([]);
      }
    },
  );

  it('hard stops the inbound half too, after the ICV only', () => {
    const engine = engineWithPair({ hard: { seconds: 10, octets: undefined, packets: undefined }, soft });
    const forged = esp(1n);
    forged[20]! ^= 1;
    expect(reason(engine.inbound(arrival(forged), 20_000))).toBe('icv');
    expect(engine.drainEvents()).toEqual([]);
    expect(reason(engine.inbound(arrival(esp(1n)), 20_000))).toBe('lifetime');
    expect(engine.drainEvents()).toEqual([{ kind: 'hard-lifetime', spi: 0x1001 }]);
  });

  it('count the octets of inner packets and survive a change', () => {
    const engine = engineWithPair({ hard: { seconds: 100, octets: 3n * 44n, packets: undefined } });
    expect(packet.length).toBe(44);
    for (let index = 0; index < 3; index++) {
      expect(reason(engine.outbound(packet, 0))).toBe('send');
      engine.change({}, 0);
    }
    expect(reason(engine.outbound(packet, 0))).toBe('lifetime');
    expect(engine.snapshot(0).sad.find((row) => row.direction === 'outbound')).toMatchObject({
      packets: 3n,
      octets: 132n,
      sequence: 3n,
      remainingSeconds: 100,
    });
  });

  it('without ESN ask for a renewal long before the last sequence number', () => {
    const engine = engineWithPair({ firstSequence: 0xf000_0000n });
    engine.outbound(packet, 0);
    expect(engine.drainEvents()).toEqual([{ kind: 'soft-lifetime', spi: 0x1001 }]);
  });
});

describe('authentic packets', () => {
  it('raise first-authentic once, where asked for', () => {
    const engine = engineWithPair({ notifyFirstAuthentic: true });
    const forged = esp(1n);
    forged[30]! ^= 1;
    engine.inbound(arrival(forged), 0);
    expect(engine.drainEvents()).toEqual([]);
    engine.inbound(arrival(esp(1n)), 0);
    engine.inbound(arrival(esp(2n)), 0);
    expect(engine.drainEvents()).toEqual([{ kind: 'first-authentic', spi: 0x1001 }]);
    const quiet = engineWithPair();
    quiet.inbound(arrival(esp(1n)), 0);
    expect(quiet.drainEvents()).toEqual([]);
  });

  it('raise peer-moved when they come from elsewhere, once a second, and not for old or forged ones', () => {
    const engine = engineWithPair();
    const from = { address: address('198.51.100.9'), port: 1234 };
    const forged = esp(9n);
    forged[30]! ^= 1;
    engine.inbound(arrival(forged, { from }), 0);
    engine.inbound(arrival(esp(5n)), 0);
    engine.inbound(arrival(esp(4n), { from }), 0);
    expect(engine.drainEvents()).toEqual([]);
    engine.inbound(arrival(esp(6n), { from }), 0);
    engine.inbound(arrival(esp(7n), { from }), 500);
    expect(engine.drainEvents()).toEqual([{ kind: 'peer-moved', spi: 0x1001, from }]);
    engine.inbound(arrival(esp(8n), { from }), 1000);
    expect(engine.drainEvents()).toHaveLength(1);
    engine.change({ move: [{ spi: 0x1001, peer: from }] }, 0);
    engine.inbound(arrival(esp(9n), { from }), 5000);
    expect(engine.drainEvents()).toEqual([]);
    // Only the port differs.
    engine.inbound(arrival(esp(10n), { from: { ...from, port: 99 } }), 6000);
    expect(engine.drainEvents()).toMatchObject([{ kind: 'peer-moved', from: { port: 99 } }]);
  });

  it('from the other address family never raise peer-moved, since no SA can move there', () => {
    const engine = engineWithPair();
    const [from, to] = [{ address: address('fd09::1'), port: 4500 }, address('fd09::2')];
    expect(reason(engine.inbound(arrival(esp(1n), { from, to }), 0))).toBe('deliver');
    expect(engine.drainEvents()).toEqual([]);
  });

  it('of a raw pair never raise peer-moved', () => {
    const engine = engineWithPair({ encapsulation: 'raw' });
    const from = { address: address('198.51.100.9'), port: 0 };
    expect(reason(engine.inbound(arrival(esp(1n), { from, encapsulation: 'raw' }), 0))).toBe('deliver');
    expect(engine.drainEvents()).toEqual([]);
  });
});

describe('the ring', () => {
  it('loses and counts what it has no room for, and goes on when it was emptied', () => {
    const engine = dataplane({ capacities: { events: 4 } });
    for (let second = 0; second < 10; second++) {
      const unknown = Uint8Array.from([1, 0, 0, second, ...new Uint8Array(30)]);
      engine.inbound(arrival(unknown), second * 1000);
    }
    expect(engine.drainEvents().map((event) => event.kind === 'unknown-spi' && event.spi & 255)).toEqual([
      0, 1, 2, 3,
    ]);
    expect(engine.counters()['events-lost']).toBe(6n);
    expect(engine.hasIntactCanaries()).toBe(true);
    engine.inbound(arrival(Uint8Array.from([1, 0, 0, 77, ...new Uint8Array(30)])), 60_000);
    expect(engine.hasEvents).toBe(true);
    expect(engine.drainEvents()).toHaveLength(1);
    expect(engine.hasEvents).toBe(false);
  });

  it('raises a soft lifetime again with the next packet when it was lost', () => {
    const engine = engineWithPair(
      { soft: { ...soft, packets: 1n } },
      dataplane({ capacities: { events: 1 } }),
    );
    engine.inbound(arrival(Uint8Array.from([1, 0, 0, 7, ...new Uint8Array(30)])), 0);
    engine.outbound(packet, 0);
    expect(engine.drainEvents()).toMatchObject([{ kind: 'unknown-spi' }]);
    engine.outbound(packet, 0);
    expect(engine.drainEvents()).toEqual([{ kind: 'soft-lifetime', spi: 0x1001 }]);
  });
});

describe('delivery', () => {
  it('to the host is marked, so that the channel’s packets do not reach the network', () => {
    const engine = dataplane();
    engine.change(
      { install: [{ pair: pair(0x1001, 0x2002, {}, { entry: '', deliver: 'host' }), use: true }] },
      0,
    );
    expect(engine.inbound(arrival(esp(1n)), 0)).toEqual({
      kind: 'deliver',
      packet: reply,
      spi: 0x1001,
      to: 'host',
    });
  });
});
