/** Bundles at the packet loop: what arrives as one and is several datagrams. */
import { describe, expect, it } from 'vitest';
import { address, referenceSa } from '../../property/dataplane/engines.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';
import { carriers, inwards, numberOf, Rig } from './rig.ts';

const peer = { address: address('192.0.2.2'), port: 4500 };

/** ESP of the peer with packet `number`, as it is on the wire. */
function esp(number: number): Uint8Array {
  return referenceSeal(referenceSa(carriers.udp.inbound), BigInt(number), inwards('udp', number), 4);
}

describe('inbound, the loop', () => {
  it('takes a bundle of datagrams apart, however many slots it takes, with what is no ESP in it', () => {
    const rig = new Rig().withPairs();
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
    const packets = numbers.map((number) => esp(number));
    const segmentLength = packets[0]?.length ?? 0;
    // IKE as RFC 3948 carries it: behind four zero octets.
    const message = new Uint8Array(segmentLength).fill(0xab, 4);
    // The eighth begins the slots anew, where the packet of the other sender was: what is said of it must be its own.
    packets[7]?.set([0x0b, 0xad, 0x0b, 0xad]);
    packets.splice(9, 0, message);
    packets.push(Uint8Array.of(0xff));
    const other = { bytes: esp(21), from: { ...peer, port: 999 } };
    rig.kernel.udp4.waiting.push(other, { bytes: Buffer.concat(packets), from: peer, segmentLength });
    rig.settle();
    expect(rig.kernel.written.map(numberOf)).toEqual([21, ...numbers.filter((number) => number !== 8)]);
    expect(rig.ofKind('ike').map(({ bytes }) => bytes)).toEqual([message.subarray(4)]);
    expect(rig.counters()).toMatchObject({ 'loop keepalives': 1n });
    const events = rig.ofKind('engine').flatMap(({ events: some }) => some);
    expect(events.filter(({ kind }) => kind === 'peer-moved' || kind === 'unknown-spi')).toEqual([
      { kind: 'peer-moved', spi: carriers.udp.inbound, from: { ...peer, port: 999 } },
      { kind: 'unknown-spi', spi: 0x0bad0bad, from: peer },
    ]);
  });
});
