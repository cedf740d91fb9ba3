/** For every reason that the firmware can drop a packet for: a packet that it drops for exactly that reason, and counts. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { DESCRIPTOR_PEER, DESCRIPTOR_START } from '../../../firmware/abi/descriptor.ts';
import * as codes from '../../../firmware/abi/drop-code.ts';
import { dropReasonName, dropReasons } from '../../../firmware/abi/drop-reason.ts';
import {
  arrival,
  dataplane,
  engineWithPair,
  pair,
  protect,
  reason,
  referenceSa,
  type SaOptions,
  selector,
  sent,
} from '../../property/dataplane/engines.ts';
import { ICMP, type PacketPlan, packetOf, TCP, UDP } from '../../property/dataplane/packets.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';
import { expectDrop, proven } from './expect-drop.ts';

const outboundPlan: PacketPlan = {
  source: '10.1.0.5',
  destination: '10.2.0.6',
  protocol: UDP,
  upper: [1000, 2000],
};
const inboundPlan: PacketPlan = { ...outboundPlan, source: '10.2.0.6', destination: '10.1.0.5' };

/** An authentic packet from the peer with this payload. */
function fromPeer(
  payload: Uint8Array,
  sequence = 1n,
  more: { nextHeader?: number; options?: SaOptions; padding?: Uint8Array } = {},
): Uint8Array {
  const { nextHeader = 4, options = {}, padding } = more;
  return referenceSeal(
    referenceSa(0x1001, options),
    sequence,
    payload,
    nextHeader,
    padding === undefined ? {} : { padding },
  );
}

