/** FIPS 197 appendices A and C, SP 800-38A appendix F.2, RFC 3602 section 4: AES and AES-CBC. */
import { describe, expect, it } from 'vitest';
import { AES_SCHEDULE_SIZE, CBC_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { ascii, fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';

describe('AES', () => {
  const key = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
  const plain = '00112233445566778899aabbccddeeff';
  for (const [name, keyLength, cipher] of [
    ['C.1, AES-128', 16, '69c4e0d86a7b0430d8cdb78070b4c55a'],
    ['C.2, AES-192', 24, 'dda97ca4864cdfe06eaf70a0ec0d7191'],
    ['C.3, AES-256', 32, '8ea2b7ca516745bfeafc49904b496089'],
  ] as const) {
    it(`encrypts and decrypts the block of FIPS 197 ${name}`, () => {
      const layout = new Layout();
      const keyField = layout.place(fromHex(key).subarray(0, keyLength));
      const schedule = layout.room(AES_SCHEDULE_SIZE);
      const blocks = layout.place(fromHex(plain.repeat(8)));
      primitives.primitive_aes_expand(keyField.address, keyLength, schedule.address);
      primitives.primitive_aes_encrypt(schedule.address, blocks.address);
      expect(hex(blocks.read().subarray(0, 16))).toBe(cipher);
      blocks.write(fromHex(cipher.repeat(8)));
      primitives.primitive_aes_expand_decrypt(keyField.address, keyLength, schedule.address);
      primitives.primitive_aes_decrypt_eight(schedule.address, blocks.address);
      expect(hex(blocks.read())).toBe(plain.repeat(8));
    });
  }
});

const blocksOfSp80038a =
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
  '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710';

describe('AES-CBC', () => {
  for (const { name, key, iv, plain, cipher } of [
    {
      name: 'RFC 3602 case 1, one block',
      key: '06a9214036b8a15b512e03d534120006',
      iv: '3dafba429d9eb430b422da802c9fac41',
      plain: hex(ascii('Single block msg')),
      cipher: 'e353779c1079aeb82708942dbe77181a',
    },
    {
      name: 'RFC 3602 case 2, two blocks',
      key: 'c286696d887c9aa0611bbb3e2025a45a',
      iv: '562e17996d093d28ddb3ba695a2e6f58',
      plain: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      cipher: 'd296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1',
    },
    {
      name: 'RFC 3602 case 3, three blocks',
      key: '6c3ea0477630ce21a2ce334aa746c2cd',
      iv: 'c782dc4c098c66cbd9cd27d825682c81',
      plain: hex(ascii('This is a 48-byte message (exactly 3 AES blocks)')),
      cipher:
        'd0a02b3836451753d493665d33f0e8862dea54cdb293abc7506939276772f8d5021c19216bad525c8579695d83ba2684',
    },
    {
      name: 'RFC 3602 case 4, four blocks',
      key: '56e47a38c5598974bc46903dba290349',
      iv: '8ce82eefbea0da3c44699ed7db51b7d9',
      plain:
        'a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf' +
        'c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf',
      cipher:
        'c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e' +
        '35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55',
    },
    {
      name: 'SP 800-38A F.2.1, AES-128',
      key: '2b7e151628aed2a6abf7158809cf4f3c',
      iv: '000102030405060708090a0b0c0d0e0f',
      plain: blocksOfSp80038a,
      cipher:
        '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2' +
        '73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7',
    },
    {
      name: 'SP 800-38A F.2.3, AES-192',
      key: '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
      iv: '000102030405060708090a0b0c0d0e0f',
      plain: blocksOfSp80038a,
      cipher:
        '4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a' +
        '571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd',
    },
    {
      name: 'SP 800-38A F.2.5, AES-256',
      key: '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
      iv: '000102030405060708090a0b0c0d0e0f',
      plain: blocksOfSp80038a,
      cipher:
        'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d' +
        '39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b',
    },
  ]) {
    it(`encrypts and decrypts ${name}`, () => {
      const layout = new Layout();
      const keyField = layout.place(fromHex(key));
      const context = layout.room(CBC_CONTEXT_SIZE);
      const ivField = layout.place(fromHex(iv));
      const text = layout.place(fromHex(plain));
      primitives.primitive_cbc_setup(context.address, keyField.address, keyField.length);
      primitives.primitive_cbc_encrypt(context.address, ivField.address, text.address, text.length);
      expect(hex(text.read())).toBe(cipher);
      primitives.primitive_cbc_decrypt(context.address, ivField.address, text.address, text.length);
      expect(hex(text.read())).toBe(plain);
    });
  }
});
