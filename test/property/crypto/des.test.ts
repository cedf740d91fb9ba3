/** DES-CBC and triple DES of the firmware against node:crypto, its tables against FIPS 46-3, and the IVs it starts from. */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DES_CBC_CONTEXT_SIZE, DES_CBC_IV_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { desTables, neighbours, sources } from './des-lanes.ts';
import { fromHex, hex, Layout, octetsAt, primitives, sampleOctets } from './primitives.ts';

/** The key as node:crypto takes it: DES is triple DES with one key three times (FIPS 46-3, keying option 3). */
const asTripleKey = (key: Uint8Array): Uint8Array =>
  key.length === 8 ? Uint8Array.from([...key, ...key, ...key]) : key;

function encrypted(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): string {
  const cipher = createCipheriv('des-ede3-cbc', asTripleKey(key), iv).setAutoPadding(false);
  return hex(Buffer.concat([cipher.update(plain), cipher.final()]));
}

function encryptDecryptAndCompare(
  keyLength: number,
  blocks: number,
  misalignment: number,
  seed: number,
): void {
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed), misalignment);
  const context = layout.room(DES_CBC_CONTEXT_SIZE, (misalignment * 3) % 16);
  const plain = sampleOctets(8 * blocks, seed + 1);
  const iv = layout.place(sampleOctets(8, seed + 2), (misalignment * 5) % 16);
  const text = layout.place(plain, misalignment);
  primitives.primitive_des_cbc_setup(context.address, key.address, keyLength);
  const contextBefore = hex(context.read());
  primitives.primitive_des_cbc_encrypt(context.address, iv.address, text.address, text.length);
  expect(hex(text.read())).toBe(encrypted(key.read(), iv.read(), plain));
  primitives.primitive_des_cbc_decrypt(context.address, iv.address, text.address, text.length);
  expect(hex(text.read())).toBe(hex(plain));
  expect(hex(iv.read())).toBe(hex(sampleOctets(8, seed + 2)));
  expect(hex(context.read())).toBe(contextBefore);
  expect(layout.hasItsCanaries()).toBe(true);
}

describe('the tables of DES', () => {
  it('are what FIPS 46-3 gives in the order of the lanes, octet for octet', () => {
    const expected = Object.values(desTables).flat(2);
    const found = octetsAt(primitives.primitive_des_tables(), expected.length);
    expect(hex(found)).toBe(hex(Uint8Array.from(expected)));
  });

  it('move bits between the lanes that the decryption of sixteen blocks names', () => {
    expect(sources).toEqual([
      [1, 4, 6, 7],
      [7, 5, 3, 6],
      [3, 6, 5, 0],
      [6, 7, 1, 5],
      [5, 0, 2, 3],
      [0, 3, 4, 2],
      [2, 1, 7, 4],
      [4, 2, 0, 1],
    ]);
    expect(neighbours).toEqual([
      [5, 4],
      [6, 5],
      [7, 6],
      [4, 7],
      [0, 3],
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
  });
});

describe('DES-CBC and triple DES in CBC mode', () => {
  it('encrypt and decrypt 0 to 40 blocks as node:crypto does', () => {
    for (let blocks = 0; blocks <= 40; blocks++) {
      for (const keyLength of [8, 24]) encryptDecryptAndCompare(keyLength, blocks, blocks % 16, blocks);
    }
  });

  it('do so for any number of blocks anywhere in memory', () => {
    fc.assert(
      fc.property(fc.constantFrom(8, 24), fc.nat(300), fc.nat(15), fc.integer(), encryptDecryptAndCompare),
      { numRuns: 200 },
    );
    encryptDecryptAndCompare(24, 8190, 0, 1);
  });

  it('ignore the parity bits of keys', () => {
    const scheduleOf = (key: Uint8Array): string => {
      const layout = new Layout();
      const keyField = layout.place(key);
      const context = layout.room(DES_CBC_CONTEXT_SIZE);
      primitives.primitive_des_cbc_setup(context.address, keyField.address, key.length);
      return hex(context.read());
    };
    const key = sampleOctets(24, 5);
    expect(scheduleOf(key.map((octet) => octet ^ 1))).toBe(scheduleOf(key));
    expect(scheduleOf(key.map((octet) => octet ^ 2))).not.toBe(scheduleOf(key));
  });

  it('trap on keys of other lengths', () => {
    const layout = new Layout();
    const key = layout.place(sampleOctets(32, 5));
    const context = layout.room(DES_CBC_CONTEXT_SIZE);
    for (const length of [0, 7, 16, 25, 32]) {
      expect(() => primitives.primitive_des_cbc_setup(context.address, key.address, length)).toThrow(
        WebAssembly.RuntimeError,
      );
    }
  });

  it('decrypt a text that has its IV right before it, as ESP lays them out', () => {
    for (let blocks = 1; blocks < 36; blocks++) {
      const layout = new Layout();
      const key = layout.place(sampleOctets(24, 1));
      const context = layout.room(DES_CBC_CONTEXT_SIZE);
      primitives.primitive_des_cbc_setup(context.address, key.address, 24);
      const plain = sampleOctets(8 * blocks, blocks);
      const iv = sampleOctets(8, 100 + blocks);
      const packet = layout.place(fromHex(hex(iv) + encrypted(key.read(), iv, plain)), 4);
      primitives.primitive_des_cbc_decrypt(context.address, packet.address, packet.address + 8, 8 * blocks);
      expect(hex(packet.read())).toBe(hex(iv) + hex(plain));
      expect(layout.hasItsCanaries()).toBe(true);
    }
  });
});

describe('the IV of DES-CBC', () => {
  function ivOf(key: Uint8Array, low: number, high: number): string {
    const layout = new Layout();
    const keyField = layout.place(key);
    const schedule = layout.room(DES_CBC_IV_CONTEXT_SIZE);
    const out = layout.room(8, 1);
    primitives.primitive_des_expand(keyField.address, key.length, schedule.address);
    primitives.primitive_des_cbc_unpredictable_iv(schedule.address, low, high, out.address);
    expect(layout.hasItsCanaries()).toBe(true);
    return hex(out.read());
  }

  it('is the encrypted 64-bit sequence number', () => {
    for (const key of [sampleOctets(8, 9), sampleOctets(24, 9)]) {
      for (const [low, high] of [
        [0, 0],
        [1, 0],
        [0xffffffff, 0],
        [0, 1],
        [0x89abcdef, 0x01234567],
        [0xffffffff, 0xffffffff],
      ] as const) {
        const number = high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
        expect(ivOf(key, low, high)).toBe(encrypted(key, new Uint8Array(8), fromHex(number)));
      }
    }
  });

  it('differs for each sequence number', () => {
    const seen = new Set<string>();
    for (let low = 0; low < 500; low++) {
      for (const high of [0, 1, 0x80000000]) seen.add(ivOf(sampleOctets(24, 1), low, high));
    }
    expect(seen.size).toBe(500 * 3);
  });
});
