/**
 * AH, both ways, against a reference written from RFC 4302: every proposal, mode, family and length; random options and extension
 * headers; what routers may change on the way and what they may not; every way to cut a packet short.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { proposalsOf } from '../../../host/model/proposal.ts';
import { headerOf, ipv4Options, ipv6Extensions, withChecksum } from './ah-headers.ts';
import {
  address,
  arrival,
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
import { ahOctets, ahParts, isAuthentic, referenceAh } from './reference-ah.ts';

const lengths = [0, 1, 3, 4, 15, 16, 17, 63, 64, 511, 1399];
const AH = 51;
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

const families = [4, 6] as const;
const ahProposals = proposalsOf('ah');

const cases = ahProposals.flatMap(({ keyword }) =>
  [false, true].flatMap((esn) =>
    families.flatMap((outerFamily): Case[] => [
      ...families.map((innerFamily) => tunnelCase(keyword, esn, outerFamily, innerFamily)),
      transportCase(keyword, esn, outerFamily),
    ]),
  ),
);

function tunnelCase(proposal: string, esn: boolean, outerFamily: 4 | 6, innerFamily: 4 | 6): Case {
  const { local, remote } = inner[innerFamily];
  const selectors = [selector(local, remote)];
  return {
    name: `${proposal}${esn ? ' ESN' : ''}: IPv${innerFamily} in a tunnel over IPv${outerFamily}`,
    options: ahOptions({ proposal, esn, selectors, ...outer[outerFamily] }),
    innerFamily,
    outerFamily,
  };
}

function transportCase(proposal: string, esn: boolean, family: 4 | 6): Case {
  const { local, remote } = outer[family];
  const prefix = family === 4 ? 32 : 128;
  const selectors = [selector(`${local}/${prefix}`, `${remote}/${prefix}`)];
  return {
    name: `${proposal}${esn ? ' ESN' : ''}: transport mode over IPv${family}`,
    options: ahOptions({ proposal, esn, mode: 'transport', selectors, local, remote }),
    innerFamily: family,
    outerFamily: family,
  };
}

function ahOptions(more: SaOptions): SaOptions {
  return { protocol: 'ah', encapsulation: 'raw', ...more };
}

function endsOf({ options, innerFamily, outerFamily }: Case) {
  const { local, remote } = outer[outerFamily];
  const { source, destination } = inner[innerFamily];
  return options.mode === 'transport' ? { source: local, destination: remote } : { source, destination };
}

/** What a router on the way may change. */
function travelled(packet: Uint8Array): Buffer {
  const changed = Buffer.from(packet);
  if (changed[0]! >> 4 === 6) {
    changed.writeUInt32BE(0x60454321, 0);
    changed[7] = 5;
    return changed;
  }
  changed[1] = 0x28;
  changed[6] = changed[6]! ^ 0x40;
  changed[8] = 5;
  return withChecksum(changed);
}

