/**
 * The shipped responder under 10,000 IKE_SA_INIT a second, in virtual time: a router still gets in within its
 * retransmissions, and what the flood leaves behind is bounded. RFC 7296 section 2.6.
 */
import { describe, expect, it } from 'vitest';
import { defaultResponderLimits } from '../../../host/ike/responder-set.ts';
import { promptRetransmission } from '../../../host/ike/retransmission.ts';
import { parseUnprotected } from '../../../host/ike/sa-init/sa-init.ts';
import { exchangeTypes, notifyTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from '../../../host/ike/wire/key-exchange.ts';
import { encodeNotify } from '../../../host/ike/wire/notify.ts';
import { encodeMessage } from '../../../host/ike/wire/payload-chain.ts';
import { addressOf, type Endpoint } from '../../../host/model/address.ts';
import { actionsOf, outcomes, Pair, seededFraction } from '../../unit/ike/ends/pair.ts';
import { headerOf, payload } from '../../unit/ike/ends/stranger.ts';

const perSecond = 10_000;
const stepMs = 5;

/** IKE_SA_INIT number `count`: SPI and nonce that no other has, behind a cookie if there is one. */
function initRequest(count: number, cookie?: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(32);
  new DataView(nonce.buffer).setUint32(0, count);
  return encodeMessage(
    {
      initiatorSpi: 0xf100_d000_0000_0000n + BigInt(count),
      responderSpi: 0n,
      exchangeType: exchangeTypes.ikeSaInit,
      fromInitiator: true,
      isResponse: false,
      messageId: 0,
    },
    [
      ...(cookie === undefined ? [] : [encodeNotify(notifyTypes.cookie, cookie)]),
      payload.saInit(),
      encodeKeyExchange({ method: 31, data: new Uint8Array(32).fill(9) }),
      encodeNonce(nonce),
    ],
  );
}

const source = (count: number): Endpoint => ({
  address: addressOf(Uint8Array.of(198, 18 + ((count >>> 16) & 1), count >>> 8, count)),
  port: 500,
});

/** A server whose half-open SAs end after 1 s unless told otherwise, so that a few seconds of flood show every state. */
class Flooded {
  readonly pair: Pair;
  most = 0;
  #count = 0;
  readonly #answersCookies: boolean;
  readonly #sources: number;

  constructor(
    options: { loss?: number; halfOpenTimeoutMs?: number; answersCookies?: boolean; sources?: number } = {},
  ) {
    const fraction = seededFraction('flood');
    this.#answersCookies = options.answersCookies ?? false;
    this.#sources = options.sources ?? 2 ** 17;
    this.pair = new Pair({
      link: () => (fraction() < (options.loss ?? 0) ? [] : [10]),
      initiator: { retransmission: promptRetransmission },
      responder: { halfOpenTimeoutMs: options.halfOpenTimeoutMs ?? 1000 },
    });
  }

  /** The flood goes on for so long; whatever else the pair does goes on too. */
  run(milliseconds: number): void {
    const { pair } = this;
    const { link } = pair;
    const end = pair.now + milliseconds;
    while (pair.now < end) {
      pair.link = () => []; // what the server answers to strangers is not for our router
      for (let index = 0; index < (perSecond * stepMs) / 1000; index++) this.#strike();
      pair.link = link;
      pair.run(pair.now + stepMs);
      this.most = Math.max(this.most, pair.responders.size);
      // The pair keeps what was said for tests that are shorter.
      pair.responderActions.length = 0;
      pair.sent.length = 0;
    }
  }

  #strike(): void {
    const count = this.#count++;
    const from = source(count % this.#sources);
    const [answer] = actionsOf(this.pair.injectToServer(initRequest(count), from), 'send');
    if (!this.#answersCookies || answer === undefined) return;
    const payloads = parseUnprotected(headerOf(answer.bytes), answer.bytes);
    const cookie = payloads.ok ? payloads.value.notify(notifyTypes.cookie) : undefined;
    if (cookie !== undefined) this.pair.injectToServer(initRequest(count, cookie.data), from);
  }
}

const known = (pair: Pair): string[] =>
  outcomes(pair.initiatorActions).filter((outcome) => !outcome.startsWith('refused'));

describe('10,000 IKE_SA_INIT a second from spoofed sources', () => {
  it('leave no more behind than the cookie threshold, and do not keep a router out', () => {
    const flood = new Flooded();
    flood.run(2500);
    flood.pair.start();
    flood.run(200);
    expect(known(flood.pair)).toEqual(['established']);
    expect(flood.most).toBeLessThanOrEqual(defaultResponderLimits.cookieThreshold + 1);
    expect(flood.pair.responders.counters['cookie-demanded']).toBeGreaterThan(25_000);
  });

  it('do not keep it out either when every sixth message is lost', () => {
    const flood = new Flooded({ loss: 0.17, halfOpenTimeoutMs: 10_000 });
    flood.run(100);
    flood.pair.start();
    while (known(flood.pair).length === 0) flood.run(100);
    expect(known(flood.pair)).toEqual(['established']);
    expect(flood.most).toBeLessThanOrEqual(defaultResponderLimits.cookieThreshold + 1);
  });

  it('are forgotten when they end', () => {
    const flood = new Flooded();
    flood.run(100);
    flood.pair.run(flood.pair.now + 1000);
    expect([flood.pair.responders.size, flood.pair.responders.halfOpenCount]).toEqual([0, 0]);
    expect(flood.pair.responders.nextDeadline()).toBeUndefined();
  });
});

describe('10,000 IKE_SA_INIT a second from addresses that answer cookies', () => {
  it('get a share for each address, which leaves room for a router', () => {
    const flood = new Flooded({ answersCookies: true, sources: 10 });
    flood.run(500);
    flood.pair.start();
    flood.run(200);
    expect(known(flood.pair)).toEqual(['established']);
    const { cookieThreshold, halfOpenPerAddress } = defaultResponderLimits;
    expect(flood.most).toBeLessThanOrEqual(cookieThreshold + 10 * halfOpenPerAddress + 1);
    expect(flood.pair.responders.counters['half-open-limit']).toBeGreaterThan(1000);
  });

  it('from a thousand addresses push each other out, and not the router, which is quicker', () => {
    const flood = new Flooded({ answersCookies: true, sources: 1000 });
    flood.run(500);
    flood.pair.start();
    flood.run(200);
    expect(known(flood.pair)).toEqual(['established']);
    expect(flood.most).toBe(defaultResponderLimits.halfOpenLimit + 1);
  });
});
