/** A short run of what `npm run fuzz -- ike` runs for long. */
import { expect, it } from 'vitest';
import { runWorld } from '../../../tools/fuzz/ike/world.ts';

it('routers and a server over a network that is an attacker’s keep every invariant', () => {
  let established = 0;
  for (let world = 0; world < 8; world++) {
    const { tally, failure } = runWorld(1, world, 5000);
    expect(failure).toBe(undefined);
    expect(tally.altered).toBeGreaterThan(2000);
    established += tally.actions.established ?? 0;
  }
  expect(established).toBeGreaterThan(80);
});
