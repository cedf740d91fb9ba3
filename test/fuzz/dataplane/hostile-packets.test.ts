/**
 * A short run of what `npm run fuzz -- packets` runs for as long as one likes: two worlds of 100,000 packets (docs/measuring.md).
 * The seed is fixed, so that a change of the engine and not of chance makes it fail.
 */
import { describe, expect, it } from 'vitest';
import { proposalsOf } from '../../../host/model/proposal.ts';
import { runWorld, WORLD_PACKETS } from '../../../tools/fuzz/packets/run-world.ts';
import { add, distribution, emptyTally } from '../../../tools/fuzz/packets/tally.ts';
import { makeWorld } from '../../../tools/fuzz/packets/world.ts';
import { Random } from '../../../tools/fuzz/random.ts';

const SEED = 4303;

describe('hostile packets', () => {
  it('trap nothing, break no invariant, and meet every reason to be dropped', () => {
    const sum = emptyTally();
    for (let world = 0; world < 2; world++) {
      const { tally, failure } = runWorld(SEED, world, WORLD_PACKETS);
      expect(
        failure,
        `npm run fuzz -- packets --seed ${SEED} --from ${world * WORLD_PACKETS}`,
      ).toBeUndefined();
      add(sum, tally);
    }
    const found = distribution(sum);
    expect(found.neverReached).toEqual([]);
    expect(found.packets).toBeGreaterThanOrEqual(2 * WORLD_PACKETS);
    // Enough of both ends of the scale, or the run proves little.
    for (const verdicts of [found.outbound, found.inbound]) {
      expect(verdicts.drop).toBeGreaterThan(found.packets / 10);
    }
    expect(found.outbound.send).toBeGreaterThan(found.packets / 10);
    expect(found.inbound.deliver).toBeGreaterThan(found.packets / 20);
  });

  it('are the same for the same seed and world, also one at a time, and others for another', () => {
    const first = runWorld(SEED, 7, 3000);
    expect(runWorld(SEED, 7, 3000)).toEqual(first);
    expect(runWorld(SEED, 7, 3000, true)).toEqual(first);
    expect(runWorld(SEED, 8, 3000)).not.toEqual(first);
    expect(runWorld(SEED + 1, 7, 3000)).not.toEqual(first);
  });

  it('use every proposal, and the forms of SAs in each world', () => {
    const { pairs } = makeWorld(new Random(SEED, 0));
    for (const protocol of ['esp', 'ah'] as const) {
      const some = pairs.filter((pair) => pair.protocol === protocol);
      expect(new Set(some.map((pair) => pair.proposal.keyword)), protocol).toEqual(
        new Set(proposalsOf(protocol).map(({ keyword }) => keyword)),
      );
    }
    for (const origin of ['router', 'peer', 'forgery'] as const) {
      const some = pairs.filter((pair) => pair.origin === origin);
      expect(some.length, origin).toBeGreaterThan(0);
      if (origin === 'forgery') continue;
      expect(new Set(some.map((pair) => `${pair.mode} ${pair.esn}`)).size, origin).toBe(4);
      expect(new Set(some.map((pair) => `${pair.udp} ${pair.family}`)).size, origin).toBe(4);
      const windows = new Set(some.map((pair) => pair.replayWindow));
      for (const window of [0, 64, 8192]) expect(windows, origin).toContain(window);
    }
  });

  it('use AH in every form, over some worlds', () => {
    const pairs = [0, 1, 2, 3, 4, 5].flatMap((world) => makeWorld(new Random(SEED, world)).pairs);
    for (const origin of ['router', 'peer'] as const) {
      const some = pairs.filter((pair) => pair.protocol === 'ah' && pair.origin === origin);
      expect(new Set(some.map((pair) => `${pair.mode} ${pair.esn} ${pair.family}`)).size, origin).toBe(8);
      expect(some.every((pair) => !pair.udp && pair.tfcPadding === 0)).toBe(true);
      const windows = new Set(some.map((pair) => pair.replayWindow));
      for (const window of [0, 64, 8192]) expect(windows, origin).toContain(window);
    }
    // With so many numbers lost, the receiver has to look for a later subspace.
    expect(pairs.some((pair) => pair.protocol === 'ah' && pair.lostSubspaces > 0)).toBe(true);
  });
});
