import { describe, expect, it } from 'vitest';
import { Initiator } from '../../../host/ike/initiator.ts';
import { parseUnprotected } from '../../../host/ike/sa-init/sa-init.ts';
import {
  exchangeTypes,
  headerFlags,
  notifyTypes,
  payloadTypes,
} from '../../../host/ike/wire/iana-numbers.ts';
import { fqdnIdentity } from '../../../host/ike/wire/identification.ts';
import { encodeKeyExchange, encodeNonce } from '../../../host/ike/wire/key-exchange.ts';
import { encodeNotify } from '../../../host/ike/wire/notify.ts';
import { encodeMessage, type PayloadValue } from '../../../host/ike/wire/payload-chain.ts';
import { encodeSecurityAssociation } from '../../../host/ike/wire/security-association.ts';
import { addressOf, type Endpoint } from '../../../host/model/address.ts';
import { sharedKey } from '../../../host/model/credentials.ts';
import {
  actionsOf,
  endpoint,
  hex,
  initiatorConfig,
  key,
  outcomes,
  Pair,
  routerEndpoint,
  serverEndpoint,
} from './ends/pair.ts';
import { headerOf, payload, StrangeInitiator } from './ends/stranger.ts';

/** Notifications in an answer in the clear. */
function notifiesIn(bytes: Uint8Array): { type: number; data: string }[] {
  const payloads = parseUnprotected(headerOf(bytes), bytes);
  if (!payloads.ok) throw new Error(payloads.message);
  return payloads.value.notifies.map((notify) => ({ type: notify.type, data: hex(notify.data) }));
}

function initRequest(payloads: PayloadValue[], spi = 1n): Uint8Array {
  return encodeMessage(
    {
      initiatorSpi: spi,
      responderSpi: 0n,
      exchangeType: exchangeTypes.ikeSaInit,
      fromInitiator: true,
      isResponse: false,
      messageId: 0,
    },
    payloads,
  );
}

const nonce = encodeNonce(new Uint8Array(32));
const x25519 = encodeKeyExchange({ method: 31, data: new Uint8Array(32).fill(9) });

