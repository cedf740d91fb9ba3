/** Hybrid key exchange: both roles of ours, over a link that loses and repeats, and against hands that do it wrongly. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { intermediateAuth, intermediateMac } from '../../../../host/ike/crypto/intermediate.ts';
import { mlkem768 } from '../../../../host/ike/crypto/mlkem.ts';
import { prfs } from '../../../../host/ike/crypto/prf.ts';
import { acceptableIke, proposalsOf } from '../../../../host/ike/proposal-selection.ts';
import { acceptAdditional, offerAdditional } from '../../../../host/ike/sa-init/additional-key-exchange.ts';
import { exchangeTypes, notifyTypes, payloadTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { encodeKeyExchange } from '../../../../host/ike/wire/key-exchange.ts';
import { encodeNotify } from '../../../../host/ike/wire/notify.ts';
import { contentsOf, type PayloadValue } from '../../../../host/ike/wire/payload-chain.ts';
import { encodeSecurityAssociation } from '../../../../host/ike/wire/security-association.ts';
import { Secret } from '../../../../host/model/secret.ts';
import { actionsOf, hex, type Link, outcomes, Pair, type PairOptions, seededRandom } from '../ends/pair.ts';
import { ikeProposals } from '../ends/proposals.ts';
import { headerOf, StrangeInitiator, StrangeResponder, whole } from '../ends/stranger.ts';

const hybrid = 'aes256gcm16-prfsha256-x25519-ke1_mlkem768';
const classic = 'aes256gcm16-prfsha256-x25519';
const both = (...keywords: string[]): PairOptions => ({
  initiator: { ikeProposals: ikeProposals(...keywords) },
  responder: { ikeProposals: ikeProposals(...keywords) },
});

function run(options: PairOptions): Pair {
  const pair = new Pair(options);
  pair.start();
  return pair.run(120_000);
}

const exchangesOf = (pair: Pair) =>
  pair.sent.map(
    ({ bytes }) => `${headerOf(bytes).exchangeType}${headerOf(bytes).isResponse ? ' answer' : ''}`,
  );

describe('an additional key exchange', () => {
  it.each([
    hybrid,
    'aes128gcm16-prfsha384-ecp384-ke1_mlkem768',
    'chacha20poly1305-prfsha512-modp2048-ke1_mlkem768',
    'aes256-sha256-ecp256-ke1_mlkem768',
  ])('comes between IKE_SA_INIT and IKE_AUTH with %s, in fragments', (keyword) => {
    const pair = run(both(keyword));
    const [atRouter] = actionsOf(pair.initiatorActions, 'established');
    const [atServer] = actionsOf(pair.responderActions, 'established');
    expect([atRouter?.ikeProposal, atServer?.ikeProposal]).toEqual([keyword, keyword]);
    expect(atRouter!.childSa.outbound.encryptionKey.equals(atServer!.childSa.inbound.encryptionKey)).toBe(
      true,
    );
    const exchanges = exchangesOf(pair);
    expect([...new Set(exchanges)]).toEqual(['34', '34 answer', '43', '43 answer', '35', '35 answer']);
    expect(exchanges.filter((one) => one === '43').length).toBe(2);
    expect(pair.sent.every(({ bytes }) => bytes.length <= 1228)).toBe(true);
    pair.checkLiveness();
    pair.run(240_000);
    expect(actionsOf(pair.initiatorActions, 'alive').length).toBe(1);
  });

  it('is done in one piece each way where nobody speaks of fragments, with the same outcome', () => {
    const huge = { longestDatagramOctets: 9000 };
    const pair = run({
      initiator: { ikeProposals: ikeProposals(hybrid), ...huge },
      responder: { ikeProposals: ikeProposals(hybrid), ...huge },
    });
    expect(exchangesOf(pair)).toEqual(['34', '34 answer', '43', '43 answer', '35', '35 answer']);
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
  });

  it.each([
    ['the first request', 43, false],
    ['the first answer, so that the request comes again under the old keys', 43, true],
    ['IKE_AUTH behind it', 35, false],
  ])('gets through when %s is lost', (_, exchangeType, isResponse) => {
    let lost = 0;
    const link: Link = ({ bytes }) => {
      const header = headerOf(bytes);
      const isMeant = header.exchangeType === exchangeType && header.isResponse === isResponse;
      if (!isMeant || lost >= 2) return [10];
      lost += 1;
      return [];
    };
    const pair = run({ ...both(hybrid), link });
    expect(lost).toBeGreaterThan(0);
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
    expect(pair.responders.counters['not-authentic']).toBe(0);
  });

  it('gets through when everything comes twice, and again much later', () => {
    const pair = run({ ...both(hybrid), link: () => [10, 15, 900] });
    expect(actionsOf(pair.initiatorActions, 'established').length).toBe(1);
    expect(actionsOf(pair.responderActions, 'established').length).toBe(1);
  });

  it('is left out with a peer that has none, where a proposal without it is offered behind', () => {
    for (const [initiator, responder] of [
      [[hybrid, classic], [classic]],
      [[classic], [hybrid, classic]],
    ] as const) {
      const pair = run({
        initiator: { ikeProposals: ikeProposals(...initiator) },
        responder: { ikeProposals: ikeProposals(...responder) },
      });
      expect(actionsOf(pair.initiatorActions, 'established')[0]?.ikeProposal).toBe(classic);
    }
  });

  it('is not left out where nothing else will do', () => {
    const pair = run({
      initiator: { ikeProposals: ikeProposals(classic) },
      responder: { ikeProposals: ikeProposals(hybrid) },
    });
    expect(outcomes(pair.responderActions)).toEqual(['refused no-proposal-chosen']);
  });

  it('gives other keys than the first key exchange alone: what is in AUTH and ESP hangs on both', () => {
    const keyOf = (keyword: string) =>
      hex(
        actionsOf(
          run(both(keyword)).initiatorActions,
          'established',
        )[0]!.childSa.outbound.encryptionKey.reveal(),
      );
    expect(keyOf(classic)).toBe(keyOf(classic));
    expect(keyOf(hybrid)).not.toBe(keyOf(classic));
    // Encapsulation is random: the same seeds, other keys.
    expect(keyOf(hybrid)).not.toBe(keyOf(hybrid));
  });
});

describe('IKE_INTERMEDIATE at the responder', () => {
  const offer = [
    encodeSecurityAssociation(proposalsOf(acceptableIke(ikeProposals(hybrid)), new Uint8Array(0))),
    encodeNotify(notifyTypes.intermediateExchangeSupported),
  ];

  function begin(inFront: readonly PayloadValue[] = offer) {
    const pair = new Pair({ responder: { ikeProposals: ikeProposals(hybrid, classic) } });
    const stranger = new StrangeInitiator(undefined, inFront);
    pair.injectToServer(stranger.request);
    return { pair, stranger, ...stranger.proceed(pair.sent[0]!.bytes) };
  }

  it.each([
    ['no KE', []],
    ['KE of another method', [encodeKeyExchange({ method: 31, data: new Uint8Array(32).fill(9) })]],
    ['a key that is too short', [encodeKeyExchange({ method: 36, data: new Uint8Array(1183) })]],
    ['a key that is too long', [encodeKeyExchange({ method: 36, data: new Uint8Array(1185) })]],
    [
      'coefficients that are none',
      [encodeKeyExchange({ method: 36, data: new Uint8Array(1184).fill(0xff) })],
    ],
    ['a KE cut short', [{ type: 34, body: new Uint8Array(3) }]],
  ])('with %s is answered INVALID_SYNTAX, and the set-up is over', (_, payloads) => {
    const { pair, ikeSa } = begin();
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeIntermediate, 'intermediate', payloads, 0)));
    expect(outcomes(pair.responderActions)).toEqual(['refused invalid-syntax']);
    const answer = pair.sent[1]!.bytes;
    const received = ikeSa.receive(headerOf(answer), answer);
    expect(
      received.kind === 'response' && received.payloads.ok && received.payloads.value.notifies[0]?.type,
    ).toBe(notifyTypes.invalidSyntax);
    pair.run();
    expect(pair.responders.size).toBe(0);
  });

  it.each([
    [false, 'answered'],
    [true, 'refused, as RFC 7296 section 2.5 demands'],
  ])('with an unknown payload (critical: %s) is %s', (critical) => {
    const { pair, ikeSa } = begin();
    const { payloads } = offerAdditional(mlkem768, seededRandom('critical'));
    const unknown = { type: 200, body: new Uint8Array(2), critical };
    const request = ikeSa.request(exchangeTypes.ikeIntermediate, 'intermediate', [...payloads, unknown], 0);
    pair.injectToServer(whole(request));
    const answer = pair.sent[1]!.bytes;
    const received = ikeSa.receive(headerOf(answer), answer);
    if (received.kind !== 'response' || !received.payloads.ok) throw new Error(received.kind);
    const notifies = received.payloads.value.notifies.map(({ type, data }) => [type, hex(data)]);
    expect(notifies).toEqual(critical ? [[notifyTypes.unsupportedCriticalPayload, 'c8']] : []);
    expect(outcomes(pair.responderActions)).toEqual(critical ? ['refused unsupported-critical-payload'] : []);
    if (!critical) return;
    pair.injectToServer(whole(request));
    expect(pair.sent[2]!.bytes).toEqual(answer);
    const more = ikeSa.request(exchangeTypes.ikeIntermediate, 'intermediate', payloads, 0);
    pair.injectToServer(whole(more));
    expect(outcomes(pair.responderActions).slice(1)).toEqual(['refused unexpected']);
    pair.run();
    expect(pair.responders.size).toBe(0);
  });

  it('cannot be skipped', () => {
    const { pair, ikeSa, payloads } = begin();
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads, 0)));
    expect(outcomes(pair.responderActions)).toEqual(['refused unexpected']);
    expect(pair.sent.length).toBe(1);
  });

  it('is refused where no additional key exchange was chosen', () => {
    const { pair, ikeSa } = begin([
      encodeSecurityAssociation(proposalsOf(acceptableIke(ikeProposals(classic)), new Uint8Array(0))),
    ]);
    const { payloads } = offerAdditional(mlkem768, seededRandom('unwanted'));
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeIntermediate, 'intermediate', payloads, 0)));
    expect(outcomes(pair.responderActions)).toEqual(['refused unexpected']);
  });

  it('is not chosen for an initiator that does not say it speaks it', () => {
    const pair = new Pair({ responder: { ikeProposals: ikeProposals(hybrid, classic) } });
    pair.injectToServer(new StrangeInitiator(undefined, offer.slice(0, 1)).request);
    expect(outcomes(pair.responderActions)).toEqual(['refused no-proposal-chosen']);
  });

  it('with a ciphertext that was changed under the classic keys leaves the ends with different keys', () => {
    const { pair, ikeSa, transcript, payloads } = begin();
    const { pair: kem, payloads: ours } = offerAdditional(mlkem768, seededRandom('changed'));
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeIntermediate, 'intermediate', ours, 0)));
    const other = kem.decapsulate(new Uint8Array(1088).fill(1));
    expect(other.ok && other.value.length).toBe(32); // implicit rejection: no error
    expect(transcript.intermediate).toBeUndefined();
    // Goes on under the keys of before, as if the changed answer had told it nothing.
    const answer = pair.sent[1]!.bytes;
    ikeSa.receive(headerOf(answer), answer);
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads, 0)));
    expect(outcomes(pair.responderActions)).toEqual(['refused not-authentic']);
  });
});

describe('an initiator that offers an additional key exchange', () => {
  it('refuses an answer that chooses it without IKE_INTERMEDIATE', () => {
    const pair = new Pair({ ...both(hybrid), link: () => [] });
    pair.start();
    pair.injectToServer(pair.sent[0]!.bytes);
    const answer = pair.sent[1]!.bytes;
    // INTERMEDIATE_EXCHANGE_SUPPORTED becomes a notification that nobody knows.
    const at = Buffer.from(answer).indexOf(Buffer.from([0, 0, 0x40, 0x36]));
    expect(at).toBeGreaterThan(0);
    answer[at + 2] = 0x7f;
    pair.injectToRouter(answer);
    expect(outcomes(pair.initiatorActions)).toEqual(['refused no-proposal-chosen']);
  });
});

describe('an initiator that hears from a stranger in IKE_INTERMEDIATE', () => {
  it('refuses an unknown critical payload, and tells the peer its type', () => {
    const huge = { longestDatagramOctets: 9000 };
    const pair = new Pair({ initiator: { ikeProposals: ikeProposals(hybrid), ...huge }, link: () => [] });
    pair.start();
    const stranger = new StrangeResponder(
      pair.sent[0]!.bytes,
      [encodeNotify(notifyTypes.intermediateExchangeSupported)],
      encodeSecurityAssociation(proposalsOf(acceptableIke(ikeProposals(hybrid)), new Uint8Array(0))),
    );
    pair.injectToRouter(stranger.response);
    const request = stranger.receive(pair.sent[1]!.bytes);
    if (request.kind !== 'request' || !request.payloads.ok) throw new Error(request.kind);
    const encapsulated = mlkem768.encapsulate(
      request.payloads.value.body(payloadTypes.keyExchange)!.subarray(4),
    );
    if (!encapsulated.ok) throw new Error(encapsulated.message);
    const answer = [
      encodeKeyExchange({ method: mlkem768.id, data: encapsulated.value.ciphertext }),
      { type: 200, body: new Uint8Array(2), critical: true },
    ];
    pair.injectToRouter(whole(stranger.ikeSa.respond(exchangeTypes.ikeIntermediate, 1, answer)));
    expect(outcomes(pair.initiatorActions)).toEqual(['failed unsupported-critical-payload']);
    const told = stranger.receive(pair.sent[2]!.bytes);
    if (told.kind !== 'request' || !told.payloads.ok) throw new Error(told.kind);
    expect(told.exchangeType).toBe(exchangeTypes.informational);
    expect(told.payloads.value.notifies).toMatchObject([
      { type: notifyTypes.unsupportedCriticalPayload, data: Uint8Array.of(200) },
    ]);
    expect(pair.initiator.isOver).toBe(true);
  });
});

describe('what AUTH says about IKE_INTERMEDIATE', () => {
  it('is a MAC over both messages as they were before encryption (RFC 9242 section 3.3.2), written down by hand', () => {
    const payloads = [encodeNotify(40_000, Uint8Array.of(0xaa, 0xbb))];
    const key = new Uint8Array(32).fill(5);
    const mac = intermediateMac(
      prfs.prfsha256,
      new Secret(key.slice()),
      {
        initiatorSpi: 0x0102030405060708n,
        responderSpi: 0x1112131415161718n,
        exchangeType: 43,
        fromInitiator: true,
        isResponse: false,
        messageId: 1,
      },
      contentsOf(payloads),
    );
    const octets =
      // Header: SPIs, next payload SK, version, exchange type, flags, message ID, 28 + 4 + 10 octets.
      '0102030405060708' +
      '1112131415161718' +
      '2e202b08' +
      '00000001' +
      '0000002a' +
      // Generic header of SK: next payload Notify, 4 + 10 octets; then the Notify payload itself.
      '2900000e' +
      '0000000a00009c40aabb';
    expect(hex(mac)).toBe(createHmac('sha256', key).update(Buffer.from(octets, 'hex')).digest('hex'));
    expect(hex(intermediateAuth(Uint8Array.of(1, 2), Uint8Array.of(3, 4), 2))).toBe('0102030400000002');
  });

  it('is part of the octets that the ends sign: an AUTH without it does not pass', () => {
    const pair = new Pair({ responder: { ikeProposals: ikeProposals(hybrid) } });
    const stranger = new StrangeInitiator(undefined, [
      encodeSecurityAssociation(proposalsOf(acceptableIke(ikeProposals(hybrid)), new Uint8Array(0))),
      encodeNotify(notifyTypes.intermediateExchangeSupported),
    ]);
    pair.injectToServer(stranger.request);
    const { ikeSa, transcript, payloads } = stranger.proceed(pair.sent[0]!.bytes);
    const offer = offerAdditional(mlkem768, seededRandom('signed'));
    pair.injectToServer(
      whole(ikeSa.request(exchangeTypes.ikeIntermediate, 'intermediate', offer.payloads, 0)),
    );
    const answer = pair.sent[1]!.bytes;
    const received = ikeSa.receive(headerOf(answer), answer);
    if (received.kind !== 'response' || !received.payloads.ok) throw new Error(received.kind);
    const completed = acceptAdditional(offer, ikeSa, transcript, {
      ...received,
      payloads: received.payloads.value,
    });
    expect(completed.ok && completed.value.intermediate?.length).toBe(32 + 32 + 4);
    // The right keys, the right pre-shared key, and AUTH over IKE_SA_INIT alone.
    const auth = stranger.authentication(ikeSa, transcript);
    pair.injectToServer(
      whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads.with(1, auth), 0)),
    );
    expect(outcomes(pair.responderActions)).toEqual(['refused authentication-failed']);
  });
});
