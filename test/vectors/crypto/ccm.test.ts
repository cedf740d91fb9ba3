/**
 * C2SP Wycheproof, aes_ccm_test: cases with the 11-octet nonces of ESP (RFC 4309 section 4). The examples of RFC 3610 and of
 * SP 800-38C have nonces of other lengths, and RFC 4309 has none of its own; NIST's are in `nist-cavp.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { CCM_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';

// number, key, nonce, AAD, plaintext, ciphertext, ICV
const cases: [number, string, string, string, string, string, string][] = [
  [
    260,
    '7a970406a747c2327ecbc8b107a190cd',
    '99b079de952d60da0d034b',
    '2f080b2deb6644ef',
    '',
    '',
    '9dca9ba441013ce9fc0ac3dbf414626d',
  ],
  [
    262,
    '82841ef7fbae35546525fbbebf4718fb',
    'b5cd818f73a36ed025b6cf',
    '44f48c2a20456358',
    '8c2c823bb39941b1c6b75bbc82f05ba4',
    'b287c637a7554362c80d6b24d50ddfb3',
    '3967277da0f856f8f0ad49282894d2bb',
  ],
  [
    264,
    '1d286e525ec2864d9ea6e7adfbdc4970',
    '1ad44879f1947abd503dce',
    '1db0eaaaa1e2c848',
    '7b40e6c987692d0202cb6f44b423c267dd',
    '84f91f9d35b998598e50feb34dcaa0d260',
    'ae4e38cc4b730944bc459df85a536f4e',
  ],
  [
    296,
    '8207e8d57dccdf5480f702c1fa72d0c6d02f1badc6fc08c5',
    'c18e46a70c592980a2ccc2',
    'bd2e2a9da32a9d67',
    '',
    '',
    '1145c20b7f31d57d458afc650a6d4590',
  ],
  [
    298,
    '0a3bf0a926fb14a3b716bfa021a208da0330e57bed36828a',
    'a0ba36edc43d935ee94213',
    '3fcd93ccb8e97956',
    '9ab6c109c8069d054ccbb5c33c6e70d0',
    '27d1e353233755a2fe28231637739c46',
    'b9b74765ed3d53031bf3c7349e74340e',
  ],
  [
    300,
    'ffe5d2ad71d432d6cd5f1072ec2acb7d7cde9c5c615d0eb9',
    'ea2198307402a106ea4293',
    'f93db4f4aec8afe8',
    'c9db4d10d42340ac736271edf9f6581ce8',
    'bd960c7f60392e8d0afb28ba16ea63afd3',
    'f2ca88d549dff207d979756d13e865d9',
  ],
  [
    332,
    'e689eb77a578399fa17a75083d25018ffbb68f24d77a029757541d6539bffbdf',
    '4a419618b2832de7a4f99b',
    'ecf46eaca841769f',
    '',
    '',
    '4a2615d2d5f8e97b92743b0ef2f486ab',
  ],
  [
    334,
    '60d6841e9e6218a2c8605a7794e74fb215dcf3a70a0015d497ed16564f2a83a0',
    '4c93f591af92f16596554e',
    '7cb0eb9aa21fe859',
    'c0d1e635586b0ef835c01479a32175a3',
    '0c266113544d7a901ce721e1ead6d8f9',
    '8a149eaa05c8722b2663c345a6a5418c',
  ],
  [
    336,
    'b3a06e00100ffc42dbdd5317f43d2b48f8c11e4bd6e9e3edab58e9944c559278',
    'f3d24b362bf12b84b8a66a',
    '0242b5e804a79188',
    '03b03b45f6f320b99d8158ff8b00f0ad92',
    'd127fd42b2ca4beca9f9ac86b63a1622ef',
    '8a499aab9e8f4096da603c6ccfb9ac4a',
  ],
];

describe('AES-CCM', () => {
  for (const [number, key, nonce, aad, plain, cipher, icv] of cases) {
    it(`seals and opens Wycheproof tcId ${number}`, () => {
      const layout = new Layout();
      const keyField = layout.place(fromHex(key));
      const context = layout.room(CCM_CONTEXT_SIZE);
      const nonceField = layout.place(fromHex(nonce));
      const aadField = layout.place(fromHex(aad));
      const text = layout.place(fromHex(plain));
      const icvField = layout.room(16);
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
      primitives.primitive_ccm_setup(context.address, keyField.address, keyField.length);
      primitives.primitive_ccm_seal(...packet);
      expect(hex(text.read())).toBe(cipher);
      expect(hex(icvField.read())).toBe(icv);
      expect(primitives.primitive_ccm_open(...packet)).toBe(1);
      expect(hex(text.read())).toBe(plain);
    });
  }
});
