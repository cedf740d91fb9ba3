/** Sockets that take no more: what waits, and for how long. */
import { describe, expect, it } from 'vitest';
import { bundleOf, type SegmentPlan } from '../../property/dataplane/bundle-model.ts';
import { address } from '../../property/dataplane/engines.ts';
import { UDP } from '../../property/dataplane/packets.ts';
import { esp, numberOf, opened, outwards, Rig } from './rig.ts';

/** To behind the SA by UDP, from one port. */
const flow: SegmentPlan = {
  source: '10.1.0.9',
  destination: '10.2.0.9',
  ports: [7, 53],
  protocol: UDP,
  payload: new Uint8Array(),
};
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

  it('goes on with a bundle of more than a batch, and waits for room without a spin meanwhile', () => {
    const rig = new Rig().withPairs();
    const { kernel } = rig;
    rig.offerBundle(bundleOf({ ...flow, payload: new Uint8Array(20 * 50) }, 50));
    expect(rig.loop.run()).toBe(8);
    rig.loop.wait(1000);
    expect(kernel.waits.at(-1)).toBe(0);
    kernel.udp4.room = 0;
    rig.settle();
    rig.loop.wait(1000);
    expect(kernel.waits.at(-1)).toBe(1000);
    kernel.udp4.room = 100;
    rig.settle();
    expect(opened(kernel.udp4, 'udp')).toEqual(new Array(20).fill(7));
    rig.loop.wait(1000);
    expect(kernel.waits.at(-1)).toBe(1000);
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

  it('gives nothing up while a socket takes something, however slowly', () => {
    const rig = new Rig().withPairs();
    const { kernel } = rig;
    kernel.udp4.room = 0;
    kernel.inner.push(...[1, 2, 3].map((number) => outwards('udp', number)));
    rig.settle();
    for (let seconds = 0; seconds < 2; seconds++) {
      kernel.nowMs += 999;
      kernel.udp4.room = 1;
      rig.settle();
    }
    kernel.nowMs += 999;
    rig.settle();
    expect(opened(kernel.udp4, 'udp')).toEqual([1, 2]);
    expect(rig.counters()['loop socketFull']).toBe(0n);
    kernel.nowMs += 1;
    rig.settle();
    expect(rig.counters()['loop socketFull']).toBe(1n);
  });
});
