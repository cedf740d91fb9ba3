/**
 * Whatever arrives instead of the next message of a handshake or of an established SA, nothing changes: every
 * truncation, every single flipped bit, garbage, and messages of other moments. What is not protected (IKE_SA_INIT) can
 * be altered without notice of the receiver; then the handshake may fail, but no CHILD SA may come of it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IkeAction } from '../../../host/ike/events.ts';
import { splitPayloads } from '../../../host/ike/wire/payload-chain.ts';
import { PayloadSet } from '../../../host/ike/wire/payload-set.ts';
import { parseSecurityAssociation } from '../../../host/ike/wire/security-association.ts';
import { parseTrafficSelectors } from '../../../host/ike/wire/traffic-selector.ts';
import { actionsOf, outcomes, Pair } from '../../unit/ike/ends/pair.ts';
import { headerOf } from '../../unit/ike/ends/stranger.ts';

/** The pair just before message `index` arrives: 0, 1 IKE_SA_INIT; 2, 3 IKE_AUTH; 4, 5 INFORMATIONAL. */
function pairBefore(index: number): {
  pair: Pair;
  next: Uint8Array;
  inject: (bytes: Uint8Array) => IkeAction[];
} {
  const pair = new Pair({ link: () => [] });
  const inject = (at: number, bytes: Uint8Array): IkeAction[] =>
    at % 2 === 0 ? pair.injectToServer(bytes) : pair.injectToRouter(bytes);
  pair.start();
  for (let at = 0; at < index; at++) {
    if (at === 4) pair.checkLiveness();
    inject(at, pair.sent[at]!.bytes);
  }
  if (index === 4) pair.checkLiveness();
  return { pair, next: pair.sent[index]!.bytes, inject: (bytes) => inject(index, bytes) };
}

/** Brings the handshake to its end by hand, from just before message `index`. */
function finish(pair: Pair, index: number): void {
  for (let at = index; at < 4; at++) {
    const message = pair.sent[at];
    if (message === undefined) return;
    const { bytes, toServer } = message;
    if (toServer) pair.injectToServer(bytes);
    else pair.injectToRouter(bytes);
  }
}

const established = (pair: Pair): number =>
  actionsOf(pair.initiatorActions, 'established').length +
  actionsOf(pair.responderActions, 'established').length;

const all = [0, 1, 2, 3, 4, 5];

describe('every truncation', () => {
  it.each(all)('of message %i is refused, counted, and leaves the way open for the whole one', (index) => {
    const { pair, next, inject } = pairBefore(index);
    const sent = pair.sent.length;
    for (let length = 0; length < next.length; length++) {
      const actions = inject(next.subarray(0, length));
      expect(outcomes(actions)).toEqual(['refused malformed']);
    }
    expect(pair.sent.length).toBe(sent);
    inject(next);
    expect(pair.sent.length).toBe(index === 3 || index === 5 ? sent : sent + 1);
  });

  it.each(all)('of message %i whose length field was adapted is refused too', (index) => {
    const { pair, next, inject } = pairBefore(index);
    const sent = pair.sent.length;
    for (let length = 28; length < next.length; length++) {
      const cut = next.slice(0, length);
      new DataView(cut.buffer).setUint32(24, length);
      const actions = inject(cut);
      expect(outcomes(actions)).toEqual([expect.stringMatching(/^refused (malformed|not-authentic)$/)]);
    }
    expect(pair.sent.length).toBe(sent);
    if (index < 4) {
      finish(pair, index);
      expect(established(pair)).toBe(2);
    }
  });
});