describe('an outbound packet is dropped', () => {
  it.each([
    ['empty', (packet: Uint8Array) => packet.subarray(0, 0)],
    ['a header cut short', (packet: Uint8Array) => packet.subarray(0, 19)],
    ['a total length beyond the packet', (packet: Uint8Array) => packet.subarray(0, packet.length - 1)],
    ['version 5', (packet: Uint8Array) => Uint8Array.of(0x55, ...packet.subarray(1))],
    ['a header of 16 octets', (packet: Uint8Array) => Uint8Array.of(0x44, ...packet.subarray(1))],
  ])('as header-malformed: %s', (_name, spoil) => {
    const engine = engineWithPair();
    expectDrop(engine, 'header-malformed', () => engine.outbound(spoil(packetOf(outboundPlan)), 0));
  });

  it.each([
    ['TCP without ports', { protocol: TCP, payload: new Uint8Array(3) }],
    ['ICMP without a code', { protocol: ICMP, payload: new Uint8Array(1) }],
    ['a first fragment without ports', { protocol: UDP, payload: new Uint8Array(0), moreFragments: true }],
  ])('as header-malformed: %s', (_name, more) => {
    const engine = engineWithPair();
    const packet = packetOf({ source: '10.1.0.5', destination: '10.2.0.6', ...more });
    expectDrop(engine, 'header-malformed', () => engine.outbound(packet, 0));
  });

  it('as header-checksum', () => {
    const engine = engineWithPair();
    const packet = packetOf(outboundPlan);
    packet[10]! ^= 1;
    expectDrop(engine, 'header-checksum', () => engine.outbound(packet, 0));
  });

  it('as extension-headers behind more than eight of them, and as malformed behind one that never ends', () => {
    const engine = engineWithPair({ selectors: [selector('fd01::/16', 'fd02::/16')] });
    const plan = { source: 'fd01::1', destination: 'fd02::1', protocol: UDP, upper: [1, 2] } as const;
    const extensions = Array.from({ length: 9 }, () => ({ protocol: 60, octets: 8 }));
    expect(reason(engine.outbound(packetOf({ ...plan, extensions: extensions.slice(1) }), 0))).toBe('send');
    expectDrop(engine, 'extension-headers', () => engine.outbound(packetOf({ ...plan, extensions }), 0));
    const endless = packetOf({ ...plan, extensions: extensions.slice(0, 1) });
    endless[41] = 255;
    expectDrop(engine, 'header-malformed', () => engine.outbound(endless, 0));
  });

  it.each([0, 1])('as ttl-exceeded with TTL %i where this router forwards', (ttl) => {
    const engine = engineWithPair({}, dataplane({ decrementTtl: true }));
    const packet = packetOf({ ...outboundPlan, ttl });
    const outcome = expectDrop(engine, 'ttl-exceeded', () => engine.outbound(packet, 0));
    expect(outcome).toMatchObject({ packet });
  });

  it('as packet-too-big, with the MTU that fits', () => {
    const engine = engineWithPair({}, dataplane({ pathMtuOctets: 1500 }));
    const plan = { ...outboundPlan, dontFragment: true, payload: new Uint8Array(1420) };
    const outcome = expectDrop(engine, 'packet-too-big', () => engine.outbound(packetOf(plan), 0));
    if (outcome.kind !== 'dropped') throw new Error('not dropped');
    const fits = packetOf({ ...plan, payload: new Uint8Array(outcome.mtu! - 24) });
    expect(sent(engine.outbound(fits, 0)).outer.length).toBeLessThanOrEqual(1500);
    const tooBig = packetOf({ ...plan, payload: new Uint8Array(outcome.mtu! - 23) });
    expectDrop(engine, 'packet-too-big', () => engine.outbound(tooBig, 0));
  });

  it('as no-spd-entry', () => {
    const engine = engineWithPair();
    const packet = packetOf({ ...outboundPlan, destination: '10.3.0.1' });
    expectDrop(engine, 'no-spd-entry', () => engine.outbound(packet, 0));
  });

  it('as spd-discard', () => {
    const engine = dataplane();
    const selectors = [selector('0.0.0.0/0', '10.2.0.0/16')];
    engine.change({ spd: [{ name: 'no', selectors, action: 'DISCARD' }] }, 0);
    expectDrop(engine, 'spd-discard', () => engine.outbound(packetOf(outboundPlan), 0));
  });

  it('as blocked, until the block is lifted', () => {
    const engine = dataplane();
    const whole = [selector('10.1.0.0/16', '10.2.0.0/16')];
    engine.change({ spd: [{ name: 'to-b', selectors: whole, action: 'PROTECT', requestPeer: 'b' }] }, 0);
    const selectors = [selector('10.1.0.5/32', '10.2.0.0/16', { protocol: UDP })];
    engine.change({ block: [{ entry: 'to-b', selectors }] }, 0);
    expectDrop(engine, 'blocked', () => engine.outbound(packetOf(outboundPlan), 0));
    expect(engine.drainEvents()).toEqual([]);
    expect(reason(engine.outbound(packetOf({ ...outboundPlan, source: '10.1.0.6' }), 0))).toBe('held');
    engine.change({ block: [{ entry: 'to-b', selectors: [] }] }, 0);
    expect(reason(engine.outbound(packetOf(outboundPlan), 0))).toBe('held');
  });

  it('never for a block where an SA carries it', () => {
    const engine = engineWithPair();
    engine.change({ block: [{ entry: 'to-b', selectors: [selector('10.1.0.0/16', '10.2.0.0/16')] }] }, 0);
    expect(reason(engine.outbound(packetOf(outboundPlan), 0))).toBe('send');
  });

  it('as sa-not-ready through a pair that is not there', () => {
    const engine = engineWithPair();
    expectDrop(engine, 'sa-not-ready', () => engine.outboundThrough(0x1002, packetOf(outboundPlan), 0));
    expectDrop(engine, 'sa-not-ready', () => engine.outboundThrough(0x9001, packetOf(outboundPlan), 0));
  });

  it('as selector-mismatch through a pair that is not for it', () => {
    const engine = dataplane();
    engine.change({ install: [{ pair: pair(0x1001, 0x2002, {}, { entry: '' }), use: true }] }, 0);
    expect(reason(engine.outboundThrough(0x1001, packetOf(outboundPlan), 0))).toBe('send');
    const packet = packetOf({ ...outboundPlan, destination: '10.3.0.1' });
    expectDrop(engine, 'selector-mismatch', () => engine.outboundThrough(0x1001, packet, 0));
  });

  it.each([
    ['seconds', { seconds: 10, octets: undefined, packets: undefined }, 10_000],
    ['packets', { seconds: 100, octets: undefined, packets: 1n }, 0],
    ['octets', { seconds: 100, octets: 60n, packets: undefined }, 0],
  ])('as lifetime after the hard lifetime in %s, and ever after', (_unit, hard, later) => {
    const engine = engineWithPair({ hard });
    expect(reason(engine.outbound(packetOf(outboundPlan), 0))).toBe('send');
    engine.drainEvents();
    expectDrop(engine, 'lifetime', () => engine.outbound(packetOf(outboundPlan), later));
    expectDrop(engine, 'lifetime', () => engine.outbound(packetOf(outboundPlan), 0));
    expect(engine.drainEvents()).toEqual([{ kind: 'hard-lifetime', spi: 0x1001 }]);
  });

  it.each([
    [false, 0xffff_ffffn],
    [true, 0xffff_ffff_ffff_ffffn],
  ])('as sequence-exhausted behind the last number (ESN %s), and ever after', (esn, last) => {
    const engine = engineWithPair({ esn, firstSequence: last });
    const out = sent(engine.outbound(packetOf(outboundPlan), 0));
    expect(Buffer.from(out.esp).readUInt32BE(4)).toBe(0xffff_ffff);
    engine.drainEvents();
    expectDrop(engine, 'sequence-exhausted', () => engine.outbound(packetOf(outboundPlan), 0));
    expectDrop(engine, 'lifetime', () => engine.outbound(packetOf(outboundPlan), 0));
    expect(engine.drainEvents()).toEqual([{ kind: 'hard-lifetime', spi: 0x1001 }]);
  });

  it('as transport-fragment in transport mode', () => {
    const engine = engineWithPair({ mode: 'transport' });
    for (const more of [{ moreFragments: true }, { fragmentOffset: 800 }]) {
      const packet = packetOf({ ...outboundPlan, ...more });
      expectDrop(engine, 'transport-fragment', () => engine.outbound(packet, 0));
    }
  });

  it('as descriptor-invalid when it does not lie in its slot', () => {
    const engine = engineWithPair();
    expectDrop(engine, 'descriptor-invalid', () => engine.outbound(new Uint8Array(5000), 0));
    expectDrop(engine, 'descriptor-invalid', () => engine.inbound(arrival(new Uint8Array(5000)), 0));
    // One octet into the room for what encapsulation adds, and one octet before the packet's place.
    const { batch } = engine;
    const start = new DataView(engine.buffer, batch.peerAddressAt(0) - DESCRIPTOR_PEER + DESCRIPTOR_START, 4);
    const run = (length: number, before: number) => {
      batch.setOutbound(0, length);
      start.setUint32(0, batch.packetAddress(0) - before, true);
      engine.runOutbound(1, 0);
      return dropReasonName(batch.reason(0));
    };
    expect(run(batch.packetRoom, 0)).toBe('header-malformed');
    expect(run(batch.packetRoom + 1, 0)).toBe('descriptor-invalid');
    expect(run(20, 1)).toBe('descriptor-invalid');
    expect(run(0xffff_ffff, 0)).toBe('descriptor-invalid');
  });
});

