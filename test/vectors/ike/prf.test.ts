/** RFC 4231 section 4 (HMAC-SHA-2), and NIST CAVP's IKEv2 key derivation for SKEYSEED and prf+. */
import { describe, expect, it } from 'vitest';
import { type Prf, prf, prfHmacSha256, prfPlus, prfs } from '../../../host/ike/crypto/prf.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

describe('prf hmac-sha2-256', () => {
  it.each([
    [
      1,
      new Uint8Array(20).fill(0x0b),
      ascii('Hi There'),
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      2,
      ascii('Jefe'),
      ascii('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      3,
      new Uint8Array(20).fill(0xaa),
      new Uint8Array(50).fill(0xdd),
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    ],
    [
      4,
      octets('0102030405060708090a0b0c0d0e0f10111213141516171819'),
      new Uint8Array(50).fill(0xcd),
      '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    ],
    [
      6,
      new Uint8Array(131).fill(0xaa),
      ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      7,
      new Uint8Array(131).fill(0xaa),
      ascii(
        'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ])('agrees with RFC 4231 test case %i', (_, key, data, expected) => {
    expect(hex(prf(prfHmacSha256, key, data))).toBe(expected);
    expect(hex(prf(prfHmacSha256, key, data.subarray(0, 3), data.subarray(3)))).toBe(expected);
  });
});

describe('prf hmac-sha2-384 and -512', () => {
  it.each([
    [
      prfs.prfsha384,
      'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
      'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    ],
    [
      prfs.prfsha512,
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    ],
  ])('agree with RFC 4231 test cases 1 and 2 (%#)', (algorithm, first, second) => {
    expect(hex(prf(algorithm, new Uint8Array(20).fill(0x0b), ascii('Hi There')))).toBe(first);
    expect(hex(prf(algorithm, ascii('Jefe'), ascii('what do ya want for nothing?')))).toBe(second);
    expect(first.length).toBe(2 * algorithm.octets);
  });
});

/** NIST CAVP, "Application-Specific Key Derivation Functions", IKEv2, HMAC-SHA1, first test. */
const cavp = {
  // Not one that can be negotiated, so its name is that of another.
  prf: { name: 'prfsha256', id: 2, hash: 'sha1', octets: 20 } satisfies Prf,
  initiatorNonce: octets('32b50d5f4a3763f3'),
  responderNonce: octets('9206a04b26564cb1'),
  sharedSecret: octets('4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52'),
  spis: octets('34c9e7c188868785 3ff77d760d2b2199'),
  keySeed: 'a9a7b222b59f8f48645f28a1db5b5f5d7479cba7',
  keyMaterial: `a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002
    a2a63080e514a062768b76606f9fa5e992204fc5a670bde3f10d6b027113936a
    5c55b648a194ae587b0088d52204b702c979fa280870d2ed41efa9c549fd1119
    8af1670b143d384bd275c5f594cf266b05ebadca855e4249520a441a81157435a7a56cc4`,
};

describe('prf+', () => {
  const nonces = Uint8Array.of(...cavp.initiatorNonce, ...cavp.responderNonce);

  it('agrees with NIST CAVP on SKEYSEED and on 132 octets of key material', () => {
    expect(hex(prf(cavp.prf, nonces, cavp.sharedSecret))).toBe(cavp.keySeed);
    const seed = Uint8Array.of(...nonces, ...cavp.spis);
    expect(hex(prfPlus(cavp.prf, octets(cavp.keySeed), seed, 132))).toBe(hex(octets(cavp.keyMaterial)));
  });

  it('gives the front of a longer output for a shorter one, at any length', () => {
    const long = prfPlus(prfHmacSha256, ascii('key'), ascii('seed'), 100);
    for (const length of [0, 1, 31, 32, 33, 64, 99]) {
      expect(prfPlus(prfHmacSha256, ascii('key'), ascii('seed'), length)).toEqual(long.subarray(0, length));
    }
  });

  it('ends where its counter of one octet ends', () => {
    expect(prfPlus(prfHmacSha256, ascii('k'), ascii('s'), 255 * 32).length).toBe(8160);
    expect(() => prfPlus(prfHmacSha256, ascii('k'), ascii('s'), 255 * 32 + 1)).toThrow(RangeError);
  });
});
