/** AES-GCM of the firmware against node:crypto: every short length, the edges of its groups, and every flipped bit. */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GCM_CONTEXT_SIZE, GCM_ICV_SIZE, GCM_NONCE_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { type Field, hex, Layout, primitives, sampleOctets } from './primitives.ts';

interface Case {
  readonly keyLength: number;
  readonly aadLength: number;
  readonly textLength: number;
  readonly misalignment: number;
  readonly seed: number;
  /** 16 when absent. */
  readonly icvLength?: number;
}

interface Sealed {
  readonly layout: Layout;
  readonly context: Field;
  readonly nonce: Field;
  readonly aad: Field;
  readonly text: Field;
  readonly icv: Field;
  readonly plain: Uint8Array;
}

/** Node's ciphertext and ICV. */
function reference(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plain: Uint8Array,
  authTagLength = 16,
): [string, string] {
  const name = ({ 16: 'aes-128-gcm', 24: 'aes-192-gcm', 32: 'aes-256-gcm' } as const)[
    key.length as 16 | 24 | 32
  ];
  const cipher = createCipheriv(name, key, nonce, { authTagLength });
  cipher.setAAD(aad);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return [hex(text), hex(cipher.getAuthTag())];
}

function open({ context, nonce, aad, text, icv }: Sealed): boolean {
  return (
    primitives.primitive_gcm_open(
      context.address,
      nonce.address,
      aad.address,
      aad.length,
      text.address,
      text.length,
      icv.address,
      icv.length,
    ) !== 0
  );
}

/** Seals in place, compares with node:crypto, checks that nothing else was written. */
function sealAndCompare(each: Case): Sealed {
  const { keyLength, aadLength, textLength, misalignment, seed, icvLength = GCM_ICV_SIZE } = each;
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed), misalignment);
  const nonce = layout.place(sampleOctets(GCM_NONCE_SIZE, seed + 1), (misalignment * 3) % 16);
  const aad = layout.place(sampleOctets(aadLength, seed + 2), (misalignment * 5) % 16);
  const context = layout.room(GCM_CONTEXT_SIZE, (misalignment * 7) % 16);
  const plain = sampleOctets(textLength, seed + 3);
  const text = layout.place(plain, misalignment);
  const icv = layout.room(icvLength, (misalignment * 9) % 16);
  primitives.primitive_gcm_setup(context.address, key.address, key.length);
  const contextBefore = hex(context.read());
  primitives.primitive_gcm_seal(
    context.address,
    nonce.address,
    aad.address,
    aad.length,
    text.address,
    text.length,
    icv.address,
    icv.length,
  );
  const [expectedText, expectedIcv] = reference(key.read(), nonce.read(), aad.read(), plain, icvLength);
  expect(hex(text.read())).toBe(expectedText);
  expect(hex(icv.read())).toBe(expectedIcv);
  expect(hex(nonce.read())).toBe(hex(sampleOctets(GCM_NONCE_SIZE, seed + 1)));
  expect(hex(aad.read())).toBe(hex(sampleOctets(aadLength, seed + 2)));
  expect(hex(context.read())).toBe(contextBefore);
  expect(layout.hasItsCanaries()).toBe(true);
  return { layout, context, nonce, aad, text, icv, plain };
}

function sealOpenAndCompare(each: Case): void {
  const sealed = sealAndCompare(each);
  expect(open(sealed)).toBe(true);
  expect(hex(sealed.text.read())).toBe(hex(sealed.plain));
  expect(sealed.layout.hasItsCanaries()).toBe(true);
}

const keyLengths = [16, 24, 32] as const;

