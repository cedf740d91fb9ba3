import { describe, expect, it } from 'vitest';
import { exchangeTypes, notifyTypes, payloadTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { fqdnIdentity } from '../../../host/ike/wire/identification.ts';
import { encodeNotify, type Notify } from '../../../host/ike/wire/notify.ts';
import { encodeMessage, type PayloadValue } from '../../../host/ike/wire/payload-chain.ts';
import { actionsOf, hex, inner, outcomes, Pair } from './ends/pair.ts';
import { headerOf, payload, StrangeResponder, whole } from './ends/stranger.ts';

/** An initiator whose peer is a stranger: everything that the pair itself sends is lost. */
function againstStranger(): { pair: Pair; stranger: StrangeResponder; auth: Uint8Array } {
  const pair = new Pair({ link: () => [] });
  pair.start();
  const stranger = new StrangeResponder(pair.sent[0]!.bytes);
  pair.injectToRouter(stranger.response);
  return { pair, stranger, auth: pair.sent[1]!.bytes };
}

/** What the initiator makes of an answer to IKE_AUTH. */
function answerAuth(payloads: (stranger: StrangeResponder) => PayloadValue[]) {
  const { pair, stranger, auth } = againstStranger();
  expect(stranger.receive(auth).kind).toBe('request');
  pair.injectToRouter(whole(stranger.ikeSa.respond(exchangeTypes.ikeAuth, 1, payloads(stranger))));
  return { pair, stranger, last: pair.sent.at(-1)!.bytes };
}

const good = (stranger: StrangeResponder): PayloadValue[] => [
  payload.identity('responder'),
  stranger.authentication(),
  payload.saEsp(),
  payload.selectors('initiator'),
  payload.selectors('responder'),
];

/** The type of the notification that the initiator sends after it has refused the peer. */
const notificationIn = (stranger: StrangeResponder, bytes: Uint8Array) => notifyIn(stranger, bytes)?.type;

function notifyIn(stranger: StrangeResponder, bytes: Uint8Array): Notify | undefined {
  const received = stranger.receive(bytes);
  if (received.kind !== 'request' || !received.payloads.ok) return undefined;
  expect(received.exchangeType).toBe(exchangeTypes.informational);
  return received.payloads.value.notifies[0];
}

describe('an initiator that hears from a stranger in IKE_AUTH', () => {
  it('accepts what is right', () => {
    const { pair } = answerAuth(good);
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
    expect(actionsOf(pair.initiatorActions, 'established')[0]!.childSa.outboundSpi).toBe(0xbeef01);
  });

  it('ignores unknown payloads that are not critical, and status notifications', () => {
    const extra = [{ type: 200, body: new Uint8Array(3) }, encodeNotify(40_000, new Uint8Array(9))];
    const { pair } = answerAuth((stranger) => [...extra, ...good(stranger)]);
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
  });

  it('refuses a peer that does not prove the key, and tells it', () => {
    const { pair, stranger, last } = answerAuth((one) => [
      payload.identity('responder'),
      one.authentication('another key'),
      ...good(one).slice(2),
    ]);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
    expect(notificationIn(stranger, last)).toBe(notifyTypes.authenticationFailed);
    expect(pair.initiator.isOver).toBe(true);
    expect(pair.initiator.nextDeadline()).toBeUndefined();
  });

  it('refuses a peer that proves the key under another name', () => {
    const other = fqdnIdentity('other.example');
    const { pair, stranger, last } = answerAuth((one) => [
      payload.identity('responder', other),
      one.authentication(undefined, other),
      ...good(one).slice(2),
    ]);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
    expect(notificationIn(stranger, last)).toBe(notifyTypes.authenticationFailed);
  });

  it('refuses another authentication method', () => {
    const { pair } = answerAuth((one) => {
      const [identity, authentication, ...rest] = good(one);
      const body = authentication!.body.slice();
      body[0] = 1;
      return [identity!, { type: payloadTypes.authentication, body }, ...rest];
    });
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
  });

  it('refuses an answer that it cannot read, and tells the peer', () => {
    const { pair, stranger, last } = answerAuth((one) => [
      ...good(one),
      { type: payloadTypes.notify, body: new Uint8Array(2) },
    ]);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed invalid-syntax']);
    expect(notificationIn(stranger, last)).toBe(notifyTypes.invalidSyntax);
  });

  it('refuses an unknown critical payload, and tells the peer its type (RFC 7296 section 2.5)', () => {
    const { pair, stranger, last } = answerAuth((one) => [
      ...good(one),
      { type: 200, body: new Uint8Array(2), critical: true },
    ]);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed unsupported-critical-payload']);
    expect(notifyIn(stranger, last)).toMatchObject({
      type: notifyTypes.unsupportedCriticalPayload,
      data: Uint8Array.of(200),
    });
  });

  it('refuses traffic selectors beyond those offered, and deletes the IKE SA', () => {
    const { pair, stranger, last } = answerAuth((one) => [
      ...good(one).slice(0, 4),
      payload.selectors('responder', [inner(101)]),
    ]);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed ts-unacceptable']);
    const received = stranger.receive(last);
    expect(received.kind === 'request' && received.payloads.ok).toBe(true);
    if (received.kind !== 'request' || !received.payloads.ok) return;
    expect(received.payloads.value.bodies(payloadTypes.delete).map(hex)).toEqual(['01000000']);
    pair.injectToRouter(whole(stranger.ikeSa.respond(received.exchangeType, received.messageId, [])));
    expect(pair.initiator.isOver).toBe(true);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed ts-unacceptable']);
  });

  it('refuses transport mode, which it did not ask for', () => {
    const { pair } = answerAuth((one) => [...good(one), encodeNotify(notifyTypes.useTransportMode)]);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed no-proposal-chosen']);
  });

  it('refuses a reserved SPI', () => {
    const { pair } = answerAuth((one) => [
      ...good(one).slice(0, 2),
      payload.saEsp(255),
      ...good(one).slice(3),
    ]);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed no-proposal-chosen']);
  });

  it('names the number of a refusal that it does not know', () => {
    const { pair } = answerAuth(() => [encodeNotify(8191)]);
    const [failed] = actionsOf(pair.initiatorActions, 'failed');
    expect(failed).toMatchObject({ reason: 'refused-by-peer', message: expect.stringContaining('8191') });
  });

  it('does not open a request of a peer that is not authenticated yet', () => {
    const { pair, stranger, auth } = againstStranger();
    const early = whole(stranger.ikeSa.request(exchangeTypes.informational, 'liveness', [], 0));
    pair.injectToRouter(early);
    expect(outcomes(pair.initiatorActions)).toEqual(['refused unexpected']);
    stranger.receive(auth);
    pair.injectToRouter(whole(stranger.ikeSa.respond(exchangeTypes.ikeAuth, 1, good(stranger))));
    pair.injectToRouter(early);
    expect(stranger.receive(pair.sent.at(-1)!.bytes).kind).toBe('response');
  });
});

describe('an initiator that hears an error before anything is authenticated', () => {
  const errorTo = (bytes: Uint8Array, payloads: PayloadValue[]): Uint8Array =>
    encodeMessage(
      {
        initiatorSpi: headerOf(bytes).initiatorSpi,
        responderSpi: 0n,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: false,
        isResponse: true,
        messageId: 0,
      },
      payloads,
    );

  it.each([
    [notifyTypes.noProposalChosen, new Uint8Array(0), 'no-proposal-chosen'],
    [notifyTypes.invalidKePayload, Uint8Array.of(0, 2), 'invalid-ke-payload'],
    [notifyTypes.invalidMajorVersion, Uint8Array.of(2), 'invalid-major-version'],
  ])('believes notification %i only when nothing better comes', (type, data, reason) => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    pair.injectToRouter(errorTo(pair.sent[0]!.bytes, [encodeNotify(type, data)]));
    expect(actionsOf(pair.initiatorActions, 'failed')).toEqual([]);
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'failed')).toMatchObject([{ reason }]);
    expect(pair.now).toBe(2000);
  });

  it('goes on when the true answer follows the forged one', () => {
    const pair = new Pair();
    pair.start();
    pair.injectToRouter(errorTo(pair.sent[0]!.bytes, [encodeNotify(notifyTypes.noProposalChosen)]));
    pair.run();
    expect(outcomes(pair.initiatorActions)).toEqual(['refused no-proposal-chosen', 'established']);
  });

  it('repeats its request behind the cookie that it is asked for, at most three different ones', () => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    const first = pair.sent[0]!.bytes;
    const cookie = (octet: number): PayloadValue =>
      encodeNotify(notifyTypes.cookie, new Uint8Array(8).fill(octet));
    pair.injectToRouter(errorTo(first, [cookie(1)]));
    const second = pair.sent[1]!.bytes;
    // RFC 7296 section 2.6: the cookie goes first, all the rest is unchanged.
    expect(headerOf(second).nextPayload).toBe(payloadTypes.notify);
    expect(hex(second.subarray(28))).toBe(`2100001000004006${'01'.repeat(8)}${hex(first.subarray(28))}`);
    for (const octet of [1, 1, 2, 3, 4, 5]) pair.injectToRouter(errorTo(first, [cookie(octet)]));
    expect(pair.sent.length).toBe(4);
    expect(pair.initiator.counters.unexpected).toBe(4);
  });

  it('takes no cookie of a length that RFC 7296 forbids', () => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    for (const length of [0, 65]) {
      pair.injectToRouter(
        errorTo(pair.sent[0]!.bytes, [encodeNotify(notifyTypes.cookie, new Uint8Array(length))]),
      );
    }
    expect(outcomes(pair.initiatorActions)).toEqual(['refused malformed', 'refused malformed']);
    expect(pair.sent.length).toBe(1);
  });
});

describe('an initiator', () => {
  it('refuses an SPI that is reserved or too large', () => {
    for (const inboundSpi of [0, 255, 2 ** 32, 1.5]) {
      expect(() => new Pair().initiator.handle({ kind: 'start', inboundSpi }, 0)).toThrow(RangeError);
    }
  });

  it('prints no key in what it says', () => {
    const pair = new Pair();
    pair.start();
    pair.run();
    const [established] = actionsOf(pair.initiatorActions, 'established');
    const text = JSON.stringify(established, (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(text).toContain('"encryptionKey":"[secret]"');
    const shown = text + JSON.stringify(pair.responderActions.filter((action) => action.kind !== 'send'));
    expect(shown).not.toContain(hex(established!.childSa.inbound.encryptionKey.reveal()));
    expect(shown).not.toContain('correct horse');
  });
});
