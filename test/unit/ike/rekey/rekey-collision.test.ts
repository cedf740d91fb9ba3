/** Both ends act at once: the answers of RFC 7296 section 2.25, and what is left in the end. */
import { describe, expect, it } from 'vitest';
import { lingerMs } from '../../../../host/ike/rekey/ike-sa-succession.ts';
import { isRedundant } from '../../../../host/ike/rekey/rekey-collision.ts';
import { exchangeTypes, notifyTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { encodeNonce } from '../../../../host/ike/wire/key-exchange.ts';
import { encodeDeleteEsp, encodeEspNotify, encodeNotify } from '../../../../host/ike/wire/notify.ts';
import type { PayloadValue } from '../../../../host/ike/wire/payload-chain.ts';
import { Ends, expectOneOfEach } from '../ends/ends.ts';
import { actionsOf, inner, outcomes, Pair } from '../ends/pair.ts';
import { headerOf, payload, StrangeResponder, whole } from '../ends/stranger.ts';

describe('the lowest of four nonces', () => {
  const octets = (...values: number[]) => Uint8Array.from(values);
  const nonces = (initiatorNonce: Uint8Array, responderNonce: Uint8Array) => ({
    initiatorNonce,
    responderNonce,
  });

  it('makes its exchange the redundant one, whichever of the two it is in', () => {
    const low = nonces(octets(9, 9), octets(1, 2));
    const high = nonces(octets(1, 3), octets(1, 4));
    expect(isRedundant(low, high)).toBe(true);
    expect(isRedundant(high, low)).toBe(false);
  });

  it('is found octet by octet, not as a number, and a shorter one is lower', () => {
    expect(isRedundant(nonces(octets(1, 2, 3), octets(9)), nonces(octets(2), octets(9)))).toBe(true);
    expect(isRedundant(nonces(octets(1, 2), octets(9)), nonces(octets(1, 2, 0), octets(9)))).toBe(true);
    expect(isRedundant(nonces(octets(0x80), octets(0x90)), nonces(octets(0x7f), octets(0x90)))).toBe(false);
  });
});

/** Seeds, so that either end has the lowest nonce in some. */
const seeds = Array.from({ length: 8 }, (_, index) => `collision ${index}`);

describe('both ends rekey the CHILD SA at once', () => {
  it.each(seeds)('and keep one, each having seen the other (%s)', (seed) => {
    const both = new Ends(seed);
    both.rekey('router', 'rekey-child');
    both.rekey('server', 'rekey-child');
    expect(both.underWay).toBe('><');
    both.toServer();
    both.talk();
    both.toRouter();
    both.talk();
    expect([both.router.installed.size, both.server.installed.size]).toEqual([2, 2]);
    both.toRouter();
    both.talk();
    both.toServer();
    both.talk();
    expect([both.router.installed.size, both.server.installed.size]).toEqual([3, 3]);
    both.settle();
    expect(both.pair.sent.filter(({ bytes }) => headerOf(bytes).exchangeType === 36).length).toBe(4);
    expectOneOfEach(both);
    const refused = [...both.pair.initiatorActions, ...both.pair.responderActions];
    expect(actionsOf(refused, 'refused')).toEqual([]);
  });

  it('and each end wins in some', () => {
    const winners = seeds.map((seed) => {
      const both = new Ends(seed);
      both.rekey('router', 'rekey-child');
      both.rekey('server', 'rekey-child');
      both.settle();
      // The winner's own has `use`.
      return actionsOf(both.pair.initiatorActions, 'child-installed').some(({ use }) => use);
    });
    expect(new Set(winners).size).toBe(2);
  });

  it('and only one notices: the other has finished when it hears of it', () => {
    const both = new Ends();
    both.rekey('router', 'rekey-child');
    both.rekey('server', 'rekey-child');
    // The router answers, and the server ends its rekeying before the router's request arrives.
    both.toRouter();
    const request = both.underWay;
    expect(request).toBe('>>');
    // The answer overtakes the request.
    const late = both.take(true);
    both.toServer();
    both.pair.injectToServer(late);
    expect(outcomes(both.pair.responderActions)).toContain('refused temporary-failure');
    both.talk();
    expectOneOfEach(both);
    expect(actionsOf(both.pair.initiatorActions, 'rekey-failed')).toEqual([]);
  });
});

describe('both ends rekey the IKE SA at once', () => {
  it.each(seeds)('and keep one, each having seen the other (%s)', (seed) => {
    const both = new Ends(seed);
    both.rekey('router', 'rekey-ike-sa');
    both.rekey('server', 'rekey-ike-sa');
    both.toServer();
    both.toRouter();
    both.toRouter();
    both.toServer();
    both.talk();
    expectOneOfEach(both);
    expect(actionsOf(both.pair.initiatorActions, 'ike-sa-rekeyed').length).toBe(1);
    expect(actionsOf(both.pair.responderActions, 'ike-sa-rekeyed').length).toBe(1);
  });

  it.each(seeds)('and the answer to one is lost (%s)', (seed) => {
    const both = new Ends(seed);
    both.rekey('router', 'rekey-ike-sa');
    both.rekey('server', 'rekey-ike-sa');
    both.toServer();
    both.toRouter();
    both.lose(false);
    both.settle();
    both.pass(4001);
    expectOneOfEach(both);
  });

  it('and only one notices: the other has finished when it hears of it', () => {
    const both = new Ends();
    both.rekey('router', 'rekey-ike-sa');
    both.rekey('server', 'rekey-ike-sa');
    both.toRouter();
    const late = both.take(true);
    both.toServer();
    both.pair.injectToServer(late);
    expect(outcomes(both.pair.responderActions)).toContain('refused temporary-failure');
    expectOneOfEach(both);
    expect(actionsOf(both.pair.initiatorActions, 'rekey-failed')).toEqual([]);
  });

  it('and only one notices, by the delete of the old one', () => {
    const both = new Ends();
    both.rekey('router', 'rekey-ike-sa');
    both.lose(true);
    both.rekey('server', 'rekey-ike-sa');
    both.settle();
    expectOneOfEach(both);
    expect(actionsOf(both.pair.initiatorActions, 'closed')).toEqual([]);
  });
});

describe('one end rekeys the CHILD SA while the other rekeys the IKE SA', () => {
  it.each([
    ['router', 'server'],
    ['server', 'router'],
  ] as const)(
    '(%s the CHILD SA, %s the IKE SA): both are refused for now, and tried again',
    (child, ikeSa) => {
      const both = new Ends();
      both.rekey(child, 'rekey-child');
      both.rekey(ikeSa, 'rekey-ike-sa');
      both.settle();
      const refused = (actions: Pair['initiatorActions']): string[] =>
        actionsOf(actions, 'refused').map(({ reason }) => reason);
      expect(refused(both.pair.initiatorActions)).toEqual(['temporary-failure']);
      expect(refused(both.pair.responderActions)).toEqual(['temporary-failure']);
      expect(both.underWay).toBe('');
      for (let step = 0; step < 1000; step++) {
        both.pass(10);
        both.settle();
      }
      expect(both.router.outboundKeys.length).toBe(2);
      expect(actionsOf(both.pair.initiatorActions, 'ike-sa-rekeyed').length).toBe(1);
      expectOneOfEach(both);
    },
  );
});

describe('one end closes while the other rekeys', () => {
  it.each([
    ['router', 'rekey-child'],
    ['server', 'rekey-child'],
    ['router', 'rekey-ike-sa'],
    ['server', 'rekey-ike-sa'],
  ] as const)('(%s, %s): the rekeying is forgotten, and both ends are closed', (rekeyer, what) => {
    for (const order of ['close first', 'rekey first'] as const) {
      const both = new Ends();
      const closer = rekeyer === 'router' ? 'server' : 'router';
      both.rekey(rekeyer, what);
      both.close(closer);
      if (order === 'close first') rekeyer === 'router' ? both.toRouter() : both.toServer();
      both.settle();
      both.pass(lingerMs);
      both.settle();
      both.pass(200_000);
      expect(actionsOf(both.pair.initiatorActions, 'closed').length).toBe(1);
      expect(actionsOf(both.pair.responderActions, 'closed').length).toBe(1);
      expect(both.pair.responders.size).toBe(0);
      expect(both.pair.initiator.isOver).toBe(true);
    }
  });
});

describe('a peer that stays busy', () => {
  it('is given up after three minutes, which the channel is told', () => {
    const patient = { retransmission: { timeoutMs: 4000, base: 1, tries: 100 } };
    const both = new Ends('one', { responder: patient });
    both.rekey('server', 'rekey-ike-sa');
    both.lose(false); // the server waits for an answer all the time
    both.rekey('router', 'rekey-child');
    for (let second = 0; second < 240; second++) {
      both.pass(1000);
      while (both.underWay.includes('>')) both.toServer();
      // Only refusals reach the router, none of the server's requests.
      while (both.underWay.includes('<')) both.answerToRouter();
    }
    expect(outcomes(both.pair.initiatorActions)).toContain('rekey-failed temporary-failure');
  });

  it('is not counted any more once its own rekeying of the CHILD SA took the place of ours', () => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    const stranger = new StrangeResponder(pair.sent[0]!.bytes);
    const { createChildSa, informational, ikeAuth } = exchangeTypes;
    const answerLast = (exchange: number, payloads: PayloadValue[]): void => {
      const request = stranger.receive(pair.sent.at(-1)!.bytes);
      if (request.kind !== 'request') throw new Error(request.kind);
      pair.injectToRouter(whole(stranger.ikeSa.respond(exchange, request.messageId, payloads)));
    };
    const ask = (exchange: number, payloads: PayloadValue[]): void => {
      pair.injectToRouter(whole(stranger.ikeSa.request(exchange, 'liveness', payloads, 0)));
      const answer = pair.sent.at(-1)!.bytes;
      expect(stranger.receive(answer).kind).toBe('response');
    };
    pair.injectToRouter(stranger.response);
    answerLast(ikeAuth, [
      payload.identity('responder'),
      stranger.authentication(),
      payload.saEsp(),
      payload.selectors('initiator'),
      payload.selectors('responder'),
    ]);
    pair.atInitiator({ kind: 'rekey-child' });
    answerLast(createChildSa, [encodeNotify(notifyTypes.temporaryFailure)]);
    ask(createChildSa, [
      encodeEspNotify(notifyTypes.rekeySa, 0xbeef01),
      payload.saEsp(0xbeef02),
      encodeNonce(new Uint8Array(32).fill(1)),
      payload.selectors('initiator', [inner(100)]),
      payload.selectors('responder', [inner(1)]),
    ]);
    expect(actionsOf(pair.initiatorActions, 'child-installed').length).toBe(1);
    ask(informational, [encodeDeleteEsp([0xbeef01])]);
    pair.run(pair.now + 200_000);
    pair.atInitiator({ kind: 'rekey-child' });
    answerLast(createChildSa, [encodeNotify(notifyTypes.temporaryFailure)]);
    expect(actionsOf(pair.initiatorActions, 'rekey-failed')).toEqual([]);
  });

  it('is not counted any more once its own rekeying of the IKE SA took the place of ours', () => {
    const patient = { retransmission: { timeoutMs: 4000, base: 1, tries: 100 } };
    const both = new Ends('one', { responder: patient });
    both.rekey('server', 'rekey-child');
    both.rekey('router', 'rekey-ike-sa');
    both.settle();
    expect(outcomes(both.pair.initiatorActions)).toContain('refused temporary-failure');
    // Both wait; the server, whose wait is the shorter one, goes on with the IKE SA.
    both.rekey('server', 'rekey-ike-sa');
    while (both.underWay === '') both.pass(10);
    expect(both.underWay).toBe('<');
    for (let exchange = 0; exchange < 2; exchange++) {
      both.toRouter();
      both.toServer();
    }
    expect(actionsOf(both.pair.initiatorActions, 'ike-sa-rekeyed').length).toBe(1);
    // Its next request, for the CHILD SA, is under way all the time.
    both.pass(200_000);
    expect(new Set(both.underWay)).toEqual(new Set('<'));
    both.rekey('router', 'rekey-ike-sa');
    both.toServer();
    while (both.underWay.includes('<')) both.answerToRouter();
    expect(actionsOf(both.pair.responderActions, 'refused').at(-1)!.reason).toBe('temporary-failure');
    expect(actionsOf(both.pair.initiatorActions, 'rekey-failed')).toEqual([]);
  });
});
