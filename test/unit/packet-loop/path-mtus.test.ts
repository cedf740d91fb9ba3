/** Paths that turn out shorter than the interface they begin at: who learns of it, and when it is forgotten. */
import { describe, expect, it } from 'vitest';
import { opened, outwards, Rig } from './rig.ts';

/** With DF, as hosts that look for the path MTU send. */
function insisting(number: number, octets: number): Uint8Array {
  const packet = outwards('udp', number, octets);
  packet[6] = 0x40;
  const view = new DataView(packet.buffer, packet.byteOffset);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return packet;
}

/** The MTU in an ICMP error that the loop wrote. */
const toldMtu = (packet: Uint8Array | undefined) => Buffer.from(packet ?? []).readUInt16BE(26);

describe('a path that takes less', () => {
  const shortened = (): Rig => {
    const rig = new Rig().withPairs();
    rig.kernel.udp4.longest = 1000;
    rig.kernel.pathMtuOctets = 1028;
    rig.kernel.inner.push(insisting(1, 1100));
    rig.settle();
    return rig;
  };

  it('costs a packet, and then hosts are told what fits, which does', () => {
    const rig = shortened();
    expect(rig.kernel.udp4.sent).toEqual([]);
    expect(rig.counters()['loop pathShorter']).toBe(1n);
    rig.kernel.inner.push(insisting(2, 1100));
    rig.settle();
    const mtu = toldMtu(rig.kernel.written[0]);
    expect(mtu).toBeGreaterThan(900);
    rig.kernel.inner.push(insisting(3, mtu - 28), outwards('udp', 4, 1100));
    rig.settle();
    // What may be fragmented goes as it is.
    expect(opened(rig.kernel.udp4, 'udp')).toEqual([3, 4]);
    expect(rig.counters()['loop pathShorter']).toBe(1n);
  });

  it('counts for pairs that come later', () => {
    const rig = shortened();
    rig.command({ kind: 'change', change: { remove: [0x1000] } });
    rig.install('udp');
    rig.kernel.inner.push(insisting(2, 1100));
    rig.settle();
    expect(toldMtu(rig.kernel.written[0])).toBeGreaterThan(900);
  });

  it('is asked about once a minute, and forgotten when the kernel has forgotten it', () => {
    const rig = shortened();
    rig.kernel.udp4.longest = Number.POSITIVE_INFINITY;
    rig.kernel.pathMtuOctets = 1500;
    rig.kernel.nowMs += 59_999;
    rig.settle();
    rig.kernel.inner.push(insisting(2, 1100));
    rig.settle();
    expect(rig.kernel.udp4.sent).toEqual([]);
    rig.kernel.nowMs += 1;
    rig.settle();
    rig.kernel.inner.push(insisting(3, 1100));
    rig.settle();
    expect(opened(rig.kernel.udp4, 'udp')).toEqual([3]);
  });

  it('is asked about once for a burst, and left as it was where there is no way', () => {
    const rig = new Rig().withPairs();
    const { kernel } = rig;
    let questions = 0;
    kernel.pathMtu = () => {
      questions++;
      return undefined;
    };
    kernel.udp4.longest = 1000;
    for (const number of [1, 2, 3]) {
      kernel.inner.push(insisting(number, 1100));
      rig.settle();
      kernel.nowMs += 9;
    }
    expect(rig.counters()['loop pathShorter']).toBe(3n);
    expect(questions).toBe(1);
    kernel.inner.push(insisting(4, 1100));
    rig.settle();
    expect(questions).toBe(2);
    kernel.udp4.longest = Number.POSITIVE_INFINITY;
    kernel.inner.push(insisting(5, 1100));
    rig.settle();
    expect(opened(kernel.udp4, 'udp')).toEqual([5]);
  });
});
