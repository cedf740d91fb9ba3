/** AES-CBC of the firmware against node:crypto, and the IVs that it starts from. */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CBC_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { hex, Layout, primitives, sampleOctets } from './primitives.ts';

function encryptDecryptAndCompare(
  keyLength: number,
  blocks: number,
  misalignment: number,
  seed: number,
): void {
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed), misalignment);
  const context = layout.room(CBC_CONTEXT_SIZE, (misalignment * 3) % 16);
  const plain = sampleOctets(16 * blocks, seed + 1);
  const iv = layout.place(sampleOctets(16, seed + 2), (misalignment * 5) % 16);
  const text = layout.place(plain, misalignment);
  primitives.primitive_cbc_setup(context.address, key.address, keyLength);
  const contextBefore = hex(context.read());
  primitives.primitive_cbc_encrypt(context.address, iv.address, text.address, text.length);
  const cipher = createCipheriv(`aes-${keyLength * 8}-cbc`, key.read(), iv.read()).setAutoPadding(false);
  expect(hex(text.read())).toBe(hex(Buffer.concat([cipher.update(plain), cipher.final()])));
  primitives.primitive_cbc_decrypt(context.address, iv.address, text.address, text.length);
  expect(hex(text.read())).toBe(hex(plain));
  expect(hex(iv.read())).toBe(hex(sampleOctets(16, seed + 2)));
  expect(hex(context.read())).toBe(contextBefore);
  expect(layout.hasItsCanaries()).toBe(true);
}

describe('AES-CBC', () => {
  it('encrypts and decrypts 0 to 40 blocks as node:crypto does, under keys of each length', () => {
    for (let blocks = 0; blocks <= 40; blocks++) {
      for (const keyLength of [16, 24, 32]) encryptDecryptAndCompare(keyLength, blocks, blocks % 16, blocks);
    }
  });

  it('does so for any number of blocks anywhere in memory', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(16, 24, 32),
        fc.nat(600),
        fc.nat(15),
        fc.integer(),
        encryptDecryptAndCompare,
      ),
      { numRuns: 200 },
    );
    encryptDecryptAndCompare(16, 4095, 0, 1);
  });

  it('decrypts a text that has its IV right before it, as ESP lays them out', () => {
    for (let blocks = 1; blocks < 20; blocks++) {
      const layout = new Layout();
      const key = layout.place(sampleOctets(16, 1));
      const context = layout.room(CBC_CONTEXT_SIZE);
      primitives.primitive_cbc_setup(context.address, key.address, 16);
      const plain = sampleOctets(16 * blocks, blocks);
      const iv = sampleOctets(16, 100 + blocks);
      const cipher = createCipheriv('aes-128-cbc', key.read(), iv).setAutoPadding(false);
      const packet = layout.place(Uint8Array.from([...iv, ...cipher.update(plain)]), 4);
      primitives.primitive_cbc_decrypt(context.address, packet.address, packet.address + 16, 16 * blocks);
      expect(hex(packet.read())).toBe(hex(iv) + hex(plain));
      expect(layout.hasItsCanaries()).toBe(true);
    }
  });
});
