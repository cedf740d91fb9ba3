/** An IKE SA whose initiator moves, or is moved by a NAT: both ends together (RFC 4555). */
import { describe, expect, it } from 'vitest';
import type { IkeAction } from '../../../../host/ike/events.ts';
import { mobikeSupported } from '../../../../host/ike/path/mobike.ts';
import { natDetectionNotifies } from '../../../../host/ike/path/nat-detection.ts';
import { exchangeTypes, notifyTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { encodeNotify } from '../../../../host/ike/wire/notify.ts';
import {
  actionsOf,
  endpoint,
  outcomes,
  Pair,
  type PairOptions,
  perfectLink,
  routerEndpoint,
  serverEndpoint,
} from '../ends/pair.ts';
import { headerOf, StrangeInitiator, whole } from '../ends/stranger.ts';

function established(options: PairOptions = {}): Pair {
  const pair = new Pair(options);
  pair.start();
  pair.run();
  for (const actions of [pair.initiatorActions, pair.responderActions]) actions.length = 0;
  pair.sent.length = 0;
  return pair;
}

const without = (actions: readonly IkeAction[], kind: string) =>
  outcomes(actions).filter((one) => one !== kind);

describe('an initiator with another address', () => {
  it('tells the responder, which goes along and finds it there', () => {
    const pair = established();
    expect(pair.initiator.canMove).toBe(true);
    pair.move(endpoint(88));
    pair.run();
    expect(actionsOf(pair.responderActions, 'peer-moved')).toMatchObject([
      { peer: endpoint(88), nat: { peerBehindNat: false } },
    ]);
    expect(actionsOf(pair.initiatorActions, 'moved')).toMatchObject([{ nat: { localBehindNat: false } }]);
    // Update and answer, then the cookie and its answer.
    expect(pair.sent.map(({ toServer }) => toServer)).toEqual([true, false, false, true]);
    expect(without(pair.responderActions, 'peer-moved')).toEqual(['alive']);
    pair.checkLiveness();
    pair.run();
    expect(pair.initiator.isEstablished).toBe(true);
  });

  it('waits with it until what is outstanding is answered', () => {
    const pair = established();
    pair.checkLiveness();
    pair.move(endpoint(88));
    expect(pair.sent.length).toBe(1);
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'moved').length).toBe(1);
  });

  it('learns that there is a NAT now, and so does the responder', () => {
    const pair = established();
    pair.nat = endpoint(77, 7777);
    pair.move(endpoint(88));
    pair.run();
    expect(actionsOf(pair.responderActions, 'peer-moved').at(-1)).toMatchObject({
      peer: endpoint(77, 7777),
      nat: { peerBehindNat: true },
    });
    expect(actionsOf(pair.initiatorActions, 'moved')).toMatchObject([{ nat: { localBehindNat: true } }]);
  });

  it('that answers no question at its new place loses the SA', () => {
    const pair = established();
    pair.link = ({ toServer, bytes, now }) => (toServer ? perfectLink({ toServer, bytes, now }) : []);
    pair.move(endpoint(88));
    // The update arrives, and its answer and the question go to a place where nobody is.
    pair.run(pair.now + 1);
    pair.link = () => [];
    pair.run();
    expect(outcomes(pair.responderActions)).toContain('closed no-response');
  });
});

describe('an initiator that allows no NAT', () => {
  /** An update that names `local` as the initiator's address, and comes from `from`. */
  function update(local = routerEndpoint, from = local) {
    const pair = new Pair({ link: () => [] });
    const stranger = new StrangeInitiator();
    pair.injectToServer(stranger.request);
    const { ikeSa, payloads } = stranger.proceed(pair.sent[0]!.bytes);
    const auth = [...payloads, mobikeSupported()];
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', auth, 0)));
    ikeSa.receive(headerOf(pair.sent[1]!.bytes), pair.sent[1]!.bytes);
    const { saId } = actionsOf(pair.responderActions, 'established')[0]!;
    pair.responderActions.length = 0;
    const allowed = new Uint8Array(12);
    allowed.set(local.address.octets);
    allowed.set(serverEndpoint.address.octets, 4);
    new DataView(allowed.buffer).setUint16(8, local.port);
    new DataView(allowed.buffer).setUint16(10, serverEndpoint.port);
    const request = ikeSa.request(
      exchangeTypes.informational,
      'update-addresses',
      [
        encodeNotify(notifyTypes.updateSaAddresses),
        ...natDetectionNotifies(ikeSa, local, serverEndpoint),
        encodeNotify(notifyTypes.noNatsAllowed, allowed),
      ],
      0,
    );
    pair.injectToServer(whole(request), from);
    const answer = pair.sent[2]!.bytes;
    const received = ikeSa.receive(headerOf(answer), answer);
    if (received.kind !== 'response' || !received.payloads.ok) throw new Error(received.kind);
    return { pair, saId, notifies: received.payloads.value.notifies.map(({ type }) => type) };
  }

  it('is not followed to where there is one, and is told so there', () => {
    const { pair, saId, notifies } = update(endpoint(88), endpoint(77, 7777));
    expect(notifies).toEqual([notifyTypes.unexpectedNatDetected]);
    expect(outcomes(pair.responderActions)).toEqual(['refused unexpected-nat']);
    expect(actionsOf(pair.responderActions, 'refused')).toMatchObject([{ from: endpoint(77, 7777) }]);
    expect(actionsOf(pair.responderActions, 'send')).toMatchObject([{ to: endpoint(77, 7777) }]);
    expect(pair.responders.responder(saId)!.established!.path.peer).toEqual(routerEndpoint);
    pair.atResponder({ kind: 'check-liveness', saId });
    expect(actionsOf(pair.responderActions, 'send').at(-1)!.to).toEqual(routerEndpoint);
  });

  it('is followed to where there is none', () => {
    const { pair, saId, notifies } = update(endpoint(88));
    expect(notifies).toEqual([notifyTypes.natDetectionSourceIp, notifyTypes.natDetectionDestinationIp]);
    expect(outcomes(pair.responderActions)).toEqual(['peer-moved']);
    expect(pair.responders.responder(saId)!.established!.path.peer).toEqual(endpoint(88));
  });
});

describe('a NAT that gives the initiator another address', () => {
  it('is noticed by the next liveness checks, and the responder is told', () => {
    const pair = established({ nat: endpoint(77, 7777) });
    pair.checkLiveness();
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'moved')).toEqual([]);
    pair.nat = endpoint(77, 7778);
    pair.checkLiveness();
    pair.run();
    expect(actionsOf(pair.initiatorActions, 'moved')).toMatchObject([{ nat: { localBehindNat: true } }]);
    expect(actionsOf(pair.responderActions, 'peer-moved').at(-1)).toMatchObject({ peer: endpoint(77, 7778) });
  });
});
