/** The whole key schedule against a second implementation, in Python, from nothing but the RFC. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Aead, aeads } from '../../../host/ike/crypto/aead.ts';
import type { IkeAlgorithms } from '../../../host/ike/crypto/algorithms.ts';
import { sharedKeyAuthentication, signedOctets } from '../../../host/ike/crypto/authentication.ts';
import { cbcCiphers } from '../../../host/ike/crypto/encrypt-then-mac.ts';
import { integrities } from '../../../host/ike/crypto/integrity.ts';
import {
  deriveChildKeys,
  deriveIkeKeys,
  deriveRekeyedIkeKeys,
  wipeIkeKeys,
} from '../../../host/ike/crypto/key-derivation.ts';
import { keyExchangeMethods } from '../../../host/ike/crypto/key-exchange.ts';
import { type Prf, prfs } from '../../../host/ike/crypto/prf.ts';
import { proposals } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { SaKeys } from '../../../host/model/security-association.ts';
import { describeWith } from '../../requirements.ts';
import { seededRandom } from '../../unit/ike/ends/pair.ts';

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const spiOctets = (spi: bigint): string => spi.toString(16).padStart(16, '0');

const espOf = (keyword: string) => {
  const esp = proposals.get(keyword);
  if (esp === undefined) throw new Error(keyword);
  return esp;
};
const { x25519 } = keyExchangeMethods;
const combined = (cipher: Aead, prf: Prf): IkeAlgorithms => ({
  cipher,
  integrity: undefined,
  prf,
  keyExchange: x25519,
});

describeWith(['python'], 'the key schedule of IKEv2', () => {
  it.each([
    [combined(aeads.aes256gcm16, prfs.prfsha256), 'aes256gcm16'],
    [combined(aeads.aes128gcm16, prfs.prfsha512), 'aes128gcm16'],
    [combined(aeads.chacha20poly1305, prfs.prfsha384), 'chacha20poly1305'],
    [
      { cipher: cbcCiphers.aes256, integrity: integrities.sha512, prf: prfs.prfsha256, keyExchange: x25519 },
      'aes256-sha384',
    ],
    [
      { cipher: cbcCiphers.aes128, integrity: integrities.sha384, prf: prfs.prfsha384, keyExchange: x25519 },
      'aes128-sha256',
    ],
  ] satisfies [IkeAlgorithms, string][])(
    'agrees with a stranger on every key and both AUTH values (%#)',
    (algorithms, keyword) => {
      const esp = espOf(keyword);
      const random = seededRandom(`key schedule ${keyword}`);
      const given = {
        sharedSecret: new Secret(random(32)),
        initiatorNonce: random(32),
        responderNonce: random(16 + (random(1)[0]! & 31)),
        initiatorSpi: 0x00a1b2c3d4e5f607n,
        responderSpi: 0xfedcba9876543210n,
      };
      const preSharedKey = new Secret(random(90));
      const [message1, message2, idi, idr] = [random(300), random(280), random(20), random(24)] as const;
      const keys = deriveIkeKeys(algorithms, given);
      const { initiatorNonce, responderNonce } = given;
      const nonces = { initiatorNonce, responderNonce };
      const child = deriveChildKeys(algorithms.prf, { ...nonces, derivation: keys.derivation }, esp);
      const rekeyed = deriveRekeyedIkeKeys({ prf: algorithms.prf, derivation: keys.derivation }, algorithms, {
        ...given,
        initiatorNonce: responderNonce,
        responderNonce: initiatorNonce,
      });
      const childOfItsOwn = deriveChildKeys(
        algorithms.prf,
        { ...nonces, derivation: keys.derivation, sharedSecret: given.sharedSecret },
        esp,
      );
      const joined = (one: SaKeys): string =>
        hex(one.encryptionKey.reveal()) + hex(one.salt.reveal()) + hex(one.authenticationKey.reveal());
      const ours = {
        sk_d: hex(keys.derivation.reveal()),
        sk_ai: hex(keys.integrityInitiator.reveal()),
        sk_ar: hex(keys.integrityResponder.reveal()),
        sk_ei: hex(keys.encryptionInitiator.reveal()),
        sk_er: hex(keys.encryptionResponder.reveal()),
        sk_pi: hex(keys.authenticationInitiator.reveal()),
        sk_pr: hex(keys.authenticationResponder.reveal()),
        child_initiator: joined(child.initiatorToResponder),
        child_responder: joined(child.responderToInitiator),
        child_pfs_initiator: joined(childOfItsOwn.initiatorToResponder),
        child_pfs_responder: joined(childOfItsOwn.responderToInitiator),
        rekeyed_d: hex(rekeyed.derivation.reveal()),
        rekeyed_er: hex(rekeyed.encryptionResponder.reveal()),
        rekeyed_pr: hex(rekeyed.authenticationResponder.reveal()),
        auth_i: hex(
          sharedKeyAuthentication(
            algorithms.prf,
            preSharedKey,
            signedOctets(algorithms.prf, {
              message: message1,
              peerNonce: responderNonce,
              macKey: keys.authenticationInitiator,
              identification: idi,
            }),
          ),
        ),
        auth_r: hex(
          sharedKeyAuthentication(
            algorithms.prf,
            preSharedKey,
            signedOctets(algorithms.prf, {
              message: message2,
              peerNonce: initiatorNonce,
              macKey: keys.authenticationResponder,
              identification: idr,
            }),
          ),
        ),
      };
      const input = {
        sizes: [
          algorithms.prf.octets,
          algorithms.integrity?.keyOctets ?? 0,
          algorithms.cipher.keyOctets + algorithms.cipher.saltOctets,
          esp.encryptionKeyOctets + esp.saltOctets + esp.authenticationKeyOctets,
        ],
        hash: algorithms.prf.hash,
        shared_secret: hex(given.sharedSecret.reveal()),
        ni: hex(initiatorNonce),
        nr: hex(responderNonce),
        spii: spiOctets(given.initiatorSpi),
        spir: spiOctets(given.responderSpi),
        psk: hex(preSharedKey.reveal()),
        message1: hex(message1),
        message2: hex(message2),
        idi: hex(idi),
        idr: hex(idr),
      };
      const script = fileURLToPath(new URL('key_schedule.py', import.meta.url));
      const run = spawnSync('python3', [script], { input: JSON.stringify(input), encoding: 'utf8' });
      expect(run.stderr).toBe('');
      expect(ours).toEqual(JSON.parse(run.stdout));
      wipeIkeKeys(keys);
      expect(hex(keys.derivation.reveal())).toBe('00'.repeat(algorithms.prf.octets));
      expect(hex(keys.integrityResponder.reveal())).toMatch(/^0*$/);
    },
  );
});
