/**
 * The shipped machines over a link that loses, doubles, delays, reorders and damages messages, in virtual time, many
 * seeds. After each run: everything has come to rest within its bounds, nothing was established that the other end does
 * not have, and both ends hold the same keys. The seed that fails is in the message.
 */
import { describe, expect, it } from 'vitest';
import type { ChildSa } from '../../../host/ike/events.ts';
import { promptRetransmission } from '../../../host/ike/retransmission.ts';
import {
  actionsOf,
  endpoint,
  hex,
  type Link,
  outcomes,
  Pair,
  seededFraction,
} from '../../unit/ike/ends/pair.ts';

interface Faults {
  readonly loss: number;
  readonly duplication: number;
  readonly damage: number;
  /** Longest delay: beyond the first retransmission, so that late copies overtake and are overtaken. */
  readonly delayMs: number;
}

function faultyLink(seed: string, faults: Faults): Link {
  const fraction = seededFraction(`link ${seed}`);
  return ({ bytes }) => {
    if (fraction() < faults.loss) return [];
    const delay = (): number => 1 + fraction() * faults.delayMs;
    const copies = fraction() < faults.duplication ? [delay(), delay()] : [delay()];
    // Damaged copies arrive as well as true ones: the link's own checksum let them through.
    if (fraction() < faults.damage)
      bytes[Math.floor(fraction() * bytes.length)]! ^= 1 << Math.floor(fraction() * 8);
    return copies;
  };
}

const keysOf = (childSa: ChildSa): string[] =>
  [childSa.inbound, childSa.outbound].map((one) => hex(one.encryptionKey.reveal()) + hex(one.salt.reveal()));

/** What must hold between the two ends at any time. */
function checkAgreement(pair: Pair): void {
  const atRouter = actionsOf(pair.initiatorActions, 'established');
  const atServer = actionsOf(pair.responderActions, 'established');
  expect(atRouter.length).toBeLessThanOrEqual(1);
  for (const { childSa } of atRouter) {
    const other = atServer.find((one) => one.childSa.inboundSpi === childSa.outboundSpi);
    expect(other?.childSa.outboundSpi).toBe(childSa.inboundSpi);
    expect(keysOf(childSa)).toEqual(keysOf(other!.childSa).reverse());
  }
  const keys = atServer.flatMap((one) => keysOf(one.childSa));
  expect(new Set(keys).size).toBe(keys.length);
  for (const actions of [pair.initiatorActions, pair.responderActions]) {
    const closed = actionsOf(actions, 'closed').map((one) => one.saId);
    const opened = actionsOf(actions, 'established').map((one) => one.saId);
    expect(new Set(closed).size).toBe(closed.length);
    expect(closed.every((saId) => opened.includes(saId))).toBe(true);
  }
}

interface Tally {
  established: number;
  failed: number;
}

/** One life: handshake, liveness and moves now and then, an end by one side or both; then everything is cleared away. */
function live(seed: string, faults: Faults, tally: Tally): void {
  const fraction = seededFraction(`events ${seed}`);
  const pair = new Pair({
    seed,
    link: faultyLink(seed, faults),
    initiator: { retransmission: promptRetransmission },
    responder: { retransmission: promptRetransmission },
    limits: { cookieThreshold: fraction() < 0.3 ? 0 : 256 },
  });
  pair.start();
  pair.run(pair.now + 25_000);
  checkAgreement(pair);
  const isUp = actionsOf(pair.initiatorActions, 'established').length === 1;
  tally[isUp ? 'established' : 'failed'] += 1;
  const saIds = (): string[] => actionsOf(pair.responderActions, 'established').map((one) => one.saId);
  for (let step = 0; step < 6; step++) {
    const choice = fraction();
    if (choice < 0.4) pair.checkLiveness();
    else if (choice < 0.6) for (const saId of saIds()) pair.atResponder({ kind: 'check-liveness', saId });
    else if (choice < 0.75) pair.nat = endpoint(50, 1024 + step);
    else if (choice < 0.8) pair.close();
    else if (choice < 0.85) for (const saId of saIds()) pair.atResponder({ kind: 'close', saId });
    pair.run(pair.now + fraction() * 5000);
    checkAgreement(pair);
  }
  // The responder finds out about an initiator that is gone; the initiator closes if it still can.
  pair.close();
  pair.run();
  for (const saId of saIds()) pair.atResponder({ kind: 'check-liveness', saId });
  if (!pair.initiator.isOver) pair.run();
  pair.run();
  checkAgreement(pair);
  const gone = (actions: Pair['initiatorActions']): number =>
    actionsOf(actions, 'established').length - actionsOf(actions, 'closed').length;
  expect([gone(pair.initiatorActions), gone(pair.responderActions)]).toEqual([0, 0]);
  expect([pair.responders.size, pair.responders.halfOpenCount]).toEqual([0, 0]);
  expect(pair.responders.nextDeadline()).toBeUndefined();
  expect(pair.initiator.nextDeadline()).toBeUndefined();
  expect(pair.initiator.isOver).toBe(true);
}

function liveMany(name: string, seeds: number, faults: Faults): Tally {
  const tally: Tally = { established: 0, failed: 0 };
  for (let seed = 0; seed < seeds; seed++) {
    try {
      live(`${name} ${seed}`, faults, tally);
    } catch (error) {
      throw new Error(`seed "${name} ${seed}": ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
  return tally;
}

describe('a pair over a bad link', () => {
  it('comes up with 20 % loss, doubles and reordering, and both ends agree at every step', () => {
    const tally = liveMany('lossy', 400, { loss: 0.2, duplication: 0.2, damage: 0, delayMs: 900 });
    // Six tries of two messages each: (1 - 0.64)^6 is 0.2 % an exchange.
    expect(tally.established).toBeGreaterThan(390);
  });

  it('never disagrees with 50 % loss', () => {
    const tally = liveMany('worse', 150, { loss: 0.5, duplication: 0.1, damage: 0, delayMs: 300 });
    expect(tally.established).toBeGreaterThan(30);
    expect(tally.failed).toBeGreaterThan(0);
  });

  it('never disagrees when messages are damaged', () => {
    const tally = liveMany('damaged', 200, { loss: 0.05, duplication: 0.1, damage: 0.1, delayMs: 300 });
    expect(tally.established).toBeGreaterThan(100);
  });

  it('needs no retransmission where nothing is lost', () => {
    const pair = new Pair({ link: faultyLink('clean', { loss: 0, duplication: 0, damage: 0, delayMs: 50 }) });
    pair.start();
    pair.run();
    expect(pair.sent.length).toBe(4);
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
  });
});