describe('IKE_SA_INIT at the responder', () => {
  it('is answered with the same octets when it comes again, and kept once', () => {
    const pair = new Pair();
    const { request } = new StrangeInitiator();
    for (let count = 0; count < 3; count++) pair.injectToServer(request);
    const answers = new Set(pair.sent.map((one) => hex(one.bytes)));
    expect(pair.sent.length).toBe(3);
    expect(answers.size).toBe(1);
    expect(pair.responders.size).toBe(1);
    expect(pair.responders.halfOpenCount).toBe(1);
  });

  it('is still answered so after garbage under its SPIs, which anybody who listens can send', () => {
    const pair = new Pair();
    const { request } = new StrangeInitiator();
    pair.injectToServer(request);
    const { initiatorSpi, responderSpi } = headerOf(pair.sent[0]!.bytes);
    const garbage = encodeMessage(
      {
        initiatorSpi,
        responderSpi,
        exchangeType: exchangeTypes.ikeAuth,
        fromInitiator: true,
        isResponse: false,
        messageId: 1,
      },
      [{ type: payloadTypes.encrypted, body: new Uint8Array(60) }],
    );
    expect(outcomes(pair.injectToServer(garbage))).toEqual(['refused not-authentic']);
    pair.injectToServer(request);
    expect(hex(pair.sent[1]!.bytes)).toBe(hex(pair.sent[0]!.bytes));
  });

  it('is forgotten after the half-open timeout', () => {
    const pair = new Pair();
    pair.injectToServer(new StrangeInitiator().request);
    expect(pair.responders.nextDeadline()).toBe(30_000);
    pair.run();
    expect(pair.now).toBe(30_000);
    expect([pair.responders.size, pair.responders.halfOpenCount]).toEqual([0, 0]);
  });

  it('without an acceptable proposal is answered NO_PROPOSAL_CHOSEN, without state', () => {
    const pair = new Pair();
    const weak = encodeSecurityAssociation([
      {
        number: 1,
        protocolId: 1,
        spi: new Uint8Array(0),
        transforms: [
          { type: 1, id: 20, keyBits: 256 },
          { type: 2, id: 5 },
          { type: 4, id: 5 }, // modp1536
        ],
      },
    ]);
    pair.injectToServer(initRequest([weak, x25519, nonce]));
    expect(notifiesIn(pair.sent[0]!.bytes)).toEqual([{ type: notifyTypes.noProposalChosen, data: '' }]);
    expect(headerOf(pair.sent[0]!.bytes).responderSpi).toBe(0n);
    expect(pair.responders.size).toBe(0);
  });

  it('chooses no proposal with a transform type that it does not know (RFC 7296 section 3.3.6)', () => {
    const pair = new Pair();
    const transforms = [
      { type: 1, id: 20, keyBits: 256 },
      { type: 2, id: 5 },
      { type: 4, id: 31 },
      { type: 6, id: 1 },
    ];
    const offer = encodeSecurityAssociation([
      { number: 1, protocolId: 1, spi: new Uint8Array(0), transforms },
    ]);
    pair.injectToServer(initRequest([offer, x25519, nonce]));
    expect(notifiesIn(pair.sent[0]!.bytes)).toEqual([{ type: notifyTypes.noProposalChosen, data: '' }]);
  });

  it('chooses the acceptable one of many proposals, by its number', () => {
    const pair = new Pair();
    const transforms = [
      { type: 1, id: 20, keyBits: 128 },
      { type: 1, id: 20, keyBits: 256 },
      { type: 2, id: 2 },
      { type: 2, id: 5 },
      { type: 4, id: 14 },
      { type: 4, id: 31 },
    ];
    const cbc = [{ type: 1, id: 12, keyBits: 256 }, { type: 3, id: 12 }, ...transforms.slice(2)];
    const offer = encodeSecurityAssociation([
      { number: 1, protocolId: 1, spi: new Uint8Array(0), transforms: cbc },
      { number: 2, protocolId: 1, spi: new Uint8Array(0), transforms },
    ]);
    pair.injectToServer(initRequest([offer, x25519, nonce]));
    // RFC 7296 section 3.3: number 2, three transforms, AES-GCM-16 with 256 bits, HMAC-SHA2-256, Curve25519.
    const expected =
      '22000028' +
      '00000024' +
      '02010003' +
      '0300000c010000' +
      '14800e0100' +
      '0300000802000005' +
      '000000080400001f';
    expect(hex(pair.sent[0]!.bytes.subarray(28, 28 + 40))).toBe(expected);
  });

  it('with another key exchange method is answered INVALID_KE_PAYLOAD and the one that we want', () => {
    const pair = new Pair();
    const ecp256 = encodeKeyExchange({ method: 19, data: new Uint8Array(64) });
    pair.injectToServer(initRequest([payload.saInit(), ecp256, nonce]));
    expect(notifiesIn(pair.sent[0]!.bytes)).toEqual([{ type: notifyTypes.invalidKePayload, data: '001f' }]);
    expect(pair.responders.size).toBe(0);
  });

  it('with an unknown critical payload is answered with its type', () => {
    const pair = new Pair();
    const unknown = { type: 201, body: new Uint8Array(4) };
    pair.injectToServer(initRequest([payload.saInit(), x25519, nonce, { ...unknown, critical: true }]));
    expect(notifiesIn(pair.sent[0]!.bytes)).toEqual([
      { type: notifyTypes.unsupportedCriticalPayload, data: 'c9' },
    ]);
    pair.injectToServer(initRequest([payload.saInit(), x25519, nonce, unknown]));
    expect(headerOf(pair.sent[1]!.bytes).nextPayload).toBe(payloadTypes.securityAssociation);
  });

  it.each([
    ['no nonce', [payload.saInit(), x25519]],
    ['a nonce of 15 octets', [payload.saInit(), x25519, encodeNonce(new Uint8Array(15))]],
    ['a nonce of 257 octets', [payload.saInit(), x25519, encodeNonce(new Uint8Array(257))]],
    ['two nonces', [payload.saInit(), x25519, nonce, nonce]],
    [
      'a public value of 31 octets',
      [payload.saInit(), encodeKeyExchange({ method: 31, data: new Uint8Array(31) }), nonce],
    ],
  ])('with %s is dropped without an answer', (_, payloads) => {
    const pair = new Pair();
    expect(outcomes(pair.injectToServer(initRequest(payloads)))).toEqual(['refused malformed']);
    expect(pair.sent).toEqual([]);
    expect(pair.responders.size).toBe(0);
  });

  it('with a public value of small order goes nowhere', () => {
    const pair = new Pair();
    const zero = encodeKeyExchange({ method: 31, data: new Uint8Array(32) });
    pair.injectToServer(initRequest([payload.saInit(), zero, nonce]));
    const { initiatorSpi, responderSpi } = headerOf(pair.sent[0]!.bytes);
    const auth = encodeMessage(
      {
        initiatorSpi,
        responderSpi,
        exchangeType: exchangeTypes.ikeAuth,
        fromInitiator: true,
        isResponse: false,
        messageId: 1,
      },
      [{ type: payloadTypes.encrypted, body: new Uint8Array(60) }],
    );
    expect(outcomes(pair.injectToServer(auth))).toEqual(['refused malformed']);
    expect(pair.responders.size).toBe(0);
    expect(pair.responders.halfOpenCount).toBe(0);
  });
});

