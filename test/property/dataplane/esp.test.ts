/**
 * Every proposal, mode, family, encapsulation and length, both ways, against the reference made with node:crypto: one proposal of
 * each cipher in every form, the others each in a few.
 */
import { describe, expect, it } from 'vitest';
import { proposalsOf } from '../../../host/model/proposal.ts';
import {
  address,
  arrival,
  delivered,
  engineWithPair,
  pseudoRandom,
  referenceSa,
  type SaOptions,
  selector,
  sent,
} from './engines.ts';
import { internetChecksum, octetsOf, packetOf, UDP } from './packets.ts';
import { referenceOpen, referenceSeal } from './reference-esp.ts';

const lengths = [0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 63, 64, 127, 255, 256, 511, 1000, 1399, 1400, 1401];
const outer = {
  4: { local: '192.0.2.1', remote: '192.0.2.2' },
  6: { local: '2001:db8::1', remote: '2001:db8::2' },
} as const;
const inner = {
  4: { source: '10.1.0.5', destination: '10.2.0.6', local: '10.1.0.0/16', remote: '10.2.0.0/16' },
  6: { source: 'fd01::5', destination: 'fd02::6', local: 'fd01::/16', remote: 'fd02::/16' },
} as const;

interface Case {
  readonly name: string;
  readonly options: SaOptions;
  readonly innerFamily: 4 | 6;
  readonly outerFamily: 4 | 6;
}

/** One proposal of each cipher; the MACs differ too. */
const representatives = [
  'chacha20poly1305',
  'aes256gcm16',
  'aes128ccm12',
  'aes192gmac',
  'aes128-sha256',
  'aes256ctr-aescmac',
  'null-sha1',
  '3des-sha512',
  'des-md5',
];

function casesOf(proposal: string): Case[] {
  const cases: Case[] = [];
  for (const esn of [false, true]) {
    for (const encapsulation of ['udp', 'raw'] as const) {
      for (const outerFamily of [4, 6] as const) {
        for (const innerFamily of [4, 6] as const) {
          cases.push(tunnelCase(proposal, esn, encapsulation, outerFamily, innerFamily));
        }
        cases.push(transportCase(proposal, esn, encapsulation, outerFamily));
      }
    }
  }
  return cases;
}

const cases = proposalsOf('esp').flatMap(({ keyword: proposal }, nth) => {
  const all = casesOf(proposal);
  // 11 and 24 have no common divisor, so that neighbours in the list differ in form.
  return representatives.includes(proposal)
    ? all
    : [0, 1].flatMap((more) => all[((2 * nth + more) * 11) % all.length] ?? []);
});

function tunnelCase(
  proposal: string,
  esn: boolean,
  encapsulation: 'udp' | 'raw',
  outerFamily: 4 | 6,
  innerFamily: 4 | 6,
): Case {
  const { local, remote } = inner[innerFamily];
  return {
    name: `${proposal}${esn ? ' ESN' : ''} ${encapsulation}: IPv${innerFamily} in a tunnel over IPv${outerFamily}`,
    options: { proposal, esn, encapsulation, ...outer[outerFamily], selectors: [selector(local, remote)] },
    innerFamily,
    outerFamily,
  };
}

function transportCase(proposal: string, esn: boolean, encapsulation: 'udp' | 'raw', family: 4 | 6): Case {
  const { local, remote } = outer[family];
  return {
    name: `${proposal}${esn ? ' ESN' : ''} ${encapsulation}: transport mode over IPv${family}`,
    options: {
      proposal,
      esn,
      encapsulation,
      mode: 'transport',
      local,
      remote,
      selectors: [selector(local, remote)],
    },
    innerFamily: family,
    outerFamily: family,
  };
}

/** The addresses of the packets that a case protects. */
function ends(one: Case): { source: string; destination: string } {
  if (one.options.mode !== 'transport') return inner[one.innerFamily];
  return { source: outer[one.outerFamily].local, destination: outer[one.outerFamily].remote };
}

function headerLength(family: 4 | 6): number {
  return family === 4 ? 20 : 40;
}

