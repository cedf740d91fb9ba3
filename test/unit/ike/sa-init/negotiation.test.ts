/** Both roles of ours with each algorithm, and the choice between them; then with somebody in between who forges or changes. */
import { describe, expect, it } from 'vitest';
import { keyExchangeMethods } from '../../../../host/ike/crypto/key-exchange.ts';
import type { IkeAction } from '../../../../host/ike/events.ts';
import { parseSaInit, parseUnprotected } from '../../../../host/ike/sa-init/sa-init.ts';
import { exchangeTypes, notifyTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from '../../../../host/ike/wire/key-exchange.ts';
import { encodeInvalidKe, encodeNotify } from '../../../../host/ike/wire/notify.ts';
import { encodeMessage, type PayloadValue } from '../../../../host/ike/wire/payload-chain.ts';
import { encodeSecurityAssociation } from '../../../../host/ike/wire/security-association.ts';
import type { KeyExchangeName } from '../../../../host/model/ike-proposal.ts';
import { actionsOf, hex, outcomes, Pair, type PairOptions } from '../ends/pair.ts';
import { espProposals, ikeProposals } from '../ends/proposals.ts';
import { headerOf } from '../ends/stranger.ts';

function run(options: PairOptions): Pair {
  const pair = new Pair(options);
  pair.start();
  return pair.run(60_000);
}

const both = (ike: readonly string[], esp: readonly string[] = ['aes256gcm16']): PairOptions => {
  const proposals = { ikeProposals: ikeProposals(...ike), espProposals: espProposals(...esp) };
  return { initiator: proposals, responder: proposals };
};

const settledBy = (actions: readonly IkeAction[]) =>
  actionsOf(actions, 'established').map(({ ikeProposal, childSa }) => [
    ikeProposal,
    childSa.proposal,
    childSa.esn,
  ]);

const initMessages = (pair: Pair) =>
  pair.sent.filter(({ bytes }) => headerOf(bytes).exchangeType === exchangeTypes.ikeSaInit);

/** Payloads of a message of IKE_SA_INIT. */
function initOf(bytes: Uint8Array) {
  const payloads = parseUnprotected(headerOf(bytes), bytes);
  if (!payloads.ok) throw new Error(payloads.message);
  const init = parseSaInit(payloads.value);
  if (!init.ok) throw new Error(init.message);
  return init.value;
}

describe('both ends', () => {
  it.each([
    ...['x25519', 'ecp256', 'ecp384', 'modp2048', 'modp3072', 'modp1536'].map(
      (keyExchange) => `aes256gcm16-prfsha256-${keyExchange}`,
    ),
    ...['aes256gcm16', 'aes128gcm16', 'chacha20poly1305'].flatMap((cipher) =>
      ['prfsha256', 'prfsha384', 'prfsha512'].map((prf) => `${cipher}-${prf}-x25519`),
    ),
    ...['aes256', 'aes128'].flatMap((cipher) =>
      ['sha256', 'sha384', 'sha512'].map((integrity) => `${cipher}-${integrity}-x25519`),
    ),
    'aes128-sha512-prfsha256-ecp256',
  ])('settle on %s, and understand each other', (keyword) => {
    const pair = run(both([keyword]));
    expect(settledBy(pair.initiatorActions)).toEqual([[keyword, 'aes256gcm16', true]]);
    expect(settledBy(pair.responderActions)).toEqual([[keyword, 'aes256gcm16', true]]);
    expect(initMessages(pair).length).toBe(2);
    // Requests both ways under the new keys, several of them.
    pair.checkLiveness();
    pair.run(120_000);
    const { saId } = actionsOf(pair.responderActions, 'established')[0]!;
    pair.atResponder({ kind: 'check-liveness', saId });
    pair.run(180_000);
    expect(actionsOf(pair.initiatorActions, 'alive').length).toBe(1);
    expect(actionsOf(pair.responderActions, 'alive').length).toBe(1);
    expect(pair.initiator.counters['not-authentic']).toBe(0);
  });

  it.each([
    ['aes256gcm16', true, [32, 4, 0]],
    ['aes192gcm16-noesn', false, [24, 4, 0]],
    ['aes128gcm16-esn', true, [16, 4, 0]],
    ['chacha20poly1305', true, [32, 4, 0]],
    ['aes256-sha512', true, [32, 0, 64]],
    ['aes192-sha384-noesn', false, [24, 0, 48]],
    ['aes128-sha256-x25519', true, [16, 0, 32]],
  ] as const)('get a CHILD SA of %s with the same keys', (keyword, esn, lengths) => {
    const pair = run(both(['aes256gcm16-prfsha512-x25519'], [keyword]));
    const [atRouter] = actionsOf(pair.initiatorActions, 'established');
    const [atServer] = actionsOf(pair.responderActions, 'established');
    const sa = atRouter!.childSa;
    expect([sa.proposal, sa.esn]).toEqual([keyword.replace(/-(x25519|esn|noesn)$/, ''), esn]);
    const { encryptionKey, salt, authenticationKey } = sa.outbound;
    expect([encryptionKey.length, salt.length, authenticationKey.length]).toEqual(lengths);
    for (const name of ['encryptionKey', 'salt', 'authenticationKey'] as const) {
      expect(sa.outbound[name].equals(atServer!.childSa.inbound[name])).toBe(true);
      expect(sa.inbound[name].equals(atServer!.childSa.outbound[name])).toBe(true);
    }
    expect(sa.outbound.encryptionKey.equals(sa.inbound.encryptionKey)).toBe(false);
  });

  it('choose by the responder’s order, in proposals and within one', () => {
    const pair = run({
      initiator: {
        ikeProposals: ikeProposals('aes128gcm16-aes256gcm16-prfsha256-prfsha384-x25519-ecp384'),
        espProposals: espProposals('aes128gcm16', 'aes256-sha256', 'chacha20poly1305'),
      },
      responder: {
        ikeProposals: ikeProposals('aes256-sha256-x25519', 'aes256gcm16-prfsha384-prfsha256-ecp384-x25519'),
        espProposals: espProposals('chacha20poly1305-noesn-esn', 'aes128gcm16'),
      },
    });
    const settled = [['aes256gcm16-prfsha384-ecp384', 'chacha20poly1305', false]];
    expect(settledBy(pair.initiatorActions)).toEqual(settled);
    expect(settledBy(pair.responderActions)).toEqual(settled);
  });

  it('come to nothing when they have nothing in common', () => {
    const pair = run({
      initiator: { ikeProposals: ikeProposals('aes256gcm16-prfsha256-x25519') },
      responder: { ikeProposals: ikeProposals('aes128gcm16-prfsha256-x25519', 'aes256-sha256-x25519') },
    });
    expect(actionsOf(pair.initiatorActions, 'failed')).toMatchObject([{ reason: 'no-proposal-chosen' }]);
    expect(actionsOf(pair.responderActions, 'refused')[0]!.message).toContain('aes128gcm16-prfsha256-x25519');
  });

  it('use an IV of AES-CBC once, and one that is not that of the message before', () => {
    const pair = run(both(['aes128-sha256-x25519']));
    for (let at = 2; at <= 5; at++) {
      pair.checkLiveness();
      pair.run(60_000 * at);
    }
    const bodies = pair.sent.slice(2).map(({ bytes }) => hex(bytes.subarray(32, 48)));
    expect(bodies.length).toBeGreaterThanOrEqual(10);
    expect(new Set(bodies).size).toBe(bodies.length);
    expect(new Set(bodies.map((iv) => iv.slice(0, 16))).size).toBe(bodies.length);
  });
});

describe('a key exchange that the initiator did not guess', () => {
  const strict = { responder: { ikeProposals: ikeProposals('aes256gcm16-prfsha256-ecp384') } };

  it('is named by the responder, which keeps no state, and taken by the initiator with every proposal offered again', () => {
    const pair = new Pair(strict);
    pair.start();
    const first = pair.sent[0]!.bytes;
    const answer = actionsOf(pair.injectToServer(first), 'send')[0]!.bytes;
    expect(hex(answer.subarray(28))).toBe(`0000000a${'00000011'}0014`);
    expect(pair.responders.size).toBe(0);
    pair.run(60_000);
    expect(settledBy(pair.initiatorActions)).toEqual([['aes256gcm16-prfsha256-ecp384', 'aes256gcm16', true]]);
    const requests = initMessages(pair).filter(({ toServer }) => toServer);
    expect(requests.length).toBe(2);
    const [before, after] = requests.map(({ bytes }) => initOf(bytes));
    expect(after!.proposals).toEqual(before!.proposals);
    expect(hex(after!.nonce)).toBe(hex(before!.nonce));
    expect([before!.keyExchange.method, after!.keyExchange.method]).toEqual([31, 20]);
  });

  it('goes together with a cookie, which stays good (RFC 7296 section 2.6.1)', () => {
    const pair = run({ ...strict, limits: { cookieThreshold: 0 } });
    expect(outcomes(pair.responderActions)).toEqual([
      'refused cookie-demanded',
      'refused invalid-ke-payload',
      'established',
    ]);
    // Request, cookie, request, INVALID_KE_PAYLOAD, request, answer.
    expect(initMessages(pair).length).toBe(6);
  });
});

describe('somebody between the ends', () => {
  const forged = (initiatorSpi: bigint, payload: PayloadValue): Uint8Array =>
    encodeMessage(
      {
        initiatorSpi,
        responderSpi: 0n,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: false,
        isResponse: true,
        messageId: 0,
      },
      [payload],
    );
  const demand = (pair: Pair, name: KeyExchangeName) =>
    pair.injectToRouter(
      forged(headerOf(pair.sent[0]!.bytes).initiatorSpi, encodeInvalidKe(keyExchangeMethods[name].id)),
    );

  it('who forges a demand for a weaker group does not get it', () => {
    const pair = new Pair();
    pair.start();
    demand(pair, 'modp2048');
    pair.run(60_000);
    expect(settledBy(pair.responderActions)).toEqual([['aes256gcm16-prfsha256-x25519', 'aes256gcm16', true]]);
    expect(settledBy(pair.initiatorActions)).toEqual(settledBy(pair.responderActions));
  });

  it('makes the initiator try three key exchanges and no more', () => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    for (const name of ['ecp256', 'ecp384', 'modp2048', 'modp3072', 'ecp256'] as const) demand(pair, name);
    expect(pair.sent.map(({ bytes }) => initOf(bytes).keyExchange.method)).toEqual([31, 19, 20]);
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'failed')).toMatchObject([{ reason: 'invalid-ke-payload' }]);
  });

  it('makes it try none that was not offered, and none twice in a row', () => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    demand(pair, 'modp1536');
    demand(pair, 'x25519');
    const spi = headerOf(pair.sent[0]!.bytes).initiatorSpi;
    pair.injectToRouter(forged(spi, encodeNotify(notifyTypes.invalidKePayload, Uint8Array.of(0))));
    expect(pair.sent.length).toBe(1);
    expect(outcomes(pair.initiatorActions)).toEqual([
      'refused invalid-ke-payload',
      'refused unexpected',
      'refused malformed',
    ]);
  });

  it('who takes proposals out of the offer is found out by AUTH', () => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    const request = pair.sent[0]!.bytes;
    const { keyExchange, nonce } = initOf(request);
    const { initiatorSpi } = headerOf(request);
    const weaker = encodeMessage(
      {
        initiatorSpi,
        responderSpi: 0n,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: true,
        isResponse: false,
        messageId: 0,
      },
      [
        encodeSecurityAssociation([
          {
            number: 1,
            protocolId: 1,
            spi: new Uint8Array(0),
            transforms: [
              { type: 1, id: 20, keyBits: 128 },
              { type: 2, id: 5 },
              { type: 4, id: 31 },
            ],
          },
        ]),
        encodeKeyExchange(keyExchange),
        encodeNonce(nonce),
      ],
    );
    pair.injectToServer(weaker);
    pair.injectToRouter(pair.sent[1]!.bytes); // an algorithm that was offered: taken
    pair.injectToServer(pair.sent[2]!.bytes); // IKE_AUTH
    expect(outcomes(pair.responderActions)).toEqual(['refused authentication-failed']);
    pair.injectToRouter(pair.sent[3]!.bytes);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
  });

  it.each([
    [
      'a cipher that was not offered',
      [
        { type: 1, id: 20, keyBits: 192 },
        { type: 2, id: 5 },
        { type: 4, id: 31 },
      ],
      1,
      'no-proposal-chosen',
    ],
    [
      'two ciphers',
      [
        { type: 1, id: 20, keyBits: 256 },
        { type: 1, id: 20, keyBits: 128 },
        { type: 2, id: 5 },
        { type: 4, id: 31 },
      ],
      1,
      'no-proposal-chosen',
    ],
    [
      'no PRF',
      [
        { type: 1, id: 20, keyBits: 256 },
        { type: 4, id: 31 },
      ],
      1,
      'no-proposal-chosen',
    ],
    [
      'AES-CBC under the number of the other proposal',
      [
        { type: 1, id: 12, keyBits: 256 },
        { type: 2, id: 5 },
        { type: 3, id: 12 },
        { type: 4, id: 31 },
      ],
      1,
      'no-proposal-chosen',
    ],
    [
      'a number that was not offered',
      [
        { type: 1, id: 20, keyBits: 256 },
        { type: 2, id: 5 },
        { type: 4, id: 31 },
      ],
      3,
      'no-proposal-chosen',
    ],
    [
      'a key exchange that is not the one of the KE payload',
      [
        { type: 1, id: 20, keyBits: 256 },
        { type: 2, id: 5 },
        { type: 4, id: 19 },
      ],
      1,
      'invalid-ke-payload',
    ],
  ])('who answers with %s is not followed', (_, transforms, number, reason) => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    const { keyExchange, nonce } = initOf(pair.sent[0]!.bytes);
    const answer = encodeMessage(
      {
        initiatorSpi: headerOf(pair.sent[0]!.bytes).initiatorSpi,
        responderSpi: 7n,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: false,
        isResponse: true,
        messageId: 0,
      },
      [
        encodeSecurityAssociation([{ number, protocolId: 1, spi: new Uint8Array(0), transforms }]),
        encodeKeyExchange(keyExchange),
        encodeNonce(nonce),
      ],
    );
    pair.injectToRouter(answer);
    expect(outcomes(pair.initiatorActions)).toEqual([`refused ${reason}`]);
    expect(pair.sent.length).toBe(1);
  });

  it('who answers with two proposals, each of them offered, is not followed', () => {
    const pair = new Pair({ link: () => [] });
    pair.start();
    const { keyExchange, nonce } = initOf(pair.sent[0]!.bytes);
    const transforms = [
      { type: 1, id: 20, keyBits: 256 },
      { type: 2, id: 5 },
      { type: 4, id: 31 },
    ];
    const proposal = { number: 1, protocolId: 1, spi: new Uint8Array(0), transforms };
    const answer = encodeMessage(
      {
        initiatorSpi: headerOf(pair.sent[0]!.bytes).initiatorSpi,
        responderSpi: 7n,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: false,
        isResponse: true,
        messageId: 0,
      },
      [encodeSecurityAssociation([proposal, proposal]), encodeKeyExchange(keyExchange), encodeNonce(nonce)],
    );
    pair.injectToRouter(answer);
    expect(outcomes(pair.initiatorActions)).toEqual(['refused no-proposal-chosen']);
  });
});

