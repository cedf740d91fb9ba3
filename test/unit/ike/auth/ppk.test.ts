/** Post-quantum pre-shared keys (RFC 8784): every pair of what the two ends have, and what becomes of it. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { usePpkNotify } from '../../../../host/ike/auth/ppk.ts';
import { aeads } from '../../../../host/ike/crypto/aead.ts';
import { deriveIkeKeys, mixPpk } from '../../../../host/ike/crypto/key-derivation.ts';
import { keyExchangeMethods } from '../../../../host/ike/crypto/key-exchange.ts';
import { prfs } from '../../../../host/ike/crypto/prf.ts';
import { exchangeTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { type Ppk, sharedKey } from '../../../../host/model/credentials.ts';
import { Secret } from '../../../../host/model/secret.ts';
import { actionsOf, hex, key, outcomes, Pair, type PairOptions } from '../ends/pair.ts';
import { ikeProposals } from '../ends/proposals.ts';
import { payload, StrangeResponder, whole } from '../ends/stranger.ts';

const psk = 'correct horse battery staple';
const ppk = (isRequired: boolean, changes: Partial<Ppk> = {}): Ppk => ({
  id: 'ppk-1',
  key: key('0123456789abcdef0123456789abcdef'),
  isRequired,
  ...changes,
});

function run(initiator: Ppk | undefined, responder: Ppk | undefined, more: PairOptions = {}): Pair {
  const pair = new Pair({
    ...more,
    initiator: { ...more.initiator, credentials: { ...sharedKey(key(psk)), ppk: initiator } },
    responder: {
      ...more.responder,
      credentialsFor: () => ({ ...sharedKey(key(psk)), ppk: responder }),
      hasPpks: () => responder !== undefined,
    },
  });
  pair.start();
  return pair.run(60_000);
}

const espKey = (pair: Pair): string =>
  hex(actionsOf(pair.initiatorActions, 'established')[0]!.childSa.outbound.encryptionKey.reveal());

describe('a PPK', () => {
  it('that both ends have is in the keys of ESP and of AUTH', () => {
    const pair = run(ppk(true), ppk(true));
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
    const [atServer] = actionsOf(pair.responderActions, 'established');
    expect(hex(atServer!.childSa.inbound.encryptionKey.reveal())).toBe(espKey(pair));
    expect(espKey(pair)).not.toBe(espKey(run(undefined, undefined)));
    expect(espKey(pair)).not.toBe(
      espKey(
        run(
          ppk(true, { key: key('another key'.repeat(3)) }),
          ppk(true, { key: key('another key'.repeat(3)) }),
        ),
      ),
    );
  });

  it('goes together with ML-KEM', () => {
    const hybrid = { ikeProposals: ikeProposals('aes256gcm16-prfsha384-x25519-ke1_mlkem768') };
    const pair = run(ppk(true), ppk(true), { initiator: hybrid, responder: hybrid });
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
    pair.checkLiveness();
    pair.run(120_000);
    expect(actionsOf(pair.initiatorActions, 'alive').length).toBe(1);
  });

  it.each([
    ['optional at both ends', ppk(false), ppk(false), true],
    ['required at the initiator, optional at the responder', ppk(true), ppk(false), true],
    ['optional at the initiator, required at the responder', ppk(false), ppk(true), true],
    ['optional at the initiator, unknown at the responder', ppk(false), undefined, false],
    ['optional under another name', ppk(false, { id: 'ppk-2' }), ppk(false), false],
    ['unknown at the initiator, optional at the responder', undefined, ppk(false), false],
  ])('%s: the SA comes about', (_, initiator, responder, isUsed) => {
    const pair = run(initiator, responder);
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
    expect(espKey(pair) !== espKey(run(undefined, undefined))).toBe(isUsed);
  });

  it.each([
    ['required at the initiator, unknown at the responder', ppk(true), undefined],
    ['required at the initiator under another name', ppk(true, { id: 'ppk-2' }), ppk(false)],
    ['required at the responder, unknown at the initiator', undefined, ppk(true)],
    ['required at the responder, other name at the initiator', ppk(false, { id: 'ppk-2' }), ppk(true)],
    ['with another key under the same name', ppk(false, { key: key('another key'.repeat(3)) }), ppk(false)],
  ])('%s: there is no SA', (_, initiator, responder) => {
    const pair = run(initiator, responder);
    expect(actionsOf(pair.initiatorActions, 'established')).toEqual([]);
    expect(actionsOf(pair.responderActions, 'established')).toEqual([]);
    expect(actionsOf(pair.initiatorActions, 'failed')).toMatchObject([{ reason: 'authentication-failed' }]);
  });

  it.each([
    [true, 'failed authentication-failed'],
    [false, 'established'],
  ])('that is required (%s) and that the responder knows of, but does not use: %s', (isRequired, outcome) => {
    const credentials = { ...sharedKey(key(psk)), ppk: ppk(isRequired) };
    const pair = new Pair({ initiator: { credentials }, link: () => [] });
    pair.start();
    const stranger = new StrangeResponder(pair.sent[0]!.bytes, [usePpkNotify()]);
    pair.injectToRouter(stranger.response);
    expect(stranger.receive(pair.sent[1]!.bytes).kind).toBe('request');
    const answer = stranger.ikeSa.respond(exchangeTypes.ikeAuth, 1, [
      payload.identity('responder'),
      stranger.authentication(),
      payload.saEsp(),
      payload.selectors('initiator'),
      payload.selectors('responder'),
    ]);
    pair.injectToRouter(whole(answer));
    expect(outcomes(pair.initiatorActions)).toEqual([outcome]);
  });

  it('goes into SK_d, SK_pi and SK_pr by prf+ and into nothing else (RFC 8784 section 3)', () => {
    const algorithms = {
      cipher: aeads.aes256gcm16,
      integrity: undefined,
      prf: prfs.prfsha256,
      keyExchange: keyExchangeMethods.x25519,
    };
    const keys = deriveIkeKeys(algorithms, {
      initiatorNonce: new Uint8Array(32).fill(1),
      responderNonce: new Uint8Array(32).fill(2),
      sharedSecret: new Secret(new Uint8Array(32).fill(3)),
      initiatorSpi: 1n,
      responderSpi: 2n,
    });
    const secret = new Uint8Array(32).fill(4);
    const mixed = mixPpk(algorithms.prf, keys, new Secret(secret.slice()));
    for (const name of ['derivation', 'authenticationInitiator', 'authenticationResponder'] as const) {
      // prf+ of one block: prf(PPK, SK' | 0x01).
      const expected = createHmac('sha256', secret)
        .update(keys[name].reveal())
        .update(Uint8Array.of(1))
        .digest('hex');
      expect(hex(mixed[name].reveal())).toBe(expected);
    }
    expect(mixed.encryptionInitiator).toBe(keys.encryptionInitiator);
    expect(mixed.encryptionResponder).toBe(keys.encryptionResponder);
  });
});
