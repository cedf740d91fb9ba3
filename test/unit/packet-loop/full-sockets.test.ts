/** Sockets that take no more: what waits, and for how long. */
import { describe, expect, it } from 'vitest';
import { address } from '../../property/dataplane/engines.ts';
import { esp, numberOf, opened, outwards, Rig } from './rig.ts';

const peer4 = { address: address('192.0.2.2'), port: 4500 };

describe('outbound, the loop', () => {
  it('keeps what a full socket does not take, reads no more meanwhile, and loses nothing', () => {
    const rig = new Rig().withPairs();
    const { kernel } = rig;
    kernel.udp4.room = 3;
    kernel.inner.push(...[1, 2, 3, 4, 5].map((number) => outwards('udp', number)), outwards('raw', 9));
    rig.settle();
    kernel.inner.push(...[6, 7].map((number) => outwards('udp', number)));
    // What comes in meanwhile is delivered, and must not touch what waits.
    const arriving = Array.from({ length: 20 }, (_, index) => index + 1);
    kernel.udp4.waiting.push(...arriving.map((number) => ({ bytes: esp('udp', number), from: peer4 })));
    rig.settle();
    expect(kernel.written.map(numberOf)).toEqual(arriving);
    expect(opened(kernel.udp4, 'udp')).toEqual([1, 2, 3]);
    expect(opened(kernel.raw4, 'raw')).toEqual([9]);
    expect(kernel.inner).toHaveLength(2);
    rig.command({ kind: 'send-keepalive', to: peer4 });
    kernel.udp4.room = 1;
    rig.settle();
    expect(opened(kernel.udp4, 'udp')).toEqual([1, 2, 3, 4]);
    kernel.udp4.room = 100;
    rig.settle();
    expect(opened(kernel.udp4, 'udp')).toEqual([1, 2, 3, 4, 5, 6, 7]);
    // The keepalive: whoever sends such a thing sends it again.
    expect(rig.counters()['loop socketFull']).toBe(1n);
  });

  it('waits for room without a spin, though a bundle is not through yet', () => {
    const rig = new Rig().withPairs();
    rig.kernel.udp4.room = 0;
    rig.kernel.inner.push(outwards('udp', 1));
    rig.settle();
    rig.loop.wait(1000);
    expect(rig.kernel.waits.at(-1)).toBeGreaterThan(500);
  });

  it('gives up one packet a second that a socket never takes, and counts it', () => {
    const rig = new Rig().withPairs();
    const { kernel } = rig;
    kernel.udp4.room = 0;
    kernel.inner.push(...[1, 2, 3].map((number) => outwards('udp', number)));
    rig.settle();
    kernel.nowMs += 999;
    rig.settle();
    expect(rig.counters()['loop socketFull']).toBe(0n);
    kernel.nowMs += 1;
    rig.settle();
    expect(rig.counters()['loop socketFull']).toBe(1n);
    kernel.udp4.room = 100;
    rig.settle();
    expect(opened(kernel.udp4, 'udp')).toEqual([2, 3]);
  });
});
