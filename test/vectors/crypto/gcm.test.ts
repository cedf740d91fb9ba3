/**
 * McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B: the test cases with a 96-bit IV, which are the
 * ones ESP can have (RFC 4106 section 4).
 */
import { describe, expect, it } from 'vitest';
import { GCM_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';

const zeroKey = '00'.repeat(32);
const key = 'feffe9928665731c6d6a8f9467308308'.repeat(2);
const zeroNonce = '00'.repeat(12);
const nonce = 'cafebabefacedbaddecaf888';
const aad = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const long =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255';
const short = long.slice(0, 120);
const cipher128 =
  '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
  '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985';
const cipher192 =
  '3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c' +
  '7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256';
const cipher256 =
  '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
  '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad';

// number, key length, key, nonce, AAD, plaintext, ciphertext, ICV
const cases: [number, number, string, string, string, string, string, string][] = [
  [1, 16, zeroKey, zeroNonce, '', '', '', '58e2fccefa7e3061367f1d57a4e7455a'],
  [
    2,
    16,
    zeroKey,
    zeroNonce,
    '',
    '00'.repeat(16),
    '0388dace60b6a392f328c2b971b2fe78',
    'ab6e47d42cec13bdf53a67b21257bddf',
  ],
  [3, 16, key, nonce, '', long, cipher128, '4d5c2af327cd64a62cf35abd2ba6fab4'],
  [4, 16, key, nonce, aad, short, cipher128.slice(0, 120), '5bc94fbc3221a5db94fae95ae7121a47'],
  [7, 24, zeroKey, zeroNonce, '', '', '', 'cd33b28ac773f74ba00ed1f312572435'],
  [
    8,
    24,
    zeroKey,
    zeroNonce,
    '',
    '00'.repeat(16),
    '98e7247c07f0fe411c267e4384b0f600',
    '2ff58d80033927ab8ef4d4587514f0fb',
  ],
  [9, 24, key, nonce, '', long, cipher192, '9924a7c8587336bfb118024db8674a14'],
  [10, 24, key, nonce, aad, short, cipher192.slice(0, 120), '2519498e80f1478f37ba55bd6d27618c'],
  [13, 32, zeroKey, zeroNonce, '', '', '', '530f8afbc74536b9a963b4f1c4cb738b'],
  [
    14,
    32,
    zeroKey,
    zeroNonce,
    '',
    '00'.repeat(16),
    'cea7403d4d606b6e074ec5d3baf39d18',
    'd0d1c8a799996bf0265b98b5d48ab919',
  ],
  [15, 32, key, nonce, '', long, cipher256, 'b094dac5d93471bdec1a502270e3cc6c'],
  [16, 32, key, nonce, aad, short, cipher256.slice(0, 120), '76fc6ece0f4e1768cddf8853bb2d551b'],
];

describe('AES-GCM of the specification', () => {
  for (const [number, keyLength, keyHex, nonceHex, aadHex, plain, cipher, icv] of cases) {
    it(`seals and opens test case ${number}`, () => {
      const layout = new Layout();
      const keyField = layout.place(fromHex(keyHex).subarray(0, keyLength));
      const context = layout.room(GCM_CONTEXT_SIZE);
      const text = layout.place(fromHex(plain));
      const icvField = layout.room(16);
      const nonceField = layout.place(fromHex(nonceHex));
      const aadField = layout.place(fromHex(aadHex));
      const packet = [
        context.address,
        nonceField.address,
        aadField.address,
        aadField.length,
        text.address,
        text.length,
        icvField.address,
        icvField.length,
      ] as const;
      primitives.primitive_gcm_setup(context.address, keyField.address, keyLength);
      primitives.primitive_gcm_seal(...packet);
      expect(hex(text.read())).toBe(cipher);
      expect(hex(icvField.read())).toBe(icv);
      expect(primitives.primitive_gcm_open(...packet)).toBe(1);
      expect(hex(text.read())).toBe(plain);
    });
  }
});