describe('versions', () => {
  it('above 2 are answered INVALID_MAJOR_VERSION, below are not', () => {
    const pair = new Pair();
    const request = initRequest([payload.saInit(), x25519, nonce]);
    request[17] = 0x30;
    expect(outcomes(pair.injectToServer(request))).toEqual(['refused major-version']);
    expect(notifiesIn(pair.sent[0]!.bytes)).toEqual([{ type: notifyTypes.invalidMajorVersion, data: '' }]);
    request[17] = 0x10;
    pair.injectToServer(request);
    expect(pair.sent.length).toBe(1);
  });

  it('differ in the minor number without harm (RFC 7296 section 2.5)', () => {
    const pair = new Pair();
    const request = initRequest([payload.saInit(), x25519, nonce]);
    request[17] = 0x25;
    request[19]! |= headerFlags.version;
    pair.injectToServer(request);
    expect(headerOf(pair.sent[0]!.bytes).nextPayload).toBe(payloadTypes.securityAssociation);
  });
});

describe('a flood of IKE_SA_INIT', () => {
  it('meets demands for cookies from the threshold on, without state', () => {
    const pair = new Pair({ limits: { cookieThreshold: 3 } });
    for (let spi = 1n; spi <= 5n; spi++) pair.injectToServer(new StrangeInitiator(spi).request);
    expect(pair.responders.halfOpenCount).toBe(3);
    expect(pair.responders.counters['cookie-demanded']).toBe(2);
    const [notify] = notifiesIn(pair.sent[4]!.bytes);
    expect(notify!.type).toBe(notifyTypes.cookie);
    expect(notify!.data.length).toBe(66);
  });

  it('does not keep out an initiator that answers the demand', () => {
    const pair = new Pair({ limits: { cookieThreshold: 3 } });
    for (let spi = 1n; spi <= 3n; spi++) pair.injectToServer(new StrangeInitiator(spi).request);
    pair.start();
    pair.run(1000);
    // The answers to the flood, which used the same address, reach the initiator too: not its SPI.
    const strays = (outcome: string): boolean => outcome !== 'refused unknown-spi';
    expect(outcomes(pair.initiatorActions).filter(strays)).toEqual(['established']);
    expect(pair.responders.counters['cookie-demanded']).toBe(1);
  });

  it('finds its cookies bound to address, SPI and nonce', () => {
    const pair = new Pair({ limits: { cookieThreshold: 0 }, link: () => [] });
    pair.start();
    const first = pair.sent[0]!.bytes;
    pair.injectToServer(first);
    pair.injectToRouter(pair.sent[1]!.bytes);
    const second = pair.sent[2]!.bytes;
    expect(outcomes(pair.injectToServer(second, endpoint(9)))).toEqual(['refused cookie-demanded']);
    const otherSpi = second.slice();
    otherSpi[0]! ^= 1;
    expect(outcomes(pair.injectToServer(otherSpi))).toEqual(['refused cookie-demanded']);
    expect(outcomes(pair.injectToServer(second, endpoint(1, 999)))).toEqual([]);
    expect(pair.responders.size).toBe(1);
  });

  it('finds the oldest half-open SA giving way at the hard limit', () => {
    const pair = new Pair({ limits: { halfOpenLimit: 2 } });
    const requests = [1n, 2n, 3n, 4n].map((spi) => new StrangeInitiator(spi).request);
    for (const request of requests) pair.injectToServer(request);
    expect(pair.responders.halfOpenCount).toBe(2);
    expect(pair.responders.size).toBe(2);
    expect(pair.responders.counters['half-open-limit']).toBe(2);
    // Those of the last two are still there, and answer a repetition with the same octets.
    const answers = pair.sent.map((one) => hex(one.bytes));
    pair.injectToServer(requests[3]!);
    expect(hex(pair.sent.at(-1)!.bytes)).toBe(answers[3]);
    pair.injectToServer(requests[0]!);
    expect(hex(pair.sent.at(-1)!.bytes)).not.toBe(answers[0]);
    pair.run(30_000);
    expect([pair.responders.size, pair.responders.halfOpenCount]).toEqual([0, 0]);
  });

  it('gives each address that has sent a cookie its share, and takes back what is used', () => {
    const pair = new Pair({ limits: { cookieThreshold: 0, halfOpenPerAddress: 2 }, link: () => [] });
    const stand = (spi: bigint, from: Endpoint): string[] => {
      const payloads = [payload.saInit(), x25519, nonce];
      const demand = actionsOf(pair.injectToServer(initRequest(payloads, spi), from), 'send')[0]!.bytes;
      const cookie = encodeNotify(notifyTypes.cookie, Buffer.from(notifiesIn(demand)[0]!.data, 'hex'));
      return outcomes(pair.injectToServer(initRequest([cookie, ...payloads], spi), from));
    };
    expect(stand(1n, endpoint(7))).toEqual([]);
    expect(stand(2n, endpoint(7, 99))).toEqual([]);
    expect(stand(3n, endpoint(7))).toEqual(['refused half-open-limit']);
    expect(stand(4n, endpoint(8))).toEqual([]);
    pair.run(30_000);
    expect(stand(5n, endpoint(7))).toEqual([]);
    const inNetwork = (network: number, host: number): Endpoint => {
      const octets = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, network, 0, 0, 0, 0, 0, 0, 0, host);
      return { address: addressOf(octets), port: 500 };
    };
    expect([1n, 2n, 3n].flatMap((spi) => stand(spi, inNetwork(1, Number(spi))))).toEqual([
      'refused half-open-limit',
    ]);
    expect(stand(4n, inNetwork(2, 1))).toEqual([]);
  });
});

