/** The whole key schedule against a second implementation, in Python, from nothing but the RFC. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { aes256Gcm16 } from '../../../host/ike/crypto/aead.ts';
import { sharedKeyAuthentication, signedOctets } from '../../../host/ike/crypto/authentication.ts';
import {
  type DirectionKeys,
  deriveChildKeys,
  deriveIkeKeys,
  wipeIkeKeys,
} from '../../../host/ike/crypto/key-derivation.ts';
import { prfHmacSha256 } from '../../../host/ike/crypto/prf.ts';
import { Secret } from '../../../host/model/secret.ts';
import { describeWith } from '../../requirements.ts';
import { seededRandom } from '../../unit/ike/pair.ts';

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const spiOctets = (spi: bigint): string => spi.toString(16).padStart(16, '0');

describeWith(['python'], 'the key schedule of IKEv2', () => {
  it.each(['a', 'b', 'c'])('agrees with a stranger on every key and both AUTH values (seed %s)', (seed) => {
    const random = seededRandom(`key schedule ${seed}`);
    const given = {
      sharedSecret: new Secret(random(32)),
      initiatorNonce: random(32),
      responderNonce: random(16 + (random(1)[0]! & 31)),
      initiatorSpi: 0x00a1b2c3d4e5f607n,
      responderSpi: 0xfedcba9876543210n,
    };
    const preSharedKey = new Secret(random(90));
    const [message1, message2, idi, idr] = [random(300), random(280), random(20), random(24)] as const;
    const algorithms = { prf: prfHmacSha256, aead: aes256Gcm16 };
    const keys = deriveIkeKeys(algorithms, given);
    const { initiatorNonce, responderNonce } = given;
    const child = deriveChildKeys(
      prfHmacSha256,
      keys.derivation,
      initiatorNonce,
      responderNonce,
      aes256Gcm16,
    );
    const joined = (one: DirectionKeys): string => hex(one.encryptionKey.reveal()) + hex(one.salt.reveal());
    const ours = {
      sk_d: hex(keys.derivation.reveal()),
      sk_ei: hex(keys.encryptionInitiator.reveal()),
      sk_er: hex(keys.encryptionResponder.reveal()),
      sk_pi: hex(keys.authenticationInitiator.reveal()),
      sk_pr: hex(keys.authenticationResponder.reveal()),
      child_initiator: joined(child.initiatorToResponder),
      child_responder: joined(child.responderToInitiator),
      auth_i: hex(
        sharedKeyAuthentication(
          prfHmacSha256,
          preSharedKey,
          signedOctets(prfHmacSha256, {
            message: message1,
            peerNonce: responderNonce,
            macKey: keys.authenticationInitiator,
            identification: idi,
          }),
        ),
      ),
      auth_r: hex(
        sharedKeyAuthentication(
          prfHmacSha256,
          preSharedKey,
          signedOctets(prfHmacSha256, {
            message: message2,
            peerNonce: initiatorNonce,
            macKey: keys.authenticationResponder,
            identification: idr,
          }),
        ),
      ),
    };
    const input = {
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
    expect(hex(keys.derivation.reveal())).toBe('00'.repeat(32));
  });
});
