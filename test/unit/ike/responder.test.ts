import { describe, expect, it } from 'vitest';
import { exchangeTypes, notifyTypes } from '../../../host/ike/wire/iana-numbers.ts';
import type { PayloadValue } from '../../../host/ike/wire/payload-chain.ts';
import { encodeSecurityAssociation } from '../../../host/ike/wire/security-association.ts';
import { actionsOf, hex, inner, outcomes, Pair } from './ends/pair.ts';
import { headerOf, payload, StrangeInitiator, whole } from './ends/stranger.ts';

describe('IKE_AUTH at the responder', () => {
  const run = (change: (payloads: PayloadValue[]) => PayloadValue[], preSharedKey?: string) => {
    const pair = new Pair();
    const stranger = new StrangeInitiator();
    pair.injectToServer(stranger.request);
    const { ikeSa, payloads } = stranger.proceed(pair.sent[0]!.bytes, preSharedKey);
    const request = whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', change(payloads), 0));
    pair.injectToServer(request);
    const answer = pair.sent[1]!.bytes;
    const received = ikeSa.receive(headerOf(answer), answer);
    const notifies =
      received.kind === 'response' && received.payloads.ok ? received.payloads.value.notifies : [];
    return { pair, request, types: notifies.map((notify) => notify.type) };
  };

  it('is accepted as it should be', () => {
    const { pair, types } = run((payloads) => payloads);
    expect(types).toEqual([]);
    expect(outcomes(pair.responderActions)).toEqual(['established']);
  });

  it('is refused once for a wrong key, and answered with the same octets after that', () => {
    const { pair, request, types } = run((payloads) => payloads, 'wrong');
    expect(types).toEqual([notifyTypes.authenticationFailed]);
    pair.injectToServer(request);
    expect(hex(pair.sent[2]!.bytes)).toBe(hex(pair.sent[1]!.bytes));
    expect(pair.responders.counters['authentication-failed']).toBe(1);
    pair.run();
    expect(pair.responders.size).toBe(0);
  });

  it('is not tried twice on one IKE SA: after a refusal even a right one is refused', () => {
    const pair = new Pair();
    const stranger = new StrangeInitiator();
    pair.injectToServer(stranger.request);
    const { ikeSa, payloads } = stranger.proceed(pair.sent[0]!.bytes);
    const incomplete = whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads.slice(0, 1), 0));
    pair.injectToServer(incomplete);
    ikeSa.receive(headerOf(pair.sent[1]!.bytes), pair.sent[1]!.bytes);
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads, 0)));
    expect(outcomes(pair.responderActions)).toEqual(['refused authentication-failed', 'refused unexpected']);
    expect(pair.sent.length).toBe(2);
  });

  it.each([
    ['without IDi', 0, 'invalid-syntax'],
    ['without AUTH, as for EAP', 1, 'authentication-failed'],
    ['without SA', 2, 'invalid-syntax'],
    ['without TSi', 3, 'invalid-syntax'],
    ['without TSr', 4, 'invalid-syntax'],
  ] as const)('%s is refused', (_, index, reason) => {
    const { pair } = run((payloads) => payloads.toSpliced(index, 1));
    expect(outcomes(pair.responderActions)).toEqual([`refused ${reason}`]);
    expect(pair.responders.halfOpenCount).toBe(1);
  });

  it('with an unknown critical payload is refused with its type', () => {
    const { pair, types } = run((payloads) => [
      ...payloads,
      { type: 77, body: new Uint8Array(0), critical: true },
    ]);
    expect(types).toEqual([notifyTypes.unsupportedCriticalPayload]);
    expect(outcomes(pair.responderActions)).toEqual(['refused unsupported-critical-payload']);
  });

  it('without an acceptable ESP proposal gets an IKE SA without a CHILD SA, which ends by itself', () => {
    const esp = encodeSecurityAssociation([
      {
        number: 1,
        protocolId: 3,
        spi: Uint8Array.of(1, 2, 3, 4),
        transforms: [
          { type: 1, id: 12, keyBits: 256 },
          { type: 3, id: 2 }, // HMAC-SHA1-96
          { type: 5, id: 0 },
        ],
      },
    ]);
    const { pair, types } = run((payloads) => payloads.with(2, esp));
    expect(types).toEqual([notifyTypes.noProposalChosen]);
    expect(pair.responders.size).toBe(1);
    expect(pair.responders.halfOpenCount).toBe(0);
    pair.run();
    expect(pair.responders.size).toBe(0);
    expect(outcomes(pair.responderActions)).toEqual(['refused no-proposal-chosen']);
  });

  it('takes plain sequence numbers from a peer that offers no others, and NONE for what GCM needs not', () => {
    const esp = encodeSecurityAssociation([
      {
        number: 1,
        protocolId: 3,
        spi: Uint8Array.of(1, 2, 3, 4),
        transforms: [
          { type: 1, id: 20, keyBits: 256 },
          { type: 3, id: 0 },
          { type: 4, id: 0 },
          { type: 5, id: 0 },
        ],
      },
    ]);
    const { pair } = run((payloads) => payloads.with(2, esp));
    expect(actionsOf(pair.responderActions, 'established')[0]!.childSa).toMatchObject({
      esn: false,
      outboundSpi: 0x01020304,
    });
  });

  it('narrows wide traffic selectors to the addresses of the identity', () => {
    const everything = { ...inner(0), last: inner(255).last };
    const { pair } = run((payloads) =>
      payloads
        .with(3, payload.selectors('initiator', [everything]))
        .with(4, payload.selectors('responder', [everything])),
    );
    expect(actionsOf(pair.responderActions, 'established')[0]!.childSa).toMatchObject({
      localTrafficSelectors: [inner(100)],
      remoteTrafficSelectors: [inner(1)],
    });
  });

  it('names no unknown identity with octets that are not printable', () => {
    const { pair } = run((payloads) =>
      payloads.with(0, payload.identity('initiator', { type: 2, data: Uint8Array.of(27, 91, 65) })),
    );
    expect(actionsOf(pair.responderActions, 'refused')[0]!.message).toContain('0x1b5b41');
  });
});
