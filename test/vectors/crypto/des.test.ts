/**
 * NIST CAVP: the known answers of DES (SP 800-17, SP 800-20: variable plaintext and key, inverse permutation, permutation,
 * substitution tables) and the multi-block messages of triple DES in CBC mode that Debian ships in
 * python3-cryptography-vectors; and the known answers of the self-test, so that a machine without them has some.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DES_CBC_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { type ResponseCase, responseCases } from '../../../tools/vectors/response-file.ts';
import { fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';
import { describeWith, nistVectors } from '../../requirements.ts';

const casesOf = (file: string): ResponseCase[] => responseCases(file, readFileSync(file, 'latin1'));

function expectBothWays(key: string, iv: string, plain: string, cipher: string): void {
  const layout = new Layout();
  const keyField = layout.place(fromHex(key));
  const context = layout.room(DES_CBC_CONTEXT_SIZE);
  const ivField = layout.place(fromHex(iv));
  const text = layout.place(fromHex(plain));
  primitives.primitive_des_cbc_setup(context.address, keyField.address, keyField.length);
  primitives.primitive_des_cbc_encrypt(context.address, ivField.address, text.address, text.length);
  expect(hex(text.read())).toBe(cipher);
  primitives.primitive_des_cbc_decrypt(context.address, ivField.address, text.address, text.length);
  expect(hex(text.read())).toBe(plain);
}

function expectAnswer(key: string, each: ResponseCase): void {
  expectBothWays(key, each.required('IV'), each.required('PLAINTEXT'), each.required('CIPHERTEXT'));
}

describe('triple DES', () => {
  it('encrypts and decrypts the block of SP 800-20 tables and NIST TCBCMMT3, case 1', () => {
    expectBothWays('8001010101010101', '0000000000000000', '0000000000000000', '95a8d72813daa94d');
    expectBothWays(
      'a49d7564199e97cb529d2c9d97bf2f98d35edf57ba1f7358',
      'c2e999cb6249023c',
      'c689aee38a301bb316da75db36f110b5',
      'e9afaba5ec75ea1bbe65506655bb4ecb',
    );
  });
});

describeWith(['nist vectors'], 'DES-CBC of NIST CAVP', () => {
  for (const [kind, count] of [
    ['invperm', 128],
    ['permop', 64],
    ['subtab', 38],
    ['varkey', 112],
    ['vartext', 128],
  ] as const) {
    it(`encrypts and decrypts as TCBC${kind} says, with one key and with it three times`, () => {
      const cases = casesOf(`${nistVectors}/ciphers/3DES/CBC/TCBC${kind}.rsp`);
      expect(cases.length).toBe(count);
      for (const each of cases) {
        expectAnswer(each.required('KEYS'), each);
        expectAnswer(each.required('KEYS').repeat(3), each);
      }
    });
  }

  for (const keys of [1, 2, 3]) {
    it(`encrypts and decrypts messages as TCBCMMT${keys} says`, () => {
      const cases = casesOf(`${nistVectors}/ciphers/3DES/CBC/TCBCMMT${keys}.rsp`);
      expect(cases.length).toBe(20);
      for (const each of cases) {
        const key = each.has('KEYS')
          ? each.required('KEYS').repeat(3)
          : [1, 2, 3].map((number) => each.required(`KEY${number}`)).join('');
        expectAnswer(key, each);
      }
    });
  }
});
