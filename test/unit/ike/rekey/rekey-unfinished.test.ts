/** Rekeyings that one end begins and does not finish, and what was under way on an IKE SA that is replaced meanwhile. */
import { describe, expect, it } from 'vitest';
import { lateArrivalMs } from '../../../../host/ike/child-sas.ts';
import { curve25519 } from '../../../../host/ike/crypto/curve25519.ts';
import { acceptableIke, proposalsOf } from '../../../../host/ike/proposal-selection.ts';
import { patienceMs } from '../../../../host/ike/rekey/rekey-retry.ts';
import { exchangeTypes, notifyTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from '../../../../host/ike/wire/key-exchange.ts';
import { encodeDeleteEsp, encodeEspNotify } from '../../../../host/ike/wire/notify.ts';
import type { PayloadValue } from '../../../../host/ike/wire/payload-chain.ts';
import { encodeSecurityAssociation } from '../../../../host/ike/wire/security-association.ts';
import { Ends, expectOneOfEach } from '../ends/ends.ts';
import { StrangePeer } from '../ends/established-stranger.ts';
import { actionsOf, endpoint, inner, outcomes, seededRandom } from '../ends/pair.ts';
import { ikeProposals } from '../ends/proposals.ts';
import { headerOf, payload } from '../ends/stranger.ts';

const { createChildSa, informational } = exchangeTypes;
const random = seededRandom('unfinished');

/** The peer's request to rekey the IKE SA, with `last` as the last octet of its new SPI. */
function ikeSaRekeying(last: number): PayloadValue[] {
  const acceptable = acceptableIke(ikeProposals('aes256gcm16-prfsha256-x25519'), 8);
  const spi = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, last);
  return [
    encodeSecurityAssociation(proposalsOf(acceptable, spi)),
    encodeNonce(random(32)),
    encodeKeyExchange({ method: curve25519.id, data: curve25519.generate(random).publicValue }),
  ];
}

/** The peer's request to put a CHILD SA with `spi` in place of the one that there is. */
function childRekeying(spi: number): PayloadValue[] {
  return [
    encodeEspNotify(notifyTypes.rekeySa, 0xbeef01),
    payload.saEsp(spi),
    encodeNonce(random(32)),
    payload.selectors('initiator', [inner(100)]),
    payload.selectors('responder', [inner(1)]),
  ];
}

const sentBy = ({ pair }: StrangePeer): number => pair.sent.length;

describe('a peer that rekeys the IKE SA and does not use the new one', () => {
  it('may begin anew on the old one: it did not take what the first time set up', () => {
    const peer = new StrangePeer();
    for (let time = 1; time <= 3; time++) {
      peer.ask(createChildSa, ikeSaRekeying(time));
      expect(peer.notifiesOfAnswer()).toEqual([]);
    }
    // The three of them, and the old one, until time has passed.
    peer.pair.run(peer.pair.now + 1000);
    expect(outcomes(peer.pair.initiatorActions)).not.toContain('refused temporary-failure');
    expect(peer.pair.initiator.isEstablished).toBe(true);
  });

  it('does not keep this end from rekeying for more than three minutes', () => {
    const peer = new StrangePeer();
    peer.ask(createChildSa, ikeSaRekeying(1));
    const before = sentBy(peer);
    peer.pair.run(peer.pair.now + patienceMs - 1);
    peer.pair.atInitiator({ kind: 'rekey-ike-sa' });
    peer.pair.atInitiator({ kind: 'rekey-child' });
    expect(sentBy(peer)).toBe(before);
    peer.pair.run(peer.pair.now + 1);
    // What was wanted meanwhile comes by itself, and may be wanted again.
    expect(peer.lastRequest().exchangeType).toBe(createChildSa);
    expect(peer.stranger.receive(peer.pair.sent.at(-1)!.bytes).kind).toBe('request');
  });
});

