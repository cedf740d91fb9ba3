/** ChaCha20-Poly1305 of the firmware against node:crypto: any lengths and places, the edges of its steps, flipped bits. */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHACHA20_POLY1305_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { hex, Layout, primitives, sampleOctets } from './primitives.ts';

interface Case {
  readonly aadLength: number;
  readonly textLength: number;
  readonly misalignment: number;
  readonly seed: number;
}

/** Seals and compares with node:crypto, flips the given bits of each field in turn, then opens. */
function sealOpenAndCompare(
  { aadLength, textLength, misalignment, seed }: Case,
  flips: (bits: number) => number[],
): void {
  const layout = new Layout();
  const key = layout.place(sampleOctets(32, seed), misalignment);
  const nonce = layout.place(sampleOctets(12, seed + 1), (misalignment * 3) % 16);
  const aad = layout.place(sampleOctets(aadLength, seed + 2), (misalignment * 5) % 16);
  const context = layout.room(CHACHA20_POLY1305_CONTEXT_SIZE, (misalignment * 7) % 16);
  const plain = sampleOctets(textLength, seed + 3);
  const text = layout.place(plain, misalignment);
  const icv = layout.room(16, (misalignment * 9) % 16);
  const packet = [
    context.address,
    nonce.address,
    aad.address,
    aad.length,
    text.address,
    text.length,
    icv.address,
  ] as const;
  const cipher = createCipheriv('chacha20-poly1305', key.read(), nonce.read(), { authTagLength: 16 });
  cipher.setAAD(aad.read(), { plaintextLength: textLength });
  const expected = hex(Buffer.concat([cipher.update(plain), cipher.final()]));

  primitives.primitive_chacha_poly_setup(context.address, key.address);
  primitives.primitive_chacha_poly_seal(...packet);
  expect(hex(text.read())).toBe(expected);
  expect(hex(icv.read())).toBe(hex(cipher.getAuthTag()));
  for (const field of [icv, aad, nonce, text]) {
    for (const bit of flips(field.length * 8)) {
      field.flipBit(bit);
      const received = hex(text.read());
      expect(primitives.primitive_chacha_poly_open(...packet)).toBe(0);
      expect(hex(text.read())).toBe(received);
      field.flipBit(bit);
    }
  }
  expect(primitives.primitive_chacha_poly_open(...packet)).toBe(1);
  expect(hex(text.read())).toBe(hex(plain));
  expect(layout.hasItsCanaries()).toBe(true);
}

const lastBit = (bits: number): number[] => (bits === 0 ? [] : [bits - 1]);
const everyBit = (bits: number): number[] => Array.from({ length: bits }, (_, bit) => bit);

describe('ChaCha20-Poly1305', () => {
  it('seals and opens as node:crypto does for any lengths and places', () => {
    fc.assert(
      fc.property(
        fc.record({
          aadLength: fc.nat(64),
          textLength: fc.nat(2000),
          misalignment: fc.nat(15),
          seed: fc.integer(),
        }),
        (each) => sealOpenAndCompare(each, lastBit),
      ),
      { numRuns: 300 },
    );
  });

  it('takes every length around its steps, and the longest packet', () => {
    const edges = [0, 64, 128, 192, 320, 448, 512, 1984, 2048, 2240].flatMap((edge) =>
      [-17, -16, -1, 0, 1, 16, 17].map((distance) => edge + distance),
    );
    for (const textLength of [...edges.filter((length) => length >= 0), 9000, 65_535]) {
      sealOpenAndCompare(
        { aadLength: 12, textLength, misalignment: textLength % 16, seed: textLength },
        lastBit,
      );
    }
  });

  for (const textLength of [0, 1, 64, 100, 333]) {
    it(`with any bit flipped in a packet of ${textLength} octets does not open and leaves the text as it came`, () => {
      sealOpenAndCompare({ aadLength: 8, textLength, misalignment: 3, seed: 7 }, everyBit);
    });
  }
});
