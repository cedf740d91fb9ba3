/** AES by vector permute: its tables against the field they come from, its blocks against node:crypto. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AES_SCHEDULE_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { aesTables, affineLinear, inverse, sbox, toRegister } from './aes-field.ts';
import { fromHex, hex, Layout, octetsAt, primitives } from './primitives.ts';

const keyOf = fc
  .constantFrom(16, 24, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

function ecb(key: Uint8Array, blocks: Uint8Array): string {
  const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  return hex(Buffer.concat([cipher.update(blocks), cipher.final()]));
}

describe('the tables of AES', () => {
  it('are what the field arithmetic gives, octet for octet and in order', () => {
    const expected = Object.values(aesTables).flat();
    const found = octetsAt(primitives.primitive_aes_tables(), expected.length);
    expect(hex(found)).toBe(hex(Uint8Array.from(expected)));
  });

  it('invert every element of the field by the steps that the firmware takes', () => {
    const { INVERSE, INVERSE_TIMES_A, DECRYPT_OUT_IO, DECRYPT_OUT_JO, ENCRYPT_OUT_IO, ENCRYPT_OUT_JO } =
      aesTables;
    const swizzle = (table: number[] | undefined, index: number): number =>
      index >= 0x80 ? 0 : (table?.[index] ?? Number.NaN);
    for (let x = 0; x < 256; x++) {
      const register = toRegister(x);
      const k = register & 15;
      const i = register >> 4;
      const j = i ^ k;
      const aOverK = swizzle(INVERSE_TIMES_A, k);
      const io = swizzle(INVERSE, swizzle(INVERSE, i) ^ aOverK) ^ j;
      const jo = swizzle(INVERSE, swizzle(INVERSE, j) ^ aOverK) ^ i;
      expect(swizzle(DECRYPT_OUT_IO, io) ^ swizzle(DECRYPT_OUT_JO, jo)).toBe(inverse(x));
      expect(swizzle(ENCRYPT_OUT_IO, io) ^ swizzle(ENCRYPT_OUT_JO, jo) ^ 0x63).toBe(sbox(x));
    }
  });

  it('come from a model that has the S-box of FIPS 197 figure 7', () => {
    expect([0x00, 0x01, 0x53, 0x9a, 0xff].map(sbox)).toEqual([0x63, 0x7c, 0xed, 0xb8, 0x16]);
    expect(new Set(Array.from({ length: 256 }, (_, x) => affineLinear(x))).size).toBe(256);
  });
});

describe('AES of one block', () => {
  it('encrypts as node:crypto does, wherever key, schedule and block lie', () => {
    fc.assert(
      fc.property(
        keyOf,
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.nat(15),
        (keyOctets, plain, misalignment) => {
          const layout = new Layout();
          const key = layout.place(keyOctets, misalignment);
          const schedule = layout.room(AES_SCHEDULE_SIZE, misalignment);
          const block = layout.place(plain, 15 - misalignment);
          primitives.primitive_aes_expand(key.address, key.length, schedule.address);
          primitives.primitive_aes_encrypt(schedule.address, block.address);
          expect(hex(block.read())).toBe(ecb(keyOctets, plain));
          expect(hex(key.read())).toBe(hex(keyOctets));
          expect(layout.hasItsCanaries()).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses a key length that is not AES by trapping, before it writes anything', () => {
    for (const length of [-1, 0, 8, 15, 17, 20, 31, 33, 64]) {
      const layout = new Layout();
      const schedule = layout.room(AES_SCHEDULE_SIZE);
      const key = layout.room(64);
      const before = hex(schedule.read());
      expect(() => primitives.primitive_aes_expand(key.address, length, schedule.address)).toThrow(
        WebAssembly.RuntimeError,
      );
      expect(hex(schedule.read())).toBe(before);
    }
  });
});

describe('AES decryption of eight blocks', () => {
  it('is the inverse that node:crypto computes, each block by itself', () => {
    fc.assert(
      fc.property(
        keyOf,
        fc.uint8Array({ minLength: 128, maxLength: 128 }),
        fc.nat(15),
        (keyOctets, text, misalignment) => {
          const layout = new Layout();
          const key = layout.place(keyOctets);
          const schedule = layout.room(AES_SCHEDULE_SIZE, misalignment);
          const blocks = layout.place(text, misalignment);
          primitives.primitive_aes_expand_decrypt(key.address, key.length, schedule.address);
          primitives.primitive_aes_decrypt_eight(schedule.address, blocks.address);
          const decipher = createDecipheriv(
            `aes-${keyOctets.length * 8}-ecb`,
            keyOctets,
            null,
          ).setAutoPadding(false);
          expect(hex(blocks.read())).toBe(hex(Buffer.concat([decipher.update(text), decipher.final()])));
          expect(layout.hasItsCanaries()).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the self-test', () => {
  it('passes in the shipped module, in a few milliseconds', () => {
    const start = performance.now();
    expect(primitives.primitive_self_test()).toBe(0);
    expect(performance.now() - start).toBeLessThan(50);
  });

  it('fails when any octet of any table of AES that a lookup can reach is wrong', () => {
    const tables = octetsAt(primitives.primitive_aes_tables(), Object.keys(aesTables).length * 16);
    const unreached: number[] = [];
    for (let index = 0; index < tables.length; index++) {
      tables[index]! ^= 0x04;
      if (primitives.primitive_self_test() === 0) unreached.push(index);
      tables[index]! ^= 0x04;
    }
    // Entry 0 of an output table answers for 1/0, which only the index 0x80 stands for.
    const outputs = Object.keys(aesTables).map((name) => /_(IO|JO)$/.test(name));
    expect(unreached.filter((index) => !(index % 16 === 0 && outputs[index >> 4]))).toEqual([]);
    expect(primitives.primitive_self_test()).toBe(0);
  });
});

describe('the test memory', () => {
  it('notices one octet written beside a field', () => {
    const layout = new Layout();
    const field = layout.place(fromHex('00'));
    octetsAt(field.address + 1, 1)[0] = 0;
    expect(layout.hasItsCanaries()).toBe(false);
  });
});
