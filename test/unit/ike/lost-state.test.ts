import { describe, expect, it } from 'vitest';
import { encodeLostState, isLostState } from '../../../host/ike/lost-state.ts';
import { outcomes, Pair } from './ends/pair.ts';

describe('the notice that all state is lost', () => {
  it('is known as such, and no message of an exchange is', () => {
    expect(isLostState(encodeLostState())).toBe(true);
    const pair = new Pair();
    pair.start();
    pair.run();
    pair.checkLiveness();
    pair.run();
    expect(pair.sent.filter((one) => isLostState(one.bytes))).toEqual([]);
    expect(isLostState(new Uint8Array(28))).toBe(false);
  });

  it('changes nothing when it reaches a machine', () => {
    const pair = new Pair();
    pair.start();
    pair.run();
    expect(outcomes(pair.injectToRouter(encodeLostState()))).toEqual(['refused unknown-spi']);
    expect(outcomes(pair.injectToServer(encodeLostState()))).toEqual(['refused unexpected']);
    expect(pair.initiator.isEstablished).toBe(true);
  });
});