describe('an inbound packet is dropped', () => {
  it('as outer-malformed', () => {
    const engine = engineWithPair();
    const whole = packetOf({
      source: '192.0.2.2',
      destination: '192.0.2.1',
      protocol: UDP,
      payload: new Uint8Array(20),
    });
    expectDrop(engine, 'outer-malformed', () => engine.inboundWhole(whole.subarray(0, 30), 0));
    // The UDP length is 0.
    expectDrop(engine, 'outer-malformed', () => engine.inboundWhole(whole, 0));
  });

  it('as outer-fragment', () => {
    const engine = engineWithPair();
    const plan = { source: '192.0.2.2', destination: '192.0.2.1', protocol: 50, moreFragments: true };
    expectDrop(engine, 'outer-fragment', () => engine.inboundWhole(packetOf(plan), 0));
  });

  it('as not-esp: another protocol, or IKE behind its marker', () => {
    const engine = engineWithPair();
    const tcp = packetOf({ source: '192.0.2.2', destination: '192.0.2.1', protocol: TCP, upper: [1, 2] });
    expectDrop(engine, 'not-esp', () => engine.inboundWhole(tcp, 0));
    expectDrop(engine, 'not-esp', () => engine.inbound(arrival(new Uint8Array(32)), 0));
  });

  it('as keepalive', () => {
    const engine = engineWithPair();
    expectDrop(engine, 'keepalive', () => engine.inbound(arrival(Uint8Array.of(0xff)), 0));
  });

  it('as esp-too-short at every length below the least', () => {
    const engine = engineWithPair();
    const least = fromPeer(new Uint8Array(0));
    for (let length = 2; length < least.length; length++) {
      expectDrop(engine, 'esp-too-short', () => engine.inbound(arrival(least.subarray(0, length)), 0));
    }
  });

  it('as ciphertext-length', () => {
    const options = { proposal: 'aes128-sha256' };
    const engine = engineWithPair(options);
    const esp = fromPeer(new Uint8Array(40), 1n, { options });
    expectDrop(engine, 'ciphertext-length', () => engine.inbound(arrival(esp.subarray(0, -1)), 0));
  });

  it.each([1, 255])('as spi-reserved with SPI %i', (spi) => {
    const engine = engineWithPair();
    const esp = Uint8Array.from([0, 0, 0, spi, ...new Uint8Array(40)]);
    expectDrop(engine, 'spi-reserved', () => engine.inbound(arrival(esp), 0));
    expect(engine.drainEvents()).toEqual([]);
  });

  it('as spi-unknown, and the control side hears of the first of a second', () => {
    const engine = engineWithPair();
    const esp = Uint8Array.from([0, 0, 0x20, 0x01, ...new Uint8Array(40)]);
    for (let index = 0; index < 20; index++) {
      expectDrop(engine, 'spi-unknown', () => engine.inbound(arrival(esp), 5000));
    }
    const events = engine.drainEvents();
    expect(events).toHaveLength(8);
    expect(events[0]).toEqual({ kind: 'unknown-spi', spi: 0x2001, from: arrival(esp).from });
    expect(engine.counters()['unknown-spi-unreported']).toBe(12n);
    engine.inbound(arrival(esp), 6000);
    expect(engine.drainEvents()).toHaveLength(1);
  });

  it('as replay', () => {
    const engine = engineWithPair();
    const esp = fromPeer(packetOf(inboundPlan));
    expect(reason(engine.inbound(arrival(esp), 0))).toBe('deliver');
    expectDrop(engine, 'replay', () => engine.inbound(arrival(esp), 0));
  });

  it('as icv for every single bit that was changed behind the sequence number', () => {
    for (const proposal of ['aes128gcm16', 'aes128-sha1']) {
      const engine = engineWithPair({ proposal });
      const esp = fromPeer(packetOf(inboundPlan), 1n, { options: { proposal } });
      for (let bit = 64; bit < esp.length * 8; bit += 1) {
        const changed = Uint8Array.from(esp);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expectDrop(engine, 'icv', () => engine.inbound(arrival(changed), 0));
      }
      expect(reason(engine.inbound(arrival(esp), 0))).toBe('deliver');
    }
  }, 30_000);

  it('as padding', () => {
    const engine = engineWithPair();
    const wrong = fromPeer(packetOf(inboundPlan), 1n, { padding: Uint8Array.of(1, 3) });
    expectDrop(engine, 'padding', () => engine.inbound(arrival(wrong), 0));
    // A pad length that reaches before the payload: one octet too far, and as far as it can say.
    for (const padLength of [3, 255]) {
      const payload = Uint8Array.of(1, 2);
      const options = { padding: new Uint8Array(0), padLength };
      const tooLong = referenceSeal(referenceSa(0x1001), BigInt(padLength), payload, 4, options);
      expectDrop(engine, 'padding', () => engine.inbound(arrival(tooLong), 0));
    }
  });

  it('as next-header in tunnel mode: no IP inside, another version than promised, nothing at all', () => {
    const engine = engineWithPair();
    const payload = packetOf(inboundPlan);
    const packets = [
      fromPeer(payload, 1n, { nextHeader: UDP }),
      fromPeer(payload, 2n, { nextHeader: 41 }),
      fromPeer(new Uint8Array(0), 3n),
    ];
    for (const esp of packets) expectDrop(engine, 'next-header', () => engine.inbound(arrival(esp), 0));
  });

  it('as dummy', () => {
    const engine = engineWithPair();
    const esp = fromPeer(new Uint8Array(100), 1n, { nextHeader: 59 });
    expectDrop(engine, 'dummy', () => engine.inbound(arrival(esp), 0));
  });

  it('as ecn when congestion was experienced and cannot be told', () => {
    const engine = engineWithPair();
    const esp = fromPeer(packetOf(inboundPlan));
    expectDrop(engine, 'ecn', () => engine.inbound(arrival(esp, { tos: 3 }), 0));
  });

  it('as selector-mismatch when it is none of those that the SA is for', () => {
    const engine = engineWithPair();
    const spoofed = packetOf({ ...inboundPlan, source: '10.9.0.1' });
    expectDrop(engine, 'selector-mismatch', () => engine.inbound(arrival(fromPeer(spoofed)), 0));
    // Outbound addresses inside an inbound packet.
    const mirrored = fromPeer(packetOf(outboundPlan), 2n);
    expectDrop(engine, 'selector-mismatch', () => engine.inbound(arrival(mirrored), 0));
  });

  it('as held-overflow and held-abandoned', () => {
    const engine = dataplane();
    engine.change({ spd: [protect('to-b', [selector('10.1.0.0/16', '10.2.0.0/16')])] }, 0);
    for (let index = 0; index < 6; index++) engine.outbound(packetOf(outboundPlan), 0);
    expect(engine.drops()['held-overflow']).toBe(2n);
    proven.add('held-overflow');
    expect(engine.dropHeld('to-b')).toHaveLength(4);
    expect(engine.drops()['held-abandoned']).toBe(4n);
    proven.add('held-abandoned');
  });
});

