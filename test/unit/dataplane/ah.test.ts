/** AH where it is refused, and what it has in common with ESP: the rest is compared with a reference in test/property/dataplane. */
import { describe, expect, it } from 'vitest';
import { headerOf } from '../../property/dataplane/ah-headers.ts';
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
import { type PacketPlan, packetOf, UDP } from '../../property/dataplane/packets.ts';
import { ahOctets, referenceAh } from '../../property/dataplane/reference-ah.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';
import { expectDrop } from './expect-drop.ts';

const outboundPlan: PacketPlan = {
  source: '10.1.0.5',
  destination: '10.2.0.6',
  protocol: UDP,
  upper: [1000, 2000],
};
const inboundPlan: PacketPlan = { ...outboundPlan, source: '10.2.0.6', destination: '10.1.0.5' };

describe('AH', () => {
  const options: SaOptions = { protocol: 'ah', proposal: 'sha256', encapsulation: 'raw' };
  const outerPlan = { source: '192.0.2.2', destination: '192.0.2.1', protocol: 51 };
  const everywhere = [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')];

  /** An authentic packet in tunnel mode over IPv4, with these options before AH. */
  function ahFromPeer(payload = packetOf(inboundPlan), headerOptions = Buffer.alloc(0)): Buffer {
    const payloadLength = ahOctets('sha256', 4) + payload.length;
    const header = headerOf({ ...outerPlan, payloadLength, options: headerOptions });
    return referenceAh(referenceSa(0x1001, options), 1n, header, payload, 4);
  }

  it('is dropped as ah-length with every Payload Len but the right ones, and at every length that cuts it', () => {
    const engine = engineWithPair(options);
    const genuine = ahFromPeer();
    for (let words = 0; words < 256; words++) {
      // 28 octets, or 32 where the peer pads to 8: then the ICV is over other octets.
      const changed = Buffer.from(genuine);
      changed[21] = words;
      if (words === 5) continue;
      expectDrop(engine, words === 6 ? 'icv' : 'ah-length', () => engine.inboundWhole(changed, 0));
    }
    for (let length = 20; length < 20 + 28; length++) {
      const plan = { ...outerPlan, payloadLength: length - 20 };
      const cut = Buffer.concat([headerOf(plan), genuine.subarray(20, length)]);
      expectDrop(engine, 'ah-length', () => engine.inboundWhole(cut, 0));
    }
    expect(reason(engine.inboundWhole(genuine, 0))).toBe('deliver');
    expectDrop(engine, 'replay', () => engine.inboundWhole(genuine, 0));
  });

  it.each([
    ['an option that is longer than the header', [148, 5, 0, 0]],
    ['an option of one octet', [148, 1, 0, 0]],
    ['an option without its length', [1, 1, 1, 148]],
    ['a source route with half an address', [131, 5, 4, 1, 1, 1, 1, 1]],
    ['a source route whose pointer is in its header', [131, 7, 3, 1, 2, 3, 4, 1]],
  ])('is dropped as ah-header, on either way, behind %s', (_name, octets) => {
    const engine = engineWithPair({ ...options, mode: 'transport', selectors: everywhere });
    const plan = { ...outerPlan, options: Buffer.from(octets) };
    const body = Buffer.alloc(ahOctets('sha256', 4) + 8);
    body.set([UDP, 5, 0, 0, 0, 0, 0x10, 1, 0, 0, 0, 1]);
    const packet = Buffer.concat([headerOf({ ...plan, payloadLength: body.length }), body]);
    expectDrop(engine, 'ah-header', () => engine.inboundWhole(packet, 0));
    const plain = Buffer.concat([headerOf({ ...plan, protocol: UDP, payloadLength: 8 }), Buffer.alloc(8)]);
    const outcome = expectDrop(engine, 'ah-header', () => engine.outbound(plain, 0));
    expect(outcome).toMatchObject({ packet: Uint8Array.from(plain) });
  });

  it.each([
    ['a routing header of a type whose end nobody can tell', [43, 4, 4, 1]],
    ['more segments left than addresses', [43, 2, 0, 2]],
    ['an option that goes beyond its header', [60, 0, 1, 20, 0]],
    ['over 512 octets', [60, 60, 1, 0, 0]],
    ['an atomic fragment', [44, 0, 0, 0, 0]],
  ])('is dropped as ah-header behind %s', (_name, [protocol = 0, ...first]) => {
    const engine = engineWithPair({ ...options, mode: 'transport', selectors: everywhere });
    const octets = Buffer.alloc(8 * ((protocol === 44 ? 0 : first[0]!) + 1));
    octets.set(first, 1);
    // Destination options belong before AH only where a routing header follows them.
    const last = { protocol: 43, octets: Buffer.from([0, 0, 4, 0, 0, 0, 0, 0]) };
    const extensions = protocol === 43 ? [{ protocol, octets }] : [{ protocol, octets }, last];
    const plan = { source: '2001:db8::1', destination: '2001:db8::2', protocol: UDP };
    const plain = Buffer.concat([headerOf({ ...plan, extensions, payloadLength: 8 }), Buffer.alloc(8)]);
    expectDrop(engine, 'ah-header', () => engine.outbound(plain, 0));
    const ah = Buffer.alloc(ahOctets('sha256', 8) + 8);
    ah.set([UDP, 6, 0, 0, 0, 0, 0x10, 1, 0, 0, 0, 1]);
    const back = { ...plan, protocol: 51, extensions, payloadLength: ah.length };
    expectDrop(engine, 'ah-header', () => engine.inboundWhole(Buffer.concat([headerOf(back), ah]), 0));
  });

  it('is dropped as protocol-mismatch on an SA of ESP, and ESP on an SA of AH', () => {
    const [ofAh, ofEsp] = [engineWithPair(options), engineWithPair({ encapsulation: 'raw' })];
    expectDrop(ofEsp, 'protocol-mismatch', () => ofEsp.inboundWhole(ahFromPeer(), 0));
    const esp = referenceSeal(referenceSa(0x1001), 1n, packetOf(inboundPlan), 4);
    expectDrop(ofAh, 'protocol-mismatch', () => ofAh.inbound(arrival(esp, { encapsulation: 'raw' }), 0));
    expectDrop(ofAh, 'protocol-mismatch', () => ofAh.inbound(arrival(esp), 0));
  });

  it('has neither dummies nor TFC padding', () => {
    const engine = engineWithPair(options);
    expectDrop(engine, 'protocol-mismatch', () => engine.dummy(0x1001, 40, 0));
    expect(() => engineWithPair({ ...options, tfcPadding: 1000 })).toThrow('expected no TFC padding with ah');
  });

  it('is dropped as a fragment, and as descriptor-invalid where the host lost its IPv4 header', () => {
    const engine = engineWithPair(options);
    const fragment = packetOf({ ...outerPlan, moreFragments: true });
    expectDrop(engine, 'outer-fragment', () => engine.inboundWhole(fragment, 0));
    const bare = arrival(ahFromPeer().subarray(20), { encapsulation: 'raw', protocol: 'ah' });
    expectDrop(engine, 'descriptor-invalid', () => engine.inbound(bare, 0));
  });

  it('is dropped for what is inside by the rules of ESP: next header, selectors, ECN', () => {
    const engine = engineWithPair(options);
    expectDrop(engine, 'next-header', () => engine.inboundWhole(ahFromPeer(new Uint8Array(0)), 0));
    const other = engineWithPair(options);
    const spoofed = ahFromPeer(packetOf({ ...inboundPlan, source: '10.9.0.1' }));
    expectDrop(other, 'selector-mismatch', () => other.inboundWhole(spoofed, 0));
    const congested = ahFromPeer();
    congested[1] = 3;
    congested.writeUInt16BE(congested.readUInt16BE(10) + 0xb8 - 3, 10);
    const third = engineWithPair(options);
    expectDrop(third, 'ecn', () => third.inboundWhole(congested, 0));
  });

  it('is refused as too big for the path whatever DF says: the kernel does not fragment what has its header', () => {
    const engine = engineWithPair(options, dataplane({ pathMtuOctets: 1500 }));
    const packet = (length: number) => packetOf({ ...outboundPlan, payload: new Uint8Array(length - 24) });
    expect(sent(engine.outbound(packet(1500 - 48), 0)).outer.length).toBe(1500);
    const outcome = expectDrop(engine, 'packet-too-big', () => engine.outbound(packet(1500 - 47), 0));
    expect(outcome).toMatchObject({ mtu: 1500 - 48 });
  });

  it('takes whole packets only in transport mode, and fragments in a tunnel', () => {
    const transport = engineWithPair({ ...options, mode: 'transport' });
    const fragment = packetOf({ ...outboundPlan, moreFragments: true });
    expectDrop(transport, 'transport-fragment', () => transport.outbound(fragment, 0));
    expect(reason(engineWithPair(options).outbound(fragment, 0))).toBe('send');
  });

  it('is held while its SPI is being asked for, and opened afterwards', () => {
    const engine = dataplane();
    const selectors = [selector('10.1.0.0/16', '10.2.0.0/16')];
    engine.change({ spd: [protect('to-b', selectors)], reserve: [0x1001] }, 0);
    expect(reason(engine.inboundWhole(ahFromPeer(), 0))).toBe('held');
    engine.change({ install: [{ pair: pair(0x1001, 0x2002, options), use: true }] }, 0);
    expect(engine.releaseHeld('to-b', 0).map(reason)).toEqual(['deliver']);
  });
});