describe('every flipped bit', () => {
  it.each([2, 3, 4, 5])(
    'of protected message %i is refused, and the true message is still taken',
    (index) => {
      const { pair, next, inject } = pairBefore(index);
      const sent = pair.sent.length;
      for (let bit = 0; bit < next.length * 8; bit++) {
        const flipped = next.slice();
        flipped[bit >>> 3]! ^= 0x80 >>> (bit & 7);
        const actions = inject(flipped).filter((action) => action.kind !== 'send');
        // An SPI that is not known may be answered with a hint; nothing else is ever sent.
        expect(outcomes(actions)).toEqual([
          expect.stringMatching(
            /^refused (malformed|not-authentic|unknown-spi|message-id|unexpected|major-version)$/,
          ),
        ]);
      }
      const answers = pair.sent.slice(sent).filter((one) => one.bytes.length > 36);
      expect(answers).toEqual([]);
      inject(next);
      if (index === 2) pair.injectToRouter(pair.sent.at(-1)!.bytes);
      if (index <= 3) expect(established(pair)).toBe(2);
      if (index === 5) expect(outcomes(pair.initiatorActions).at(-1)).toBe('alive');
    },
  );

  // RFC 7296 section 2.15: both messages are signed whole, so that a CHILD SA proves them untouched.
  it('of the IKE_SA_INIT request brings a CHILD SA to neither end', () => {
    const { next } = pairBefore(0);
    for (let bit = 0; bit < next.length * 8; bit++) {
      const { pair, inject } = pairBefore(0);
      const flipped = next.slice();
      flipped[bit >>> 3]! ^= 0x80 >>> (bit & 7);
      inject(flipped);
      finish(pair, 1);
      expect(established(pair)).toBe(0);
    }
  });

  it('of the IKE_SA_INIT response brings none to the initiator, and none that lasts to the responder', () => {
    const { next } = pairBefore(1);
    let rejected = 0;
    for (let bit = 0; bit < next.length * 8; bit++) {
      const { pair, inject } = pairBefore(1);
      const flipped = next.slice();
      flipped[bit >>> 3]! ^= 0x80 >>> (bit & 7);
      inject(flipped);
      finish(pair, 2);
      // The initiator finds out by the responder's AUTH, and says so.
      const message = pair.sent[4];
      if (message !== undefined) pair.injectToServer(message.bytes);
      expect(outcomes(pair.initiatorActions)).not.toContain('established');
      const atResponder = outcomes(pair.responderActions);
      if (!atResponder.includes('established')) continue;
      expect(atResponder.at(-1)).toBe('closed authentication-failed');
      rejected += 1;
    }
    expect(rejected).toBeGreaterThan(100);
  });
});

describe('messages of another moment', () => {
  it.each(all)('change nothing where message %i is due', (index) => {
    const { pair, next, inject } = pairBefore(index);
    const others = pairBefore(5).pair.sent.map((one) => one.bytes);
    const sent = pair.sent.length;
    for (const [at, bytes] of [...others.entries(), ...others.entries()]) if (at !== index) inject(bytes);
    expect(outcomes(pair.initiatorActions).filter((outcome) => /closed|failed/.test(outcome))).toEqual([]);
    expect(outcomes(pair.responderActions).filter((outcome) => /closed|failed/.test(outcome))).toEqual([]);
    const repeated = pair.sent.length - sent;
    inject(next);
    expect(pair.sent.length - sent - repeated).toBe(index === 3 || index === 5 ? 0 : 1);
  });
});

describe('garbage', () => {
  it('of any form is refused by both ends in any state', () => {
    const states = all.map(pairBefore);
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        fc.uint8Array({ maxLength: 200 }),
        fc.boolean(),
        (state, bytes, aligned) => {
          const octets = Uint8Array.from(bytes);
          // Half of the time it carries a true header, so that it gets further in.
          if (aligned) {
            octets.set(state.next.subarray(0, Math.min(28, octets.length)));
            if (octets.length >= 28) new DataView(octets.buffer).setUint32(24, octets.length);
          }
          for (const actions of [state.pair.injectToServer(octets), state.pair.injectToRouter(octets)]) {
            expect(actions.every((action) => action.kind === 'refused' || action.kind === 'send')).toBe(true);
          }
        },
      ),
      { numRuns: 2000, seed: 7 },
    );
    for (const [index, { pair }] of states.entries()) if (index < 3) expect(established(pair)).toBe(0);
  });

  it('is never more than refused by the parsers, which read nothing behind the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(255), (bytes, type) => {
        // The octets lie in the middle of others: a parser that reads on would read 0xff.
        const field = new Uint8Array(bytes.length + 64).fill(0xff);
        field.set(bytes, 32);
        const octets = field.subarray(32, 32 + bytes.length);
        const chain = splitPayloads(type, octets);
        if (chain.ok) {
          const total = chain.value.payloads.reduce((sum, payload) => sum + 4 + payload.body.length, 0);
          if (chain.value.encrypted === undefined) expect(total).toBe(octets.length);
          PayloadSet.of(chain.value.payloads);
        }
        parseSecurityAssociation(octets);
        parseTrafficSelectors(octets);
      }),
      { numRuns: 3000, seed: 8 },
    );
  });

  it('in place of one payload under true headers is refused or understood, without a throw', () => {
    const { next } = pairBefore(0);
    const chain = splitPayloads(headerOf(next).nextPayload, next, 28);
    if (!chain.ok) throw new Error(chain.message);
    const spots = chain.value.payloads.map((payload) => payload.body.byteOffset - next.byteOffset);
    fc.assert(
      fc.property(fc.constantFrom(...spots), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, bytes) => {
        const pair = new Pair({ link: () => [] });
        const changed = next.slice();
        changed.set(bytes.subarray(0, changed.length - at), at);
        pair.injectToServer(changed);
        expect(pair.responders.size).toBeLessThanOrEqual(1);
      }),
      { numRuns: 1000, seed: 9 },
    );
  });
});
