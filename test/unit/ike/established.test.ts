import { describe, expect, it } from 'vitest';
import {
  exchangeTypes,
  notifyTypes,
  payloadTypes,
  protocolIds,
} from '../../../host/ike/wire/iana-numbers.ts';
import { encodeNonce } from '../../../host/ike/wire/key-exchange.ts';
import { encodeDeleteEsp, encodeNotify } from '../../../host/ike/wire/notify.ts';
import { encodeMessage, type PayloadValue } from '../../../host/ike/wire/payload-chain.ts';
import { actionsOf, endpoint, hex, outcomes, Pair, routerEndpoint, serverEndpoint } from './ends/pair.ts';
import { headerOf, payload, StrangeInitiator, whole } from './ends/stranger.ts';

function established(options: ConstructorParameters<typeof Pair>[0] = {}): Pair {
  const pair = new Pair(options);
  pair.start();
  pair.run();
  pair.initiatorActions.length = 0;
  pair.responderActions.length = 0;
  pair.sent.length = 0;
  return pair;
}

function onlySaId(pair: Pair): string {
  const [response] = pair.sent.filter((one) => !one.toServer);
  return response === undefined ? '' : headerOf(response.bytes).responderSpi.toString(16).padStart(16, '0');
}

describe('liveness', () => {
  it('is one empty exchange, and says that the peer lives', () => {
    const pair = established();
    pair.checkLiveness();
    pair.run();
    expect(pair.sent.length).toBe(2);
    expect(outcomes(pair.initiatorActions)).toEqual(['alive']);
    expect(outcomes(pair.responderActions)).toEqual([]);
  });

  it('is not asked twice at once', () => {
    const pair = established();
    pair.checkLiveness();
    pair.checkLiveness();
    pair.run();
    expect(pair.sent.length).toBe(2);
  });

  it('closes the SA when nobody answers to the last retransmission', () => {
    const pair = established();
    const start = pair.now;
    pair.link = () => [];
    pair.checkLiveness();
    pair.run();
    expect(outcomes(pair.initiatorActions)).toEqual(['closed no-response']);
    expect(pair.now - start).toBeCloseTo(165_061.12, 1);
    expect(pair.initiator.isOver).toBe(true);
  });

  it('can be asked by the responder as well', () => {
    const pair = new Pair();
    pair.start();
    pair.run();
    const saId = actionsOf(pair.responderActions, 'established')[0]!.saId;
    pair.atResponder({ kind: 'check-liveness', saId });
    pair.run();
    expect(outcomes(pair.responderActions)).toEqual(['established', 'alive']);
    pair.link = () => [];
    pair.atResponder({ kind: 'check-liveness', saId });
    pair.run();
    expect(outcomes(pair.responderActions)).toEqual(['established', 'alive', 'closed no-response']);
    expect(pair.responders.size).toBe(0);
  });

  it('hints at a peer that has lost its state, without believing it', () => {
    const pair = established();
    const other = new Pair({ seed: 'after a restart' });
    pair.link = () => [];
    pair.checkLiveness();
    const answer = other.injectToServer(pair.sent[0]!.bytes);
    expect(outcomes(answer)).toEqual(['refused unknown-spi']);
    pair.injectToRouter(other.sent[0]!.bytes);
    expect(outcomes(pair.initiatorActions)).toEqual(['peer-lost-state']);
    expect(pair.initiator.isEstablished).toBe(true);
  });
});

describe('delete', () => {
  it('by the initiator ends both ends', () => {
    const pair = established();
    pair.close();
    pair.run();
    expect(outcomes(pair.initiatorActions)).toEqual(['closed local']);
    expect(outcomes(pair.responderActions)).toEqual(['closed peer-deleted']);
    expect(pair.responders.size).toBe(0);
  });

  it('by the responder ends both ends', () => {
    const pair = new Pair();
    pair.start();
    pair.run();
    pair.atResponder({ kind: 'close', saId: actionsOf(pair.responderActions, 'established')[0]!.saId });
    pair.run();
    expect(outcomes(pair.initiatorActions)).toEqual(['established', 'closed peer-deleted']);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'closed local']);
    expect(pair.initiator.isOver).toBe(true);
  });

  it('by both at once ends both, each reporting once', () => {
    const pair = new Pair();
    pair.start();
    pair.run();
    pair.close();
    pair.atResponder({ kind: 'close', saId: actionsOf(pair.responderActions, 'established')[0]!.saId });
    pair.run();
    expect(outcomes(pair.initiatorActions)).toEqual(['established', 'closed local']);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'closed local']);
    expect(pair.responders.size).toBe(0);
  });

  it('waits for the exchange under way: the window is one', () => {
    const pair = established();
    pair.checkLiveness();
    pair.close();
    expect(pair.sent.length).toBe(1);
    pair.run();
    expect(pair.sent.length).toBe(4);
    expect(outcomes(pair.initiatorActions)).toEqual(['alive', 'closed local']);
  });

  it('by the peer stops the requests of this end', () => {
    const pair = new Pair();
    pair.start();
    pair.run();
    const saId = actionsOf(pair.responderActions, 'established')[0]!.saId;
    pair.link = ({ toServer }) => (toServer ? [10] : []);
    pair.atResponder({ kind: 'check-liveness', saId });
    pair.close();
    pair.run(pair.now + 100);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'closed peer-deleted']);
    const sent = pair.sent.length;
    pair.responders.handle({ kind: 'deadline' }, pair.now + 5000);
    expect(pair.sent.length).toBe(sent);
    expect(pair.responders.nextDeadline()).toBeGreaterThan(pair.now + 20_000);
  });

  it('is over after the last retransmission even if the peer is gone', () => {
    const pair = established();
    pair.link = () => [];
    pair.close();
    pair.run();
    expect(outcomes(pair.initiatorActions)).toEqual(['closed local']);
  });

  it('is answered again, with the same octets, when its answer was lost', () => {
    let lost = 0;
    const pair = established();
    pair.link = ({ toServer }) => (!toServer && lost++ < 2 ? [] : [10]);
    pair.close();
    pair.run();
    const answers = pair.sent.filter((one) => !one.toServer).map((one) => hex(one.bytes));
    expect(answers.length).toBe(3);
    expect(new Set(answers).size).toBe(1);
    expect(outcomes(pair.initiatorActions)).toEqual(['closed local']);
  });
});