describe.each(cases)('$name', (one) => {
  const { options, innerFamily, outerFamily } = one;
  const { proposal = '' } = options;
  const ends = endsOf(one);
  const transport = options.mode === 'transport';

  it('seals what the reference finds authentic, at every length', () => {
    const engine = engineWithPair(options);
    const reference = referenceSa(0x2002, options);
    lengths.forEach((length, nth) => {
      const payload = pseudoRandom(`payload ${length}`, length);
      const packet = packetOf({ ...ends, protocol: UDP, upper: [1000, 2000], payload, tos: 0xb8, ttl: 9 });
      const out = sent(engine.outbound(packet, 0));
      const parts = ahParts(out.outer);
      expect(isAuthentic(reference, out.outer, BigInt(nth + 1))).toBe(true);
      expect(out).toMatchObject({ protocol: 'ah', encapsulation: 'raw', tos: 0xb8 });
      expect(Buffer.from(out.esp)).toEqual(Buffer.from(out.outer));
      expect(parts.family).toBe(outerFamily);
      expect(parts.ah.readUInt32BE(4)).toBe(0x2002);
      expect(parts.sequenceLow).toBe(nth + 1);
      expect(parts.ah.length % (outerFamily === 6 ? 8 : 4)).toBe(0);
      const headerLength = innerFamily === 4 ? 20 : 40;
      expect(parts.payload).toEqual(Buffer.from(transport ? packet.subarray(headerLength) : packet));
      expect(parts.nextHeader).toBe(transport ? UDP : innerFamily === 4 ? 4 : 41);
      checkHeader(parts.header, out.outer.length);
    });
  });

  it('opens what the reference sealed and routers changed, at every length, whole and bare', () => {
    const engine = engineWithPair(options);
    const reference = referenceSa(0x1001, options);
    let sequence = 0n;
    for (const length of lengths) {
      const payload = pseudoRandom(`payload ${length}`, length);
      const back = { source: ends.destination, destination: ends.source };
      const packet = packetOf({ ...back, protocol: UDP, upper: [2000, 1000], payload });
      const headerLength = innerFamily === 4 ? 20 : 40;
      const body = transport ? packet.subarray(headerLength) : packet;
      const nextHeader = transport ? UDP : innerFamily === 4 ? 4 : 41;
      const seal = (padding?: number) => sealFrom(++sequence, reference, one, body, nextHeader, padding);
      const whole = travelled(seal());
      const found = Buffer.from(delivered(engine.inboundWhole(whole, 0)));
      expect(found.subarray(transport ? headerLength : 0)).toEqual(Buffer.from(body));
      // In transport mode the header that arrived is the one that is delivered.
      if (transport) expect(found[innerFamily === 4 ? 8 : 7]).toBe(5);
      // Linux pads to 8 octets over IPv4 too.
      expect(reason(engine.inboundWhole(seal(8), 0))).toBe('deliver');
      if (outerFamily === 4) continue;
      const ah = Uint8Array.from(seal().subarray(40));
      const { local, remote } = outer[6];
      const bare = { from: { address: address(remote), port: 0 }, to: address(local) };
      const outcome = engine.inbound(arrival(ah, { ...bare, encapsulation: 'raw', protocol: 'ah' }), 0);
      const again = Buffer.from(delivered(outcome));
      expect(again.subarray(transport ? headerLength : 0)).toEqual(Buffer.from(body));
    }
  });

  it('refuses each octet that was changed, and forgets nothing over it', () => {
    const engine = engineWithPair(options);
    const reference = referenceSa(0x1001, options);
    const back = { source: ends.destination, destination: ends.source };
    const packet = packetOf({ ...back, protocol: UDP, upper: [2000, 1000], payload: new Uint8Array(9) });
    const body = transport ? packet.subarray(innerFamily === 4 ? 20 : 40) : packet;
    const genuine = sealFrom(1n, reference, one, body, transport ? UDP : innerFamily === 4 ? 4 : 41);
    const mutable = outerFamily === 4 ? [1, 6, 7, 8, 10, 11] : [0, 1, 2, 3, 7];
    for (let at = 0; at < genuine.length; at++) {
      if (mutable.includes(at)) continue;
      const forged = Buffer.from(genuine);
      forged[at] = forged[at]! ^ 0x40;
      const checked = outerFamily === 4 && forged[0] === 0x45 ? withChecksum(forged) : forged;
      expect(['deliver', 'held'], `octet ${at}`).not.toContain(reason(engine.inboundWhole(checked, 0)));
    }
    expect(reason(engine.inboundWhole(genuine, 0))).toBe('deliver');
    expect(reason(engine.inboundWhole(genuine, 0))).toBe('replay');
    expect(engine.hasIntactCanaries()).toBe(true);
  });

  it(`has the ICV that ${proposal} says`, () => {
    const icvs: Record<string, number> = {
      sha1: 12,
      md5: 12,
      aescmac: 12,
      sha256: 16,
      sha384: 24,
      sha512: 32,
    };
    const out = sent(
      engineWithPair(options).outbound(packetOf({ ...ends, protocol: UDP, upper: [1, 2] }), 0),
    );
    const field = icvs[proposal] ?? 24;
    const unit = outerFamily === 4 ? 4 : 8;
    expect(ahParts(out.outer).ah.length).toBe(Math.ceil((12 + field) / unit) * unit);
  });
});

/** A packet of the peer. */
function sealFrom(
  sequence: bigint,
  reference: ReturnType<typeof referenceSa>,
  { outerFamily }: Case,
  body: Uint8Array,
  nextHeader: number,
  paddingTo = outerFamily === 6 ? 8 : 4,
): Buffer {
  const { local, remote } = outer[outerFamily];
  const payloadLength = ahOctets(reference.proposal, paddingTo) + body.length;
  const header = headerOf({ source: remote, destination: local, protocol: AH, payloadLength });
  return referenceAh(reference, sequence, header, body, nextHeader, paddingTo);
}

function checkHeader(header: Buffer, length: number): void {
  if (header[0]! >> 4 === 6) {
    expect(header.readUInt16BE(4)).toBe(length - 40);
    expect(header[6]).toBe(AH);
    return;
  }
  expect(header.readUInt16BE(2)).toBe(length);
  expect(header[9]).toBe(AH);
  // Linux would write its own identification over zero.
  expect(header.readUInt16BE(4)).not.toBe(0);
  const sound = header.readUInt16BE(10);
  expect(withChecksum(Buffer.from(header)).readUInt16BE(10)).toBe(sound);
}

