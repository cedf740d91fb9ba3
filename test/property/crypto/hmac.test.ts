/** The firmware's hashes and HMACs against node:crypto, and its comparison of ICVs against the obvious one. */
import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { md5, sha1, sha256, sha384, sha512 } from '../../../tools/primitives/hash.ts';
import { hmacMd5, hmacSha1, hmacSha256, hmacSha384, hmacSha512 } from '../../../tools/primitives/hmac.ts';
import { hex, Layout, primitives, sampleOctets } from './primitives.ts';

/** node:crypto's name, the hash and its HMAC. */
const hashes = [
  ['md5', md5, hmacMd5],
  ['sha1', sha1, hmacSha1],
  ['sha256', sha256, hmacSha256],
  ['sha384', sha384, hmacSha384],
  ['sha512', sha512, hmacSha512],
] as const;

for (const [name, { digestOctets, digest }, { contextOctets, setup, compute }] of hashes) {
  const compareHmac = (keyLength: number, length: number, misalignment: number, seed: number): void => {
    const layout = new Layout();
    const key = layout.place(sampleOctets(keyLength, seed), misalignment);
    const message = layout.place(sampleOctets(length, seed + 1), (misalignment * 3) % 16);
    const context = layout.room(contextOctets, (misalignment * 5) % 16);
    const out = layout.room(digestOctets, (misalignment * 7) % 16);
    setup(context.address, key.address, keyLength);
    const contextBefore = hex(context.read());
    // Twice: the context has to serve the next packet as well.
    for (let packet = 0; packet < 2; packet++) {
      compute(context.address, message.address, length, out.address);
      expect(hex(out.read())).toBe(createHmac(name, key.read()).update(message.read()).digest('hex'));
    }
    expect(hex(context.read())).toBe(contextBefore);
    expect(hex(message.read())).toBe(hex(sampleOctets(length, seed + 1)));
    expect(layout.hasItsCanaries()).toBe(true);
  };

  describe(`HMAC with ${name}`, () => {
    it('is that of node:crypto for messages of 0 to 600 octets', () => {
      for (let length = 0; length <= 600; length++) compareHmac(digestOctets, length, length % 16, length);
    });

    it('is that of node:crypto for keys of 0 to 200 octets', () => {
      for (let keyLength = 0; keyLength <= 200; keyLength++) compareHmac(keyLength, 100, 0, keyLength);
    });

    it('is that of node:crypto for any lengths and places', () => {
      fc.assert(fc.property(fc.nat(200), fc.nat(5000), fc.nat(15), fc.integer(), compareHmac), {
        numRuns: 200,
      });
      compareHmac(digestOctets, 65_535, 0, 1);
    });

    it('may be written right behind the message', () => {
      for (let length = 0; length < 150; length++) {
        const layout = new Layout();
        const key = layout.place(sampleOctets(digestOctets, 1));
        const context = layout.room(contextOctets);
        setup(context.address, key.address, digestOctets);
        const message = sampleOctets(length, length);
        const packet = layout.place(Uint8Array.from([...message, ...new Uint8Array(digestOctets)]), 4);
        compute(context.address, packet.address, length, packet.address + length);
        expect(hex(packet.read())).toBe(
          hex(message) + createHmac(name, key.read()).update(message).digest('hex'),
        );
        expect(layout.hasItsCanaries()).toBe(true);
      }
    });
  });

  describe(name, () => {
    it('is that of node:crypto for messages of 0 to 300 octets', () => {
      for (let length = 0; length <= 300; length++) {
        const layout = new Layout();
        const message = layout.place(sampleOctets(length, length), length % 16);
        const out = layout.room(digestOctets, 3);
        digest(message.address, length, out.address);
        expect(hex(out.read())).toBe(createHash(name).update(message.read()).digest('hex'));
        expect(layout.hasItsCanaries()).toBe(true);
      }
    });
  });
}

describe('the comparison of ICVs', () => {
  it('sees any one flipped bit, at every length that ESP uses and more', () => {
    for (let length = 0; length <= 40; length++) {
      const layout = new Layout();
      const a = layout.place(sampleOctets(length, length), 1);
      const b = layout.place(sampleOctets(length, length), 7);
      expect(primitives.primitive_equal(a.address, b.address, length)).toBe(1);
      for (let bit = 0; bit < 8 * length; bit++) {
        b.flipBit(bit);
        expect(primitives.primitive_equal(a.address, b.address, length)).toBe(0);
        b.flipBit(bit);
      }
    }
  });

  it('looks at no octet past the length', () => {
    const layout = new Layout();
    const a = layout.place(sampleOctets(32, 1));
    const b = layout.place(sampleOctets(32, 1));
    b.flipBit(8 * 12);
    expect(primitives.primitive_equal(a.address, b.address, 12)).toBe(1);
    expect(primitives.primitive_equal(a.address, b.address, 13)).toBe(0);
  });
});
