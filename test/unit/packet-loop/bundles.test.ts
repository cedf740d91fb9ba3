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
    packets.splice(9, 0, message);
    packets.push(Uint8Array.of(0xff));
    const other = { bytes: esp(21), from: { ...peer, port: 999 } };
    rig.kernel.udp4.waiting.push(other, { bytes: Buffer.concat(packets), from: peer, segmentLength });
    rig.settle();
    expect(rig.kernel.written.map(numberOf)).toEqual([21, ...numbers]);
    expect(rig.ofKind('ike').map(({ bytes }) => bytes)).toEqual([message.subarray(4)]);
    expect(rig.counters()).toMatchObject({ 'loop keepalives': 1n });
    expect(Object.values(rig.loop.snapshot().drops).every((count) => count === 0n)).toBe(true);
    // Each packet was taken for one of its own sender: the first one alone came from elsewhere.
    const moved = rig
      .ofKind('engine')
      .flatMap(({ events }) => events.filter(({ kind }) => kind === 'peer-moved'));
    expect(moved).toEqual([{ kind: 'peer-moved', spi: carriers.udp.inbound, from: { ...peer, port: 999 } }]);
  });
});