describe('a peer that rekeys the CHILD SA and does not go on', () => {
  it('may begin anew while it has not used the new one, which is let go', () => {
    const peer = new StrangePeer();
    for (const spi of [0xbeef02, 0xbeef03]) peer.ask(createChildSa, childRekeying(spi));
    expect(peer.notifiesOfAnswer()).toEqual([]);
    const [first, second] = actionsOf(peer.pair.initiatorActions, 'child-installed');
    peer.pair.run(peer.pair.now + lateArrivalMs);
    expect(actionsOf(peer.pair.initiatorActions, 'child-removed')).toMatchObject([
      { inboundSpi: first!.childSa.inboundSpi },
    ]);
    peer.ask(informational, [encodeDeleteEsp([0xbeef01])]);
    expect(actionsOf(peer.pair.initiatorActions, 'child-used')).toMatchObject([
      { inboundSpi: second!.childSa.inboundSpi },
    ]);
  });

  it('may not once it has used it', () => {
    const peer = new StrangePeer();
    peer.ask(createChildSa, childRekeying(0xbeef02));
    const [installed] = actionsOf(peer.pair.initiatorActions, 'child-installed');
    peer.pair.atInitiator({ kind: 'child-arrival', inboundSpi: installed!.childSa.inboundSpi });
    peer.ask(createChildSa, childRekeying(0xbeef03));
    expect(peer.notifiesOfAnswer()).toMatchObject([{ type: notifyTypes.temporaryFailure }]);
  });

  it('has the old one deleted by this end after three minutes', () => {
    const peer = new StrangePeer();
    peer.ask(createChildSa, childRekeying(0xbeef02));
    const before = sentBy(peer);
    peer.pair.run(peer.pair.now + patienceMs - 1);
    expect(sentBy(peer)).toBe(before);
    peer.pair.run(peer.pair.now + 1);
    expect(peer.lastRequest().exchangeType).toBe(informational);
    peer.answerLast(informational, [encodeDeleteEsp([0xbeef01])]);
    const [installed] = actionsOf(peer.pair.initiatorActions, 'child-installed');
    const successor = installed!.childSa.inboundSpi;
    expect(actionsOf(peer.pair.initiatorActions, 'child-used')).toMatchObject([{ inboundSpi: successor }]);
    peer.pair.run(peer.pair.now + lateArrivalMs);
    expect(outcomes(peer.pair.initiatorActions)).toContain('child-removed');
    // From here on the successor is the one that is rekeyed.
    peer.pair.atInitiator({ kind: 'rekey-child' });
    expect(peer.lastRequest().exchangeType).toBe(createChildSa);
  });
});

describe('what is said of addresses on an IKE SA that is replaced meanwhile', () => {
  it.each(['its request', 'the answer'] as const)(
    'is said again on the new one: UPDATE_SA_ADDRESSES, %s lost',
    (lost) => {
      const both = new Ends();
      both.pair.move(endpoint(88));
      if (lost === 'the answer') both.toServer();
      both.lose(lost !== 'the answer');
      both.rekey('server', 'rekey-ike-sa');
      both.settle();
      expect(actionsOf(both.pair.initiatorActions, 'ike-sa-rekeyed').length).toBe(1);
      expect(actionsOf(both.pair.initiatorActions, 'moved').length).toBe(1);
      expect(actionsOf(both.pair.responderActions, 'peer-moved').at(-1)).toMatchObject({
        peer: endpoint(88),
      });
      expectOneOfEach(both);
    },
  );

  it('is asked again on the new one: whether the router is at its new address', () => {
    const both = new Ends();
    both.pair.move(endpoint(88));
    both.toServer();
    both.toRouter();
    // The server's question gets lost, and the router rekeys.
    both.lose(false);
    both.rekey('router', 'rekey-ike-sa');
    for (let message = 0; message < 2; message++) {
      both.toServer();
      both.toRouter();
    }
    const questions = (): number =>
      both.pair.sent.filter(({ toServer, bytes }) => !toServer && !headerOf(bytes).isResponse).length;
    expect(questions()).toBe(2);
    both.settle();
    expectOneOfEach(both);
    expect(questions()).toBe(0); // of those since the list was emptied
  });

  it('is said on the new one alone, when its use and not the delete of the old one shows that it is there', () => {
    const both = new Ends();
    both.pair.move(endpoint(88));
    both.lose(true);
    both.rekey('server', 'rekey-ike-sa');
    both.toRouter();
    both.toServer();
    // The server has the new one now; the delete of the old one gets lost, and a question arrives on the new one.
    both.lose(false);
    const [rekeyed] = actionsOf(both.pair.responderActions, 'ike-sa-rekeyed');
    both.pair.atResponder({ kind: 'check-liveness', saId: rekeyed!.saId });
    both.settle();
    expect(actionsOf(both.pair.initiatorActions, 'moved').length).toBe(1);
    both.pass(4001);
    both.settle();
    expectOneOfEach(both);
  });
});
