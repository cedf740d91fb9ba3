/** Rekeyings with a key exchange (RFC 7296 sections 1.3.2, 1.3.3 and 2.17), and what each end makes of one that it does not want. */
import { describe, expect, it } from 'vitest';
import { keyExchangeMethods } from '../../../../host/ike/crypto/key-exchange.ts';
import { exchangeTypes, notifyTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { encodeNonce } from '../../../../host/ike/wire/key-exchange.ts';
import { encodeEspNotify, encodeInvalidKe, encodeNotify } from '../../../../host/ike/wire/notify.ts';
import { Ends, expectOneOfEach } from '../ends/ends.ts';
import { StrangePeer } from '../ends/established-stranger.ts';
import { actionsOf, inner, outcomes } from '../ends/pair.ts';
import { espProposals, ikeProposals } from '../ends/proposals.ts';
import { headerOf, payload } from '../ends/stranger.ts';

const { createChildSa, informational } = exchangeTypes;

/** Exchanges of CREATE_CHILD_SA that were begun. */
function exchanges(both: Ends): number {
  const isRequest = (bytes: Uint8Array): boolean => {
    const { exchangeType, isResponse } = headerOf(bytes);
    return exchangeType === createChildSa && !isResponse;
  };
  return both.pair.sent.filter(({ bytes }) => isRequest(bytes)).length;
}

/** Octets of the first request of CREATE_CHILD_SA: those with a KE are longer. */
function octetsOfRekeying(both: Ends): number {
  const { sent } = both.pair;
  return sent.find(({ bytes }) => headerOf(bytes).exchangeType === createChildSa)!.bytes.length;
}

describe.each(['router', 'server'] as const)('a CHILD SA rekeyed by the %s', (end) => {
  it('has fresh keys from a key exchange of its own, where both ends want one', () => {
    const withKe = { espProposals: espProposals('aes256gcm16-x25519') };
    const both = new Ends('one', { initiator: withKe, responder: withKe });
    both.rekey(end, 'rekey-child');
    both.settle();
    both.talk();
    const plain = new Ends('one', {
      initiator: { espProposals: espProposals('aes256gcm16') },
      responder: { espProposals: espProposals('aes256gcm16') },
    });
    plain.rekey(end, 'rekey-child');
    plain.settle();
    // The public value of X25519, its payload's header, and the transform in the proposal.
    expect(octetsOfRekeying(both) - octetsOfRekeying(plain)).toBe(32 + 8 + 8);
    expect(exchanges(both)).toBe(1);
    expect(both.router.outboundKeys).toEqual(both.server.inboundKeys);
    expectOneOfEach(both);
  });

  it('takes the key exchange that the other end asks for, in one exchange more', () => {
    const guesses = { espProposals: espProposals('aes256gcm16-x25519-ecp256') };
    const wants = { espProposals: espProposals('aes256gcm16-ecp256') };
    const both = new Ends('one', {
      initiator: end === 'router' ? guesses : wants,
      responder: end === 'router' ? wants : guesses,
    });
    both.rekey(end, 'rekey-child');
    both.settle();
    const refused = [...both.pair.initiatorActions, ...both.pair.responderActions];
    expect(actionsOf(refused, 'refused').map(({ reason }) => reason)).toEqual(['invalid-ke-payload']);
    expect(exchanges(both)).toBe(2);
    expect(both.router.outboundKeys.length).toBe(2);
    expectOneOfEach(both);
  });

  it('is not rekeyed where one end has no key exchange that the other has, and stays', () => {
    const both = new Ends('one', {
      initiator: { espProposals: espProposals('aes256gcm16-x25519') },
      responder: { espProposals: espProposals('aes256gcm16-ecp256') },
    });
    both.rekey(end, 'rekey-child');
    both.settle();
    const actions = end === 'router' ? both.pair.initiatorActions : both.pair.responderActions;
    expect(outcomes(actions)).toContain('rekey-failed no-proposal-chosen');
    expect(both.router.outboundKeys.length).toBe(1);
    expectOneOfEach(both);
  });
});

describe.each(['router', 'server'] as const)('an IKE SA rekeyed by the %s', (end) => {
  it('takes the key exchange that the other end asks for, in one exchange more', () => {
    // At first the server chooses; when it rekeys itself, the router does, and prefers another one.
    const router = { ikeProposals: ikeProposals('aes256gcm16-prfsha256-x25519-ecp256') };
    const server = { ikeProposals: ikeProposals('aes256gcm16-prfsha256-ecp256-x25519') };
    const both = new Ends('one', { initiator: router, responder: server });
    both.rekey(end, 'rekey-ike-sa');
    both.settle();
    const refused = [...both.pair.initiatorActions, ...both.pair.responderActions];
    const reasons = actionsOf(refused, 'refused').map(({ reason }) => reason);
    expect(reasons).toEqual(end === 'router' ? [] : ['invalid-ke-payload']);
    expect(exchanges(both)).toBe(end === 'router' ? 1 : 2);
    expect(actionsOf(both.pair.initiatorActions, 'ike-sa-rekeyed').length).toBe(1);
    expectOneOfEach(both);
  });
});

describe('a peer that goes on asking for another key exchange', () => {
  it.each(['rekey-child', 'rekey-ike-sa'] as const)('is followed once, and %s fails then', (kind) => {
    const peer = new StrangePeer({
      ikeProposals: ikeProposals('aes256gcm16-prfsha256-x25519-ecp256-ecp384'),
      espProposals: espProposals('aes256gcm16-x25519-ecp256-ecp384'),
    });
    peer.pair.atInitiator({ kind });
    peer.answerLast(createChildSa, [encodeInvalidKe(keyExchangeMethods.ecp256.id)]);
    expect(actionsOf(peer.pair.initiatorActions, 'rekey-failed')).toEqual([]);
    peer.answerLast(createChildSa, [encodeInvalidKe(keyExchangeMethods.ecp384.id)]);
    expect(outcomes(peer.pair.initiatorActions)).toContain('rekey-failed invalid-ke-payload');
  });

  it.each([
    ['that was not offered', keyExchangeMethods.modp2048.id],
    ['that it was given', keyExchangeMethods.x25519.id],
  ])('one %s, is not followed', (_, method) => {
    for (const kind of ['rekey-child', 'rekey-ike-sa'] as const) {
      const peer = new StrangePeer({
        ikeProposals: ikeProposals('aes256gcm16-prfsha256-x25519-ecp256'),
        espProposals: espProposals('aes256gcm16-x25519-ecp256'),
      });
      peer.pair.atInitiator({ kind });
      peer.answerLast(createChildSa, [encodeInvalidKe(method)]);
      expect(outcomes(peer.pair.initiatorActions)).toContain('rekey-failed invalid-ke-payload');
    }
  });
});

describe('a CHILD SA that one end does not have', () => {
  it('cannot be rekeyed by the peer, which is told which one it is', () => {
    const peer = new StrangePeer();
    peer.ask(createChildSa, [
      encodeEspNotify(notifyTypes.rekeySa, 0xdead),
      payload.saEsp(0xbeef02),
      encodeNonce(new Uint8Array(32).fill(1)),
      payload.selectors('initiator', [inner(100)]),
      payload.selectors('responder', [inner(1)]),
    ]);
    expect(peer.notifiesOfAnswer()).toEqual([{ type: notifyTypes.childSaNotFound, spi: 0xdead }]);
    expect(outcomes(peer.pair.initiatorActions)).toContain('refused child-sa-not-found');
    // The one that there is stays.
    peer.ask(informational, []);
    expect(peer.pair.initiator.isEstablished).toBe(true);
  });

  it('ends the IKE SA, when it is the peer that does not have it', () => {
    const peer = new StrangePeer();
    peer.pair.atInitiator({ kind: 'rekey-child' });
    peer.answerLast(createChildSa, [encodeNotify(notifyTypes.childSaNotFound)]);
    expect(outcomes(peer.pair.initiatorActions)).toContain('closed child-deleted');
    expect(peer.lastRequest().exchangeType).toBe(informational);
    peer.answerLast(informational, []);
    expect(peer.pair.initiator.isOver).toBe(true);
  });
});