describe('a request that comes again', () => {
  it('is answered with the same octets and done once', () => {
    const pair = established();
    pair.checkLiveness();
    pair.run();
    const [request, response] = pair.sent;
    for (let count = 0; count < 3; count++) pair.injectToServer(request!.bytes);
    const repeated = pair.sent.slice(2).map((one) => hex(one.bytes));
    expect(repeated).toEqual([hex(response!.bytes), hex(response!.bytes), hex(response!.bytes)]);
  });

  it('moves nobody: an address is learnt from new authentic messages only', () => {
    const pair = established();
    pair.checkLiveness();
    pair.run();
    const elsewhere = endpoint(66, 666);
    const replay = pair.injectToServer(pair.sent[0]!.bytes, elsewhere);
    expect(actionsOf(replay, 'send')[0]!.to).toEqual(elsewhere);
    expect(actionsOf(replay, 'peer-moved')).toEqual([]);
    const saId = onlySaId(pair);
    expect(pair.responders.responder(saId)!.established!.path.peer).toEqual(routerEndpoint);
  });

  it('is refused when it is older than the last one', () => {
    const pair = established();
    pair.checkLiveness();
    pair.run();
    const old = pair.sent[0]!.bytes;
    pair.checkLiveness();
    pair.run();
    expect(outcomes(pair.injectToServer(old))).toEqual(['refused message-id']);
  });
});

describe('an initiator that moves', () => {
  it('is followed by the responder, which reports it and sends there', () => {
    const pair = established();
    pair.nat = endpoint(77, 7777);
    pair.checkLiveness();
    pair.run();
    expect(actionsOf(pair.responderActions, 'peer-moved')).toMatchObject([{ peer: endpoint(77, 7777) }]);
    expect(outcomes(pair.initiatorActions)).toEqual(['alive']);
    const saId = onlySaId(pair);
    pair.atResponder({ kind: 'check-liveness', saId });
    expect(actionsOf(pair.responderActions, 'send').at(-1)!.to).toEqual(endpoint(77, 7777));
    pair.run();
    expect(outcomes(pair.responderActions)).toEqual(['peer-moved', 'alive']);
  });

  it('is not followed on messages that are not authentic', () => {
    const pair = established();
    pair.checkLiveness();
    const forged = pair.sent[0]!.bytes.slice();
    forged[forged.length - 1]! ^= 1;
    const actions = pair.injectToServer(forged, endpoint(66));
    expect(outcomes(actions)).toEqual(['refused not-authentic']);
  });
});

/** A responder of ours with a stranger as its established initiator. */
function strangerAt(): { pair: Pair; send: (exchange: number, payloads: PayloadValue[]) => SentBack } {
  const pair = new Pair();
  const stranger = new StrangeInitiator();
  pair.injectToServer(stranger.request);
  const { ikeSa, payloads } = stranger.proceed(pair.sent[0]!.bytes);
  pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads, 0)));
  ikeSa.receive(headerOf(pair.sent[1]!.bytes), pair.sent[1]!.bytes);
  return {
    pair,
    send(exchange, values) {
      const sent = pair.sent.length;
      pair.injectToServer(whole(ikeSa.request(exchange, 'liveness', values, 0)));
      const answer = pair.sent[sent]!.bytes;
      const received = ikeSa.receive(headerOf(answer), answer);
      if (received.kind !== 'response' || !received.payloads.ok) return { notifies: [], deletes: [] };
      return {
        notifies: received.payloads.value.notifies.map((notify) => notify.type),
        deletes: received.payloads.value.bodies(payloadTypes.delete).map(hex),
      };
    },
  };
}