describe('messages for an IKE SA that is not known', () => {
  const stray = (isResponse: boolean, fill = 0): Uint8Array =>
    encodeMessage(
      {
        initiatorSpi: 5n,
        responderSpi: 6n,
        exchangeType: exchangeTypes.informational,
        fromInitiator: true,
        isResponse,
        messageId: 7,
      },
      [{ type: payloadTypes.encrypted, body: new Uint8Array(40).fill(fill) }],
    );

  it('are answered INVALID_IKE_SPI under their own SPIs and message ID, if they are requests', () => {
    const pair = new Pair();
    pair.injectToServer(stray(true));
    expect(pair.sent).toEqual([]);
    pair.injectToServer(stray(false));
    const header = headerOf(pair.sent[0]!.bytes);
    expect(header).toMatchObject({ initiatorSpi: 5n, responderSpi: 6n, messageId: 7, isResponse: true });
    expect(header.fromInitiator).toBe(false);
    expect(notifiesIn(pair.sent[0]!.bytes)).toEqual([{ type: notifyTypes.invalidIkeSpi, data: '' }]);
    expect(pair.sent[0]!.bytes.length).toBeLessThanOrEqual(stray(false).length);
  });

  it('are answered so only so often', () => {
    const pair = new Pair({ limits: { hintsPerSecond: 2 } });
    for (let count = 0; count < 5; count++) pair.injectToServer(stray(false));
    expect(pair.sent.length).toBe(2);
    pair.now = 1000;
    pair.injectToServer(stray(false));
    expect(pair.sent.length).toBe(3);
    expect(pair.responders.counters['unknown-spi']).toBe(6);
  });
});

