/** TFC padding (RFC 4303 section 2.7) and dummies (section 2.6): what a stranger finds in them, and what comes out of them. */
import { describe, expect, it } from 'vitest';
import { DROP_HEADER_MALFORMED } from '../../../firmware/abi/drop-code.ts';
import { VERDICT_DROP } from '../../../firmware/abi/verdict.ts';
import {
  arrival,
  dataplane,
  delivered,
  engineWithPair,
  pseudoRandom,
  reason,
  referenceSa,
  type SaOptions,
  selector,
  sent,
} from './engines.ts';
import { packetOf, UDP } from './packets.ts';
import { referenceOpen, referenceSeal } from './reference-esp.ts';

const proposals = ['chacha20poly1305', 'aes128-sha256', 'null-sha1', 'aes256gcm16'];
const lengths = [0, 1, 100, 371, 372, 373, 1000, 1300];
const outward = (length: number) =>
  packetOf({
    source: '10.1.0.5',
    destination: '10.2.0.6',
    protocol: UDP,
    upper: [1000, 2000],
    payload: pseudoRandom(`payload ${length}`, length),
  });

const hex = (octets: Uint8Array | undefined) => Buffer.from(octets ?? []).toString('hex');

describe.each(proposals)('with %s, TFC padding', (proposal) => {
  it('makes shorter packets as long as the policy says, and longer ones stay as they are', () => {
    const options: SaOptions = { proposal, tfcPadding: 400 };
    const engine = engineWithPair(options);
    for (const length of lengths) {
      const packet = outward(length);
      const opened = referenceOpen(referenceSa(0x2002, options), sent(engine.outbound(packet, 0)).esp);
      const padded = Buffer.alloc(Math.max(packet.length, 400));
      padded.set(packet);
      expect(hex(opened?.payload)).toBe(hex(padded));
    }
  });

  it.each([1280, 1400, 1500])('to the path MTU fills %i octets and no more', (pathMtuOctets) => {
    const options: SaOptions = { proposal, tfcPadding: 'mtu' };
    const engine = engineWithPair(options, dataplane({ pathMtuOctets }));
    const sizes = lengths
      .slice(0, -2)
      .map((length) => sent(engine.outbound(outward(length), 0)).outer.length);
    expect(new Set(sizes).size).toBe(1);
    expect(sizes[0]).toBeLessThanOrEqual(pathMtuOctets);
    expect(sizes[0]).toBeGreaterThan(pathMtuOctets - 16);
  });

  it('is taken off again, whatever the padding holds', () => {
    const engine = engineWithPair({ proposal });
    let sequence = 0n;
    for (const length of lengths) {
      const packet = packetOf({
        source: '10.2.0.6',
        destination: '10.1.0.5',
        protocol: UDP,
        upper: [2000, 1000],
        payload: pseudoRandom(`payload ${length}`, length),
      });
      const padded = Buffer.concat([packet, pseudoRandom('padding', 1401 - packet.length)]);
      const esp = referenceSeal(referenceSa(0x1001, { proposal }), ++sequence, padded, 4);
      expect(hex(delivered(engine.inbound(arrival(esp), 0)))).toBe(hex(packet));
    }
  });
});

describe('TFC padding', () => {
  it('never leaves the packet slot', () => {
    const options: SaOptions = { proposal: 'aes128-sha512', tfcPadding: 65535 };
    const engine = engineWithPair(options, dataplane({ pathMtuOctets: 0 }));
    const { batch } = engine;
    const behind = batch.packetAddress(batch.packetSlots - 1) - 128;
    const before = hex(batch.memory.subarray(behind, behind + 2048));
    const packet = outward(100);
    batch.memory.set(packet, batch.packetAddress(batch.packetSlots - 2));
    batch.setOutbound(batch.packetSlots - 2, packet.length);
    engine.runOutbound(1, 0, batch.packetSlots - 2);
    expect(hex(batch.memory.subarray(behind, behind + 2048))).toBe(before);
    const opened = referenceOpen(referenceSa(0x2002, options), batch.copyEsp(batch.packetSlots - 2));
    expect(hex(opened?.payload.subarray(0, packet.length))).toBe(hex(packet));
  });

  it('is nothing for transport mode, which has no length that would tell it from the payload', () => {
    const options: SaOptions = {
      mode: 'transport',
      tfcPadding: 1000,
      local: '192.0.2.1',
      remote: '192.0.2.2',
      selectors: [selector('192.0.2.1', '192.0.2.2')],
    };
    const packet = packetOf({
      source: '192.0.2.1',
      destination: '192.0.2.2',
      protocol: UDP,
      upper: [1, 2],
      payload: Buffer.alloc(20),
    });
    const { esp } = sent(engineWithPair(options).outbound(packet, 0));
    expect(referenceOpen(referenceSa(0x2002, options), esp)?.payload.length).toBe(packet.length - 20);
  });
});

describe('a dummy', () => {
  it.each(
    proposals.flatMap((proposal) =>
      (['tunnel', 'transport'] as const).map((mode) => [proposal, mode] as const),
    ),
  )('with %s in %s mode is ESP of nothing', (proposal, mode) => {
    const options: SaOptions = { proposal, mode };
    const engine = engineWithPair(options);
    for (const [nth, octets] of [0, 1, 64, 1300].entries()) {
      const opened = referenceOpen(referenceSa(0x2002, options), sent(engine.dummy(0x1001, octets, 0)).esp);
      expect(opened).toMatchObject({ nextHeader: 59, sequence: BigInt(nth + 1) });
      expect(hex(opened?.payload)).toBe('00'.repeat(octets));
    }
  });

  it('is padded like a packet', () => {
    const engine = engineWithPair({ tfcPadding: 500 });
    const packet = sent(engine.outbound(outward(20), 0)).outer;
    expect(sent(engine.dummy(0x1001, 20, 0)).outer.length).toBe(packet.length);
  });

  it('that arrives is dropped without a word, and its number is used up', () => {
    const engine = engineWithPair();
    const esp = referenceSeal(referenceSa(0x1001), 7n, pseudoRandom('dummy', 40), 59);
    expect(reason(engine.inbound(arrival(esp), 0))).toBe('dummy');
    expect(reason(engine.inbound(arrival(esp), 0))).toBe('replay');
    expect(engine.drainEvents()).toEqual([]);
  });

  it('goes through no pair that there is not, is too long for no path, and never goes by policy', () => {
    const engine = engineWithPair({}, dataplane({ pathMtuOctets: 1400 }));
    expect(reason(engine.dummy(0x1002, 64, 0))).toBe('sa-not-ready');
    expect(reason(engine.dummy(0x1001, 1390, 0))).toBe('packet-too-big');
    engine.batch.setDummy(0, 64, 0x1001);
    const words = new Uint32Array(engine.batch.memory.buffer);
    const inputAt = (engine.batch.peerAddressAt(0) - 64 + 28) / 4;
    words[inputAt] = (words[inputAt] ?? 0) & ~8;
    engine.runOutbound(1, 0);
    expect([engine.batch.verdict(0), engine.batch.reason(0)]).toEqual([VERDICT_DROP, DROP_HEADER_MALFORMED]);
  });
});
