/** RFC 2202 sections 2 and 3, RFC 4231 section 4, RFC 4868 section 2.7.2.1: HMAC, and how much of it ESP takes; RFC 1321: MD5. */
import { describe, expect, it } from 'vitest';
import { md5 } from '../../../tools/primitives/hash.ts';
import { hmacMd5, hmacSha1, hmacSha256, hmacSha384, hmacSha512 } from '../../../tools/primitives/hmac.ts';
import type { Mac } from '../../../tools/primitives/shapes.ts';
import { ascii, fromHex, hex, Layout } from '../../property/crypto/primitives.ts';

function hmac(mac: Mac, key: Uint8Array, message: Uint8Array): string {
  const layout = new Layout();
  const keyField = layout.place(key);
  const messageField = layout.place(message);
  const context = layout.room(mac.contextOctets);
  const out = layout.room(mac.macOctets);
  mac.setup(context.address, keyField.address, key.length);
  mac.compute(context.address, messageField.address, message.length, out.address);
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
    it(`is that of test case ${number}`, () => expect(hmac(hmacSha1, key, message)).toBe(digest));
  }

  it('begins with the 96 bits that ESP takes (RFC 2404 section 2): digest-96 of test case 5', () => {
    const digest = hmac(hmacSha1, fromHex('0c'.repeat(20)), ascii('Test With Truncation'));
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
      expect(hmac(hmacSha256, key, message).slice(0, digest.length)).toBe(digest);
    });
  }
});

describe('HMAC-SHA-256 with the 256-bit keys of ESP', () => {
  it('is that of RFC 4868 AUTH256-1 and AUTH256-2', () => {
    expect(hmac(hmacSha256, fromHex('0b'.repeat(32)), ascii('Hi There'))).toBe(
      '198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7',
    );
    expect(hmac(hmacSha256, ascii('Jefe'.repeat(8)), ascii('what do ya want for nothing?'))).toBe(
      '167f928588c5cc2eef8e3093caa0e87c9ff566a14794aa61648d81621a2a40c6',
    );
  });
});

describe('HMAC-MD5 of RFC 2202', () => {
  for (const [key, message, digest] of [
    [fromHex('0b'.repeat(16)), ascii('Hi There'), '9294727a3638bb1c13f48ef8158bfc9d'],
    [fromHex('4a656665'), ascii('what do ya want for nothing?'), '750c783e6ab0b503eaa86e310a5db738'],
    [fromHex('aa'.repeat(16)), fromHex('dd'.repeat(50)), '56be34521d144c88dbb8c733f0e8b3f6'],
    [ascending, fromHex('cd'.repeat(50)), '697eaf0aca3a3aea3a75164746ffaa79'],
    [fromHex('0c'.repeat(16)), ascii('Test With Truncation'), '56461ef2342edc00f9bab995690efd4c'],
    [
      fromHex('aa'.repeat(80)),
      ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd',
    ],
    [
      fromHex('aa'.repeat(80)),
      ascii('Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data'),
      '6f630fad67cda0ee1fb1f562db3aa53e',
    ],
  ] as const) {
    it(`is ${digest.slice(0, 8)}… as it says`, () => {
      expect(hmac(hmacMd5, key, message)).toBe(digest);
    });
  }
});

describe('HMAC-SHA-384 of RFC 4231', () => {
  for (const [key, message, digest] of [
    [
      fromHex('0b'.repeat(20)),
      ascii('Hi There'),
      'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
    ],
    [
      fromHex('4a656665'),
      ascii('what do ya want for nothing?'),
      'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    ],
    [
      fromHex('aa'.repeat(20)),
      fromHex('dd'.repeat(50)),
      '88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27',
    ],
    [
      ascending,
      fromHex('cd'.repeat(50)),
      '3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb',
    ],
    [
      fromHex('aa'.repeat(131)),
      ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      '4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952',
    ],
    [
      fromHex('aa'.repeat(131)),
      ascii(
        'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      '6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e',
    ],
  ] as const) {
    it(`is ${digest.slice(0, 8)}… as it says`, () => {
      expect(hmac(hmacSha384, key, message)).toBe(digest);
    });
  }
});

describe('HMAC-SHA-512 of RFC 4231', () => {
  for (const [key, message, digest] of [
    [
      fromHex('0b'.repeat(20)),
      ascii('Hi There'),
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
    ],
    [
      fromHex('4a656665'),
      ascii('what do ya want for nothing?'),
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    ],
    [
      fromHex('aa'.repeat(20)),
      fromHex('dd'.repeat(50)),
      'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
    ],
    [
      ascending,
      fromHex('cd'.repeat(50)),
      'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
    ],
    [
      fromHex('aa'.repeat(131)),
      ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
    ],
    [
      fromHex('aa'.repeat(131)),
      ascii(
        'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      'e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58',
    ],
  ] as const) {
    it(`is ${digest.slice(0, 8)}… as it says`, () => {
      expect(hmac(hmacSha512, key, message)).toBe(digest);
    });
  }
});

describe('MD5 of RFC 1321', () => {
  for (const [message, digest] of [
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
    ['1234567890'.repeat(8), '57edf4a22be3c955ac49da2e2107b67a'],
  ] as const) {
    it(`of ${message.length} octets is that of appendix A.5`, () => {
      const layout = new Layout();
      const field = layout.place(ascii(message));
      const out = layout.room(md5.digestOctets);
      md5.digest(field.address, field.length, out.address);
      expect(hex(out.read())).toBe(digest);
    });
  }
});