describe('the table of drop reasons', () => {
  const numbers = Object.entries(codes).filter(
    ([name]) => name.startsWith('DROP_') && name !== 'DROP_CODE_COUNT',
  );

  it('has each number once, with a name of its own', () => {
    expect(dropReasons.map((one) => one.number).sort((a, b) => a - b)).toEqual(
      numbers.map(([, number]) => number).sort((a, b) => a - b),
    );
    expect(new Set(dropReasons.map((one) => one.name)).size).toBe(dropReasons.length);
    for (const [name, number] of numbers) {
      expect(dropReasonName(number)).toBe(name.slice('DROP_'.length).toLowerCase().replaceAll('_', '-'));
    }
    expect(codes.DROP_CODE_COUNT).toBe(Math.max(...numbers.map(([, number]) => number)) + 1);
  });

  // A closed data plane takes a firmware whose self-test fails; AH has a file of its own.
  const elsewhere: Readonly<Record<string, readonly string[]>> = {
    './instance.test.ts': ['data-plane-closed'],
    './ah.test.ts': ['ah-length', 'ah-header', 'protocol-mismatch'],
  };
  afterAll(() => {
    const missing = dropReasons.map((one) => one.name).filter((name) => !proven.has(name));
    expect(missing).toEqual(Object.values(elsewhere).flat());
    for (const [file, names] of Object.entries(elsewhere)) {
      const text = readFileSync(new URL(file, import.meta.url), 'utf8');
      for (const name of names) expect(text).toContain(`'${name}'`);
    }
  });
});
