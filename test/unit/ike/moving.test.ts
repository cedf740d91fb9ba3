/** An IKE SA whose initiator moves, or is moved by a NAT: both ends together (RFC 4555). */
import { describe, expect, it } from 'vitest';
import type { IkeAction } from '../../../host/ike/events.ts';
import { actionsOf, endpoint, outcomes, Pair, type PairOptions, perfectLink } from './pair.ts';

function established(options: PairOptions = {}): Pair {
  const pair = new Pair(options);
  pair.start();
  pair.run();
  for (const actions of [pair.initiatorActions, pair.responderActions]) actions.length = 0;
  pair.sent.length = 0;
  return pair;
}

const without = (actions: readonly IkeAction[], kind: string) =>
  outcomes(actions).filter((one) => one !== kind);

describe('an initiator with another address', () => {
  it('tells the responder, which goes along and finds it there', () => {
    const pair = established();
    expect(pair.initiator.canMove).toBe(true);
    pair.move(endpoint(88));
    pair.run();
    expect(actionsOf(pair.responderActions, 'peer-moved').at(-1)).toMatchObject({ peer: endpoint(88) });
    expect(actionsOf(pair.initiatorActions, 'moved')).toMatchObject([{ nat: { localBehindNat: false } }]);
    // Update and answer, then the cookie and its answer.
    expect(pair.sent.map(({ toServer }) => toServer)).toEqual([true, false, false, true]);
    expect(without(pair.responderActions, 'peer-moved')).toEqual(['alive']);
    pair.checkLiveness();
    pair.run();
    expect(pair.initiator.isEstablished).toBe(true);
  });

  it('waits with it until what is outstanding is answered', () => {
    const pair = established();
    pair.checkLiveness();
    pair.move(endpoint(88));
    expect(pair.sent.length).toBe(1);
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'moved').length).toBe(1);
  });

  it('learns that there is a NAT now, and so does the responder', () => {
    const pair = established();
    pair.nat = endpoint(77, 7777);
    pair.move(endpoint(88));
    pair.run();
    expect(actionsOf(pair.responderActions, 'peer-moved').at(-1)).toMatchObject({
      peer: endpoint(77, 7777),
      nat: { peerBehindNat: true },
    });
    expect(actionsOf(pair.initiatorActions, 'moved')).toMatchObject([{ nat: { localBehindNat: true } }]);
  });

  it('that answers no question at its new place loses the SA', () => {
    const pair = established();
    pair.link = ({ toServer, bytes, now }) => (toServer ? perfectLink({ toServer, bytes, now }) : []);
    pair.move(endpoint(88));
    // The update arrives, and its answer and the question go to a place where nobody is.
    pair.run(pair.now + 1);
    pair.link = () => [];
    pair.run();
    expect(outcomes(pair.responderActions)).toContain('closed no-response');
  });
});

describe('a NAT that gives the initiator another address', () => {
  it('is noticed by the next liveness checks, and the responder is told', () => {
    const pair = established({ nat: endpoint(77, 7777) });
    pair.checkLiveness();
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'moved')).toEqual([]);
    pair.nat = endpoint(77, 7778);
    pair.checkLiveness();
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'moved')).toMatchObject([{ nat: { localBehindNat: true } }]);
    expect(actionsOf(pair.responderActions, 'peer-moved').at(-1)).toMatchObject({ peer: endpoint(77, 7778) });
  });
});