describe('a public value that is none', () => {
  const offers: KeyExchangeName[] = ['x25519', 'ecp256', 'ecp384', 'modp2048', 'modp3072', 'modp1536'];

  /** What the responder makes of IKE_SA_INIT with this value, and of the IKE_AUTH behind it. */
  function offer(name: KeyExchangeName, data: Uint8Array): string[] {
    const proposals = ikeProposals(`aes256gcm16-prfsha256-${name}`);
    const pair = new Pair({ responder: { ikeProposals: proposals }, link: () => [] });
    const header = {
      initiatorSpi: 9n,
      responderSpi: 0n,
      exchangeType: exchangeTypes.ikeSaInit,
      fromInitiator: true,
      isResponse: false,
      messageId: 0,
    };
    const { id } = keyExchangeMethods[name];
    const transforms = [
      { type: 1, id: 20, keyBits: 256 },
      { type: 2, id: 5 },
      { type: 4, id },
    ];
    const request = encodeMessage(header, [
      encodeSecurityAssociation([{ number: 1, protocolId: 1, spi: new Uint8Array(0), transforms }]),
      encodeKeyExchange({ method: id, data }),
      encodeNonce(new Uint8Array(32)),
    ]);
    pair.injectToServer(request);
    const answer = pair.sent[0]?.bytes;
    if (answer !== undefined) {
      const { responderSpi } = headerOf(answer);
      const auth = { ...header, responderSpi, exchangeType: exchangeTypes.ikeAuth, messageId: 1 };
      pair.injectToServer(encodeMessage(auth, [{ type: 46, body: new Uint8Array(60) }]));
    }
    expect(pair.responders.size).toBe(0);
    return outcomes(pair.responderActions);
  }

  it.each(offers)('is refused by its length with %s, before any key pair is made', (name) => {
    const { publicOctets } = keyExchangeMethods[name];
    for (const length of [0, 1, publicOctets - 1, publicOctets + 1]) {
      expect(offer(name, new Uint8Array(length).fill(2))).toEqual(['refused malformed']);
    }
  });

  it.each(offers)('is refused by its value with %s when the secret is wanted', (name) => {
    const { publicOctets } = keyExchangeMethods[name];
    expect(offer(name, new Uint8Array(publicOctets))).toEqual(['refused malformed']);
    if (name === 'x25519') return;
    // Not below the prime: for the curves both coordinates, for the MODP groups the number.
    expect(offer(name, new Uint8Array(publicOctets).fill(0xff))).toEqual(['refused malformed']);
  });
});