describe.each(cases)('$name', (one) => {
  const { options, innerFamily, outerFamily } = one;
  const transport = options.mode === 'transport';
  const { source, destination } = ends(one);

  it('is opened by the reference at every length', () => {
    const engine = engineWithPair(options);
    const reference = referenceSa(0x2002, options);
    const ivs = new Set<string>();
    lengths.forEach((length, index) => {
      const payload = pseudoRandom(`payload ${length}`, length);
      const packet = packetOf({
        source,
        destination,
        protocol: UDP,
        upper: [1000, 2000],
        payload,
        tos: 0xb8,
      });
      const out = sent(engine.outbound(packet, 0));
      const opened = referenceOpen(reference, out.esp)!;
      expect(opened.sequence).toBe(BigInt(index + 1));
      ivs.add(Buffer.from(opened.iv).toString('hex'));
      if (transport) {
        expect(Buffer.from(opened.payload)).toEqual(Buffer.from(packet.subarray(headerLength(innerFamily))));
        expect(opened.nextHeader).toBe(UDP);
      } else {
        expect(Buffer.from(opened.payload)).toEqual(Buffer.from(packet));
        expect(opened.nextHeader).toBe(innerFamily === 4 ? 4 : 41);
      }
      checkOuter(Buffer.from(out.outer), out.esp, one);
      expect(out.tos).toBe(0xb8);
    });
    // NULL has no IV; every other one is fresh.
    expect(ivs.size).toBe(options.proposal?.startsWith('null') ? 1 : lengths.length);
  });

  it('opens what the reference sealed at every length, bare and whole', () => {
    const engine = engineWithPair(options);
    const reference = referenceSa(0x1001, options);
    const from = { address: address(outer[outerFamily].remote), port: 4500 };
    const to = address(outer[outerFamily].local);
    let sequence = 0n;
    for (const length of lengths) {
      const payload = pseudoRandom(`payload ${length}`, length);
      const packet = packetOf({
        source: destination,
        destination: source,
        protocol: UDP,
        upper: [1000, 2000],
        payload,
      });
      const body = transport ? packet.subarray(headerLength(innerFamily)) : packet;
      const nextHeader = transport ? UDP : innerFamily === 4 ? 4 : 41;
      const bare = referenceSeal(reference, ++sequence, body, nextHeader);
      const encapsulation = options.encapsulation!;
      const inner = delivered(engine.inbound(arrival(bare, { from, to, encapsulation }), 0));
      if (transport) {
        // The socket kept the header: a new one was made, with the same addresses.
        expect(Buffer.from(inner.subarray(headerLength(innerFamily)))).toEqual(Buffer.from(body));
        expect(Buffer.from(inner.subarray(innerFamily === 4 ? 12 : 8, headerLength(innerFamily)))).toEqual(
          Buffer.concat([octetsOf(destination), octetsOf(source)]),
        );
      } else {
        expect(Buffer.from(inner)).toEqual(Buffer.from(packet));
      }
      const esp = referenceSeal(reference, ++sequence, body, nextHeader);
      const carried = wrap(esp, one);
      expect(Buffer.from(delivered(engine.inboundWhole(carried, 0)))).toEqual(
        Buffer.from(transport ? withIdentification(packet, carried) : packet),
      );
    }
  });
});

/** The outer packet around `esp`, made octet by octet. */
function wrap(esp: Uint8Array, one: Case): Uint8Array {
  const { local, remote } = outer[one.outerFamily];
  const udp = one.options.encapsulation === 'udp';
  const head = Buffer.alloc(udp ? 8 : 0);
  if (udp) {
    head.writeUInt16BE(4500, 0);
    head.writeUInt16BE(4500, 2);
    head.writeUInt16BE(8 + esp.length, 4);
  }
  return packetOf({
    source: remote,
    destination: local,
    protocol: udp ? 17 : 50,
    payload: Buffer.concat([head, esp]),
  });
}

/** In transport mode the header that arrives is the one that is delivered. */
function withIdentification(packet: Uint8Array, carried: Uint8Array): Uint8Array {
  const family = carried[0]! >> 4;
  const expected = Buffer.from(packet);
  expected.set(carried.subarray(0, family === 4 ? 20 : 40));
  if (family === 4) {
    expected.writeUInt16BE(expected.length, 2);
    expected[9] = UDP;
    expected.writeUInt16BE(0, 10);
    expected.writeUInt16BE(internetChecksum(expected.subarray(0, 20)), 10);
  } else {
    expected.writeUInt16BE(expected.length - 40, 4);
    expected[6] = UDP;
  }
  return expected;
}

function checkOuter(packet: Buffer, esp: Uint8Array, one: Case): void {
  const family = one.outerFamily;
  const { local, remote } = outer[family];
  const udp = one.options.encapsulation === 'udp';
  const carrier = packet.subarray(headerLength(family));
  expect(packet[0]! >> 4).toBe(family);
  expect(packet[family === 4 ? 9 : 6]).toBe(udp ? 17 : 50);
  expect(Buffer.from(packet.subarray(family === 4 ? 12 : 8, headerLength(family)))).toEqual(
    Buffer.concat([octetsOf(local), octetsOf(remote)]),
  );
  if (family === 4) {
    expect(packet.readUInt16BE(2)).toBe(packet.length);
    expect(internetChecksum(packet.subarray(0, 20))).toBe(0);
    expect(packet[1]).toBe(0xb8);
  } else {
    expect(packet.readUInt16BE(4)).toBe(packet.length - 40);
    expect((packet.readUInt16BE(0) >> 4) & 0xff).toBe(0xb8);
  }
  expect(Buffer.from(carrier.subarray(udp ? 8 : 0))).toEqual(Buffer.from(esp));
  if (!udp) return;
  expect(carrier.readUInt16BE(0)).toBe(4500);
  expect(carrier.readUInt16BE(2)).toBe(4500);
  expect(carrier.readUInt16BE(4)).toBe(carrier.length);
  if (family === 4) {
    expect(carrier.readUInt16BE(6)).toBe(0);
    return;
  }
  // RFC 8200 section 8.1: addresses, length, next header, then all of UDP sum to zero.
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(carrier.length, 0);
  pseudo[7] = 17;
  expect(internetChecksum(Buffer.concat([packet.subarray(8, 40), pseudo, carrier]))).toBe(0);
}
