/**
 * Length fields that say more or less than there is, all of them: IPv4's total length and header length, IPv6's payload length,
 * the lengths of extension headers and of UDP, jumbograms, and packets longer than IP can say.
 */
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import {
  address,
  arrival,
  dataplane,
  engineWithPair,
  reason,
  referenceSa,
  selector,
} from '../../property/dataplane/engines.ts';
import { internetChecksum, packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';
import { expectDropAlone, mayChange, watchedEngine } from './memory-state.ts';

const everything = { selectors: [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')] };
const plan4 = { source: '10.2.0.1', destination: '10.1.0.1', protocol: UDP, upper: [1, 2] } as const;
const plan6 = { ...plan4, source: 'fd02::1', destination: 'fd01::1' };

function withChecksum(packet: Uint8Array): Uint8Array {
  const buffer = Buffer.from(packet);
  const header = Math.max(20, (buffer[0]! & 15) * 4);
  buffer.writeUInt16BE(0, 10);
  buffer.writeUInt16BE(internetChecksum(buffer.subarray(0, header)), 10);
  return buffer;
}

/** Runs each packet; a drop is compared in whole now and then, because there are 65,536 of most. */
function check(
  engine: Dataplane,
  index: number,
  expected: string,
  run: () => ReturnType<Dataplane['outbound']>,
) {
  if (expected !== 'send' && expected !== 'deliver' && index % 251 === 0) {
    expectDropAlone(engine, expected, run);
    return;
  }
  const found = reason(run());
  if (found !== expected) expect.fail(`${index}: expected ${expected}, found ${found}`);
}

describe('an outbound packet', () => {
  it('of every IPv4 total length there is', () => {
    const engine = watchedEngine(everything);
    const packet = Buffer.from(packetOf(plan4));
    for (let length = 0; length < 65536; length++) {
      packet.writeUInt16BE(length, 2);
      const changed = withChecksum(packet);
      const expected = length < 24 || length > packet.length ? 'header-malformed' : 'send';
      check(engine, length, expected, () => engine.outbound(changed, 0));
    }
  });

  it('of every version and IPv4 header length there is', () => {
    const engine = watchedEngine(everything);
    const packet = packetOf(plan4);
    for (let first = 0; first < 256; first++) {
      if (first >> 4 === 6) continue;
      packet[0] = first;
      const header = (first & 15) * 4;
      const changed = header < 20 || header > packet.length ? packet : withChecksum(packet);
      // Ports must fit behind the header.
      const fits = first >> 4 === 4 && header >= 20 && header + 4 <= packet.length;
      check(engine, first * 251, fits ? 'send' : 'header-malformed', () => engine.outbound(changed, 0));
    }
  });

  it('of every IPv6 payload length there is, with 0 no jumbogram', () => {
    const engine = watchedEngine(everything);
    const packet = Buffer.from(packetOf(plan6));
    for (let length = 0; length < 65536; length++) {
      packet.writeUInt16BE(length, 4);
      const expected = length < 4 || 40 + length > packet.length ? 'header-malformed' : 'send';
      check(engine, length, expected, () => engine.outbound(packet, 0));
    }
  });

  it('that is an IPv6 jumbogram (RFC 2675), whatever length its option says', () => {
    const engine = watchedEngine(everything);
    for (const jumbo of [0, 8, 65_536, 0xffff_ffff]) {
      const packet = Buffer.from(packetOf({ ...plan6, extensions: [{ protocol: 0, octets: 8 }] }));
      packet.writeUInt16BE(0, 4);
      packet.set([0xc2, 4], 42);
      packet.writeUInt32BE(jumbo, 44);
      expectDropAlone(engine, 'header-malformed', () => engine.outbound(packet, 0));
    }
  });

  it.each([0, 43, 60, 135, 139, 140])('of every length that an extension header %i may say', (protocol) => {
    const engine = watchedEngine(everything);
    for (let units = 0; units < 256; units++) {
      const packet = packetOf({
        ...plan6,
        extensions: [{ protocol, octets: 8 }],
        payload: new Uint8Array(516),
      });
      packet[41] = units;
      const left = packet.length - 40 - 8 * (units + 1);
      check(engine, 251 * units, left < 4 ? 'header-malformed' : 'send', () => engine.outbound(packet, 0));
    }
  });

  it('with link padding behind it is sent without', () => {
    const engine = watchedEngine(everything);
    const packet = packetOf(plan4);
    const outcome = engine.outbound(Uint8Array.from([...packet, ...new Uint8Array(700).fill(0xff)]), 0);
    expect(outcome).toMatchObject({ kind: 'send' });
    const again = engine.outbound(packet, 0);
    if (outcome.kind !== 'send' || again.kind !== 'send') throw new Error('not sent');
    expect(outcome.esp.length).toBe(again.esp.length);
  });
});

describe('an inbound packet', () => {
  const esp = referenceSeal(referenceSa(0x1001), 1n, packetOf(plan4), 4);
  const udpLength = 8 + esp.length;
  const ends = { source: '192.0.2.2', destination: '192.0.2.1' };
  const carried = Buffer.from(
    packetOf({
      ...ends,
      protocol: UDP,
      upper: [4500, 4500],
      payload: Uint8Array.from([udpLength >> 8, udpLength & 255, 0, 0, ...esp]),
    }),
  );

  it('of every UDP length there is', () => {
    const engine = watchedEngine(everything);
    const least = 8 + 8 + 16 + 4;
    for (let length = 0; length < 65536; length++) {
      if (length === udpLength) continue;
      const packet = Buffer.from(carried);
      packet.writeUInt16BE(length, 24);
      const expected =
        length < 8 || length > udpLength
          ? 'outer-malformed'
          : length < 8 + least
            ? 'esp-too-short'
            : (length - 8 - least) % 4 === 0
              ? 'icv'
              : 'ciphertext-length';
      check(engine, length, expected, () => engine.inboundWhole(packet, 0));
    }
    expect(reason(engine.inboundWhole(carried, 0))).toBe('deliver');
  });

  it('of every outer total length there is', () => {
    const engine = watchedEngine(everything);
    for (let length = 0; length < 65536; length++) {
      if (length === carried.length) continue;
      const packet = Buffer.from(carried);
      packet.writeUInt16BE(length, 2);
      // UDP says how long it is, so a shorter one around it contradicts it.
      check(engine, length, 'outer-malformed', () => engine.inboundWhole(withChecksum(packet), 0));
    }
  });

  it('of every total length of the inner packet there is', () => {
    const engine = watchedEngine({ ...everything, proposal: 'null-sha1', replayWindow: 8192 });
    const sa = referenceSa(0x1001, { proposal: 'null-sha1' });
    const inner = Buffer.from(packetOf(plan4));
    for (let length = 0; length < 65536; length += length < 64 ? 1 : 97) {
      inner.writeUInt16BE(length, 2);
      const sealed = referenceSeal(sa, BigInt(length + 1), withChecksum(inner), 4);
      const receive = () => engine.inbound(arrival(sealed), 0);
      if (length >= 24 && length <= inner.length) expect(reason(receive())).toBe('deliver');
      else expectDropAlone(engine, 'header-malformed', receive, mayChange.window);
    }
  });
});

describe('in transport mode', () => {
  it.each([
    ['192.0.2.2', '192.0.2.1', 65_535 - 20],
    ['2001:db8::2', '2001:db8::1', 65_535],
  ])('from %s to %s, a payload of more than IP can say is dropped, not cut', (remote, local, most) => {
    const options = {
      mode: 'transport',
      proposal: 'null-sha1',
      encapsulation: 'raw',
      local,
      remote,
      selectors: everything.selectors,
    } as const;
    const engine = engineWithPair(
      options,
      dataplane({ capacities: { packetOctets: 65_600, heldPackets: 1 } }),
    );
    const from = { address: address(remote), port: 0 };
    const receive = (sequence: bigint, length: number) => {
      const esp = referenceSeal(referenceSa(0x1001, options), sequence, new Uint8Array(length), UDP);
      const more = { from, to: address(local), encapsulation: 'raw' } as const;
      return reason(engine.inbound(arrival(esp, more), 0));
    };
    expect(receive(1n, most)).toBe('deliver');
    for (const [index, length] of [most + 1, most + 20, 65_560].entries()) {
      expect(receive(BigInt(index + 2), length)).toBe('header-malformed');
    }
    expect(engine.hasIntactCanaries()).toBe(true);
  });
});