interface SentBack {
  readonly notifies: number[];
  readonly deletes: string[];
}

describe('an established SA whose peer says something else', () => {
  it('answers a request for another CHILD SA with NO_ADDITIONAL_SAS and goes on', () => {
    const { pair, send } = strangerAt();
    const another = [
      payload.saEsp(),
      encodeNonce(new Uint8Array(32)),
      payload.selectors('initiator'),
      payload.selectors('responder'),
    ];
    expect(send(exchangeTypes.createChildSa, another).notifies).toEqual([notifyTypes.noAdditionalSas]);
    expect(send(exchangeTypes.informational, []).notifies).toEqual([]);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'refused no-additional-sas']);
  });

  it('answers an unknown critical payload with its type and goes on', () => {
    const { pair, send } = strangerAt();
    const unknown = { type: 200, body: new Uint8Array(2) };
    expect(send(exchangeTypes.informational, [unknown]).notifies).toEqual([]);
    expect(send(exchangeTypes.informational, [{ ...unknown, critical: true }]).notifies).toEqual([
      notifyTypes.unsupportedCriticalPayload,
    ]);
    expect(send(exchangeTypes.informational, []).notifies).toEqual([]);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'refused unsupported-critical-payload']);
  });

  it('answers what it cannot read with INVALID_SYNTAX, and that is the end', () => {
    const { pair, send } = strangerAt();
    const broken = { type: payloadTypes.notify, body: new Uint8Array(1) };
    expect(send(exchangeTypes.informational, [broken]).notifies).toEqual([notifyTypes.invalidSyntax]);
    expect(outcomes(pair.responderActions)).toEqual([
      'established',
      'refused invalid-syntax',
      'closed invalid-syntax',
    ]);
    pair.run();
    expect(pair.responders.size).toBe(0);
  });

  it('answers an unknown exchange with INVALID_SYNTAX', () => {
    const { send } = strangerAt();
    expect(send(99, []).notifies).toEqual([notifyTypes.invalidSyntax]);
  });

  it('believes AUTHENTICATION_FAILED', () => {
    const { pair, send } = strangerAt();
    expect(
      send(exchangeTypes.informational, [encodeNotify(notifyTypes.authenticationFailed)]).notifies,
    ).toEqual([]);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'closed authentication-failed']);
  });

  it('answers the delete of its CHILD SA with the other half, then deletes the IKE SA', () => {
    const { pair, send } = strangerAt();
    const { childSa } = actionsOf(pair.responderActions, 'established')[0]!;
    pair.injectToServer(new Uint8Array(0));
    const first = pair.sent.length;
    const answer = send(exchangeTypes.informational, [encodeDeleteEsp([0xbeef01])]);
    // RFC 7296 section 1.4.1: ESP, one SPI of four octets, the one on which this end receives.
    expect(answer.deletes).toEqual(['0304000100001000']);
    expect(pair.sent.length).toBe(first + 2);
    expect(childSa.inboundSpi).toBe(0x1000);
    expect(outcomes(pair.responderActions)).toEqual([
      'established',
      'refused malformed',
      'closed child-deleted',
    ]);
    pair.run(); // nobody answers that delete
    expect(actionsOf(pair.responderActions, 'closed').length).toBe(1);
    expect(pair.responders.size).toBe(0);
  });

  it('ignores the delete of an SPI that it does not have', () => {
    const { pair, send } = strangerAt();
    expect(send(exchangeTypes.informational, [encodeDeleteEsp([0x7777])]).deletes).toEqual([]);
    expect(outcomes(pair.responderActions)).toEqual(['established']);
  });

  it('answers a Delete payload that it cannot read with INVALID_SYNTAX', () => {
    const { send } = strangerAt();
    const body = Uint8Array.of(protocolIds.esp, 4, 0, 2, 1, 2, 3, 4);
    expect(send(exchangeTypes.informational, [{ type: payloadTypes.delete, body }]).notifies).toEqual([
      notifyTypes.invalidSyntax,
    ]);
  });
});

describe('messages in the clear to an established SA', () => {
  it('change nothing', () => {
    const pair = established();
    pair.checkLiveness();
    const header = headerOf(pair.sent[0]!.bytes);
    const { initiatorSpi, responderSpi, messageId, exchangeType } = header;
    const value = { initiatorSpi, responderSpi, messageId, exchangeType };
    pair.link = () => [];
    const toServer = encodeMessage({ ...value, fromInitiator: true, isResponse: false }, []);
    const toRouter = encodeMessage({ ...value, fromInitiator: false, isResponse: true }, []);
    expect(outcomes(pair.injectToServer(toServer))).toEqual(['refused not-authentic']);
    expect(outcomes(pair.injectToRouter(toRouter))).toEqual(['refused not-authentic']);
    expect(pair.initiator.isEstablished).toBe(true);
    expect(serverEndpoint.port).toBe(4500);
  });
});