describe('AES-GCM', () => {
  it('seals and opens texts of 0 to 600 octets as node:crypto does, under keys of each length', () => {
    for (let textLength = 0; textLength <= 600; textLength++) {
      sealOpenAndCompare({
        keyLength: keyLengths[textLength % 3]!,
        aadLength: textLength % 5 === 0 ? 12 : 8,
        textLength,
        misalignment: textLength % 16,
        seed: textLength,
      });
    }
  });

  it('takes associated data of 0 to 300 octets', () => {
    for (let aadLength = 0; aadLength <= 300; aadLength++) {
      sealOpenAndCompare({
        keyLength: 16,
        aadLength,
        textLength: 100,
        misalignment: aadLength % 16,
        seed: aadLength,
      });
    }
  });

  it('carries its counter over 256 and 4096 blocks, and takes the longest packet', () => {
    const edges = [254 * 16, 256 * 16, 510 * 16, 4094 * 16].flatMap((edge) => [
      edge - 1,
      edge,
      edge + 1,
      edge + 17,
    ]);
    for (const textLength of [1400, 9000, 65_535, ...edges]) {
      for (const keyLength of keyLengths) {
        sealOpenAndCompare({ keyLength, aadLength: 8, textLength, misalignment: 4, seed: textLength });
      }
    }
  });

  it('seals as node:crypto does for any lengths and places', () => {
    fc.assert(
      fc.property(
        fc.record({
          keyLength: fc.constantFrom(...keyLengths),
          aadLength: fc.nat(64),
          textLength: fc.nat(3000),
          misalignment: fc.nat(15),
          seed: fc.integer(),
          icvLength: fc.constantFrom(8, 12, 16),
        }),
        sealOpenAndCompare,
      ),
      { numRuns: 300 },
    );
  });

  it('seals a text with its ICV right behind it, as ESP lays them out', () => {
    const layout = new Layout();
    const key = layout.place(sampleOctets(16, 1));
    const nonce = layout.place(sampleOctets(12, 2));
    const aad = layout.place(sampleOctets(8, 3));
    const context = layout.room(GCM_CONTEXT_SIZE);
    primitives.primitive_gcm_setup(context.address, key.address, 16);
    for (let length = 0; length < 300; length++) {
      const plain = sampleOctets(length, length);
      const packet = layout.place(Uint8Array.from([...plain, ...new Uint8Array(16)]), length % 16);
      const end = packet.address + length;
      primitives.primitive_gcm_seal(
        context.address,
        nonce.address,
        aad.address,
        8,
        packet.address,
        length,
        end,
        16,
      );
      expect(hex(packet.read())).toBe(reference(key.read(), nonce.read(), aad.read(), plain).join(''));
      expect(
        primitives.primitive_gcm_open(
          context.address,
          nonce.address,
          aad.address,
          8,
          packet.address,
          length,
          end,
          16,
        ),
      ).toBe(1);
      expect(hex(packet.read().subarray(0, length))).toBe(hex(plain));
      expect(packet.hasItsCanaries()).toBe(true);
    }
  });
});

describe('AES-GCM with one bit flipped', () => {
  for (const [textLength, icvLength] of [
    [0, 16],
    [1, 16],
    [16, 16],
    [37, 8],
    [100, 12],
    [145, 16],
  ] as const) {
    it(`anywhere in a packet of ${textLength} octets with an ICV of ${icvLength} does not open and leaves the text as it came`, () => {
      const sealed = sealAndCompare({
        keyLength: 32,
        aadLength: 12,
        textLength,
        misalignment: 3,
        seed: 7,
        icvLength,
      });
      for (const field of [sealed.icv, sealed.aad, sealed.nonce, sealed.text]) {
        for (let bit = 0; bit < field.length * 8; bit++) {
          field.flipBit(bit);
          const received = hex(sealed.text.read());
          expect(open(sealed)).toBe(false);
          expect(hex(sealed.text.read())).toBe(received);
          field.flipBit(bit);
        }
      }
      expect(open(sealed)).toBe(true);
      expect(hex(sealed.text.read())).toBe(hex(sealed.plain));
      expect(sealed.layout.hasItsCanaries()).toBe(true);
    });
  }

  it('in the hash rows of any power does not seal as before', () => {
    // Nine blocks of text use every power; a row is read for every nibble value that the text brings to it.
    const sealed = sealAndCompare({
      keyLength: 16,
      aadLength: 8,
      textLength: 4096,
      misalignment: 0,
      seed: 5,
    });
    const icv = hex(sealed.icv.read());
    for (let octet = 256; octet < GCM_CONTEXT_SIZE; octet += 16) {
      sealed.text.write(sealed.plain);
      sealed.context.flipBit(8 * (octet + 1));
      primitives.primitive_gcm_seal(
        sealed.context.address,
        sealed.nonce.address,
        sealed.aad.address,
        8,
        sealed.text.address,
        4096,
        sealed.icv.address,
        16,
      );
      expect(hex(sealed.icv.read()), `row ${(octet - 256) / 16}`).not.toBe(icv);
      sealed.context.flipBit(8 * (octet + 1));
    }
  });
});