describe('several IKE SAs of one identity', () => {
  /** Another initiator with the same identity runs its handshake with the responder of `pair`. */
  function join(pair: Pair, seed: string, initialContact: boolean): Initiator {
    const initiator = new Initiator(initiatorConfig(seed, { initialContact }));
    let actions = initiator.handle({ kind: 'start', inboundSpi: 0x2000 }, pair.now);
    for (let round = 0; round < 2; round++) {
      const [send] = actionsOf(actions, 'send');
      const [answer] = actionsOf(pair.injectToServer(send!.bytes), 'send').slice(-1);
      const event = {
        kind: 'message',
        bytes: answer!.bytes,
        from: serverEndpoint,
        to: routerEndpoint,
      } as const;
      actions = initiator.handle(event, pair.now);
    }
    expect(outcomes(actions)).toEqual(['established']);
    return initiator;
  }

  it('shrink to the newest one on INITIAL_CONTACT', () => {
    const pair = new Pair();
    pair.start();
    pair.run();
    const old = actionsOf(pair.responderActions, 'established')[0]!.saId;
    join(pair, 'again', true);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'closed replaced', 'established']);
    expect(actionsOf(pair.responderActions, 'closed')[0]!.saId).toBe(old);
    expect(pair.responders.size).toBe(1);
  });

  it('stand side by side without it, up to the limit, where the oldest is deleted', () => {
    const pair = new Pair({ limits: { sasPerIdentity: 2 } });
    pair.start();
    pair.run();
    join(pair, 'second', false);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'established']);
    join(pair, 'third', false);
    pair.run();
    expect(outcomes(pair.responderActions)).toEqual([
      'established',
      'established',
      'established',
      'closed local',
    ]);
    const own = outcomes(pair.initiatorActions).filter((outcome) => outcome !== 'refused unknown-spi');
    expect(own).toEqual(['established', 'closed peer-deleted']);
    expect(pair.responders.size).toBe(2);
  });

  it('do not touch those of others', () => {
    const names = ['router-a.example', 'router-b.example'];
    const pair = new Pair({
      responder: { credentialsFor: () => sharedKey(key('correct horse battery staple')) },
    });
    for (const name of names) {
      const initiator = new Initiator(initiatorConfig(name, { identity: fqdnIdentity(name) }));
      const [first] = actionsOf(initiator.handle({ kind: 'start', inboundSpi: 0x2000 }, 0), 'send');
      const [answer] = actionsOf(pair.injectToServer(first!.bytes), 'send');
      const event = {
        kind: 'message',
        bytes: answer!.bytes,
        from: serverEndpoint,
        to: routerEndpoint,
      } as const;
      const [second] = actionsOf(initiator.handle(event, 0), 'send');
      pair.injectToServer(second!.bytes);
    }
    expect(outcomes(pair.responderActions)).toEqual(['established', 'established']);
    expect(pair.responders.size).toBe(2);
  });
});
