import { describe, expect, it } from 'vitest';
import { address, pair, selector } from '../../property/dataplane/engines.ts';
import { carriers, outwards, Rig } from './rig.ts';

const peer4 = { address: address('192.0.2.2'), port: 4500 };

describe('liveness, the loop', () => {
  /** Lets seconds pass, and a packet each second. */
  function pass(rig: Rig, seconds: number, each: () => void): void {
    for (let second = 0; second < seconds; second++) {
      rig.kernel.nowMs += 1000;
      each();
      rig.settle();
    }
  }

  it('says when packets go out and nothing comes, once a minute', () => {
    const rig = new Rig().withPairs();
    pass(rig, 100, () => rig.kernel.inner.push(outwards('udp', 7)));
    expect(rig.ofKind('unanswered')).toEqual([{ kind: 'unanswered', spi: carriers.udp.inbound }]);
  });

  it('answers packets with a dummy where nothing else answers them, and hears dummies as answers', () => {
    const [here, there] = [new Rig().withPairs(), new Rig()];
    there.withSpd();
    there.command({
      kind: 'change',
      change: {
        install: [
          {
            pair: pair(
              carriers.udp.outbound,
              carriers.udp.inbound,
              { selectors: [selector(carriers.udp.network, '10.1.0.0/16')] },
              { entry: 'udp' },
            ),
            use: true,
          },
        ],
      },
    });
    pass(here, 90, () => {
      here.kernel.inner.push(outwards('udp', 7));
      here.settle();
      for (const { bytes } of here.kernel.udp4.sent.splice(0))
        there.kernel.udp4.waiting.push({ bytes, from: peer4 });
      there.kernel.nowMs = here.kernel.nowMs;
      there.settle();
      for (const { bytes } of there.kernel.udp4.sent.splice(0))
        here.kernel.udp4.waiting.push({ bytes, from: peer4 });
    });
    expect(there.kernel.written.length).toBe(90);
    expect(Number(there.counters()['loop dummies'])).toBeGreaterThanOrEqual(8);
    expect(here.kernel.written).toEqual([]);
    expect(here.ofKind('unanswered')).toEqual([]);
  });
});
