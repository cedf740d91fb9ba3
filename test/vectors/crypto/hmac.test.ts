/** RFC 2202 section 3, RFC 4231 section 4, RFC 4868 section 2.7.2.1: HMAC, and how much of it ESP takes. */
import { describe, expect, it } from 'vitest';
import { HMAC_SHA1_CONTEXT_SIZE, HMAC_SHA256_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { ascii, fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';

function hmac(hash: 'sha1' | 'sha256', key: Uint8Array, message: Uint8Array): string {
  const layout = new Layout();
  const keyField = layout.place(key);
  const messageField = layout.place(message);
  const context = layout.room(hash === 'sha1' ? HMAC_SHA1_CONTEXT_SIZE : HMAC_SHA256_CONTEXT_SIZE);
  const out = layout.room(hash === 'sha1' ? 20 : 32);
  primitives[`primitive_hmac_${hash}_setup`](context.address, keyField.address, key.length);
  primitives[`primitive_hmac_${hash}`](context.address, messageField.address, message.length, out.address);
  return hex(out.read());
}

const ascending = fromHex('0102030405060708090a0b0c0d0e0f10111213141516171819');

describe('HMAC-SHA-1 of RFC 2202', () => {
  for (const [number, key, message, digest] of [
    [1, fromHex('0b'.repeat(20)), ascii('Hi There'), 'b617318655057264e28bc0b6fb378c8ef146be00'],
    [2, ascii('Jefe'), ascii('what do ya want for nothing?'), 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    [3, fromHex('aa'.repeat(20)), fromHex('dd'.repeat(50)), '125d7342b9ac11cd91a39af48aa17b4f63f175d3'],
    [4, ascending, fromHex('cd'.repeat(50)), '4c9007f4026250c6bc8414f9bf50c86c2d7235da'],
    [5, fromHex('0c'.repeat(20)), ascii('Test With Truncation'), '4c1a03424b55e07fe7f27be1d58bb9324a9a5a04'],
    [
      6,
      fromHex('aa'.repeat(80)),
      ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      'aa4ae5e15272d00e95705637ce8a3b55ed402112',
    ],
    [
      7,
      fromHex('aa'.repeat(80)),
      ascii('Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data'),
      'e8e99d0f45237d786d6bbaa7965c7808bbff1a91',
    ],
  ] as const) {
    it(`is that of test case ${number}`, () => expect(hmac('sha1', key, message)).toBe(digest));
  }

  it('begins with the 96 bits that ESP takes (RFC 2404 section 2): digest-96 of test case 5', () => {
    const digest = hmac('sha1', fromHex('0c'.repeat(20)), ascii('Test With Truncation'));
    expect(digest.slice(0, 24)).toBe('4c1a03424b55e07fe7f27be1');
  });
});

describe('HMAC-SHA-256 of RFC 4231', () => {
  for (const [number, key, message, digest] of [
    [
      1,
      fromHex('0b'.repeat(20)),
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
      fromHex('aa'.repeat(20)),
      fromHex('dd'.repeat(50)),
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    ],
    [
      4,
      ascending,
      fromHex('cd'.repeat(50)),
      '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    ],
    // RFC 4231 section 4.6 gives the 128 bits that ESP takes (RFC 4868 section 2.3).
    [5, fromHex('0c'.repeat(20)), ascii('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
    [
      6,
      fromHex('aa'.repeat(131)),
      ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      7,
      fromHex('aa'.repeat(131)),
      ascii(
        'This is a test using a larger than block-size key and a larger than block-size data. ' +
          'The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ] as const) {
    it(`is that of test case ${number}`, () => {
      expect(hmac('sha256', key, message).slice(0, digest.length)).toBe(digest);
    });
  }
});

describe('HMAC-SHA-256 with the 256-bit keys of ESP', () => {
  it('is that of RFC 4868 AUTH256-1 and AUTH256-2', () => {
    expect(hmac('sha256', fromHex('0b'.repeat(32)), ascii('Hi There'))).toBe(
      '198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7',
    );
    expect(hmac('sha256', ascii('Jefe'.repeat(8)), ascii('what do ya want for nothing?'))).toBe(
      '167f928588c5cc2eef8e3093caa0e87c9ff566a14794aa61648d81621a2a40c6',
    );
  });
});