describe('options and extension headers', () => {
  const transport = (proposal: string, family: 4 | 6, esn: boolean): SaOptions =>
    ahOptions({
      proposal,
      esn,
      mode: 'transport',
      ...outer[family],
      selectors: [selector(family === 4 ? '0.0.0.0/0' : '::/0', family === 4 ? '0.0.0.0/0' : '::/0')],
    });
  const keyword = fc.constantFrom(...ahProposals.map((one) => one.keyword));
  const payload = fc.uint8Array({ minLength: 4, maxLength: 100 });

  /** A packet with these headers goes out and comes in as the reference says. */
  function bothWays(options: SaOptions, plan: Parameters<typeof headerOf>[0], body: Uint8Array): void {
    const engine = engineWithPair(options);
    const plain = Buffer.concat([headerOf({ ...plan, protocol: UDP, payloadLength: body.length }), body]);
    const out = sent(engine.outbound(plain, 0)).outer;
    expect(isAuthentic(referenceSa(0x2002, options), out, 1n)).toBe(true);
    const { header } = ahParts(out);
    const grown = out.length - plain.length;
    const back = headerOf({ ...plan, protocol: AH, payloadLength: grown + body.length });
    expect(back.length).toBe(header.length);
    const sealed = referenceAh(referenceSa(0x1001, options), 1n, back, body, UDP);
    const found = Buffer.from(delivered(engine.inboundWhole(sealed, 0)));
    expect(found).toEqual(plain);
    expect(engine.hasIntactCanaries()).toBe(true);
  }

  it('of IPv4 are covered or not as appendix A1 says', () => {
    fc.assert(
      fc.property(keyword, fc.boolean(), ipv4Options, payload, (proposal, esn, options, body) => {
        const plan = { source: '192.0.2.1', destination: '192.0.2.2', protocol: UDP, payloadLength: 0 };
        bothWays(transport(proposal, 4, esn), { ...plan, options }, body);
      }),
      { numRuns: 150 },
    );
  });

  it('of IPv6 are covered or not as appendix A2 says', () => {
    fc.assert(
      fc.property(keyword, fc.boolean(), ipv6Extensions, payload, (proposal, esn, extensions, body) => {
        const plan = { source: '2001:db8::1', destination: '2001:db8::2', protocol: UDP, payloadLength: 0 };
        bothWays(transport(proposal, 6, esn), { ...plan, extensions }, body);
      }),
      { numRuns: 150 },
    );
  });

  it('of any octets, on either way, lead to a drop or an authentic packet, and never out of the packet', () => {
    const engine4 = engineWithPair(transport('sha256', 4, false));
    const engine6 = engineWithPair(transport('sha256', 6, false));
    const refusals = new Set<string>();
    const run = (engine: Dataplane, header: Buffer, family: 4 | 6): void => {
      const plain = Buffer.concat([header, Buffer.alloc(12)]);
      const outcome = engine.outbound(plain, 0);
      refusals.add(reason(outcome));
      const parts = outcome.kind === 'send' ? ahParts(outcome.outer) : undefined;
      if (parts !== undefined) expect(parts.family).toBe(family);
      const carried = Buffer.from(plain);
      carried[family === 4 ? 9 : 6] = family === 4 ? AH : carried[6]!;
      refusals.add(reason(engine.inboundWhole(family === 4 ? withChecksum(carried) : carried, 0)));
    };
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 40 }), (noise) => {
        const options = Buffer.from(noise.subarray(0, noise.length & ~3));
        const plan = { protocol: UDP, payloadLength: 12 };
        run(engine4, headerOf({ ...plan, source: '192.0.2.1', destination: '192.0.2.2', options }), 4);
        for (const protocol of [0, 43, 60]) {
          const extension = Buffer.alloc(Math.ceil((noise.length + 2) / 8) * 8);
          extension.set(noise, 2);
          extension[1] = extension.length / 8 - 1;
          const extensions = [{ protocol, octets: extension }];
          run(
            engine6,
            headerOf({ ...plan, source: '2001:db8::1', destination: '2001:db8::2', extensions }),
            6,
          );
        }
      }),
      { numRuns: 300 },
    );
    expect([...refusals]).toEqual(expect.arrayContaining(['send', 'ah-header']));
    expect(engine4.hasIntactCanaries() && engine6.hasIntactCanaries()).toBe(true);
  });
});
