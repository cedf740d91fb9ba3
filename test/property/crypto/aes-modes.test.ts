/** AES-CTR, AES-CCM, GMAC and AES-CMAC of the firmware against node:crypto, and CMAC against a slow model over its AES. */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CCM_CONTEXT_SIZE,
  CCM_NONCE_SIZE,
  CMAC_CONTEXT_SIZE,
  CMAC_SIZE,
  CTR_CONTEXT_SIZE,
  CTR_NONCE_SIZE,
  GCM_CONTEXT_SIZE,
  GCM_ICV_SIZE,
  GCM_NONCE_SIZE,
} from '../../../firmware/abi/crypto-context.ts';
import { type Field, hex, Layout, primitives, sampleOctets } from './primitives.ts';

type CcmPacket = Readonly<Parameters<typeof primitives.primitive_ccm_seal>>;

const keyLengths = [16, 24, 32] as const;
const lengths = fc.oneof(fc.nat(100), fc.nat(3000));

function ctrAndCompare(keyLength: number, textLength: number, misalignment: number, seed: number): void {
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed));
  const nonce = layout.place(sampleOctets(CTR_NONCE_SIZE, seed + 1), misalignment);
  const context = layout.room(CTR_CONTEXT_SIZE, (misalignment * 3) % 16);
  const plain = sampleOctets(textLength, seed + 2);
  const text = layout.place(plain, (misalignment * 5) % 16);
  primitives.primitive_ctr_setup(context.address, key.address, keyLength);
  primitives.primitive_ctr_encrypt(context.address, nonce.address, text.address, textLength);
  const counterBlock = Buffer.concat([nonce.read(), Buffer.from([0, 0, 0, 1])]);
  const cipher = createCipheriv(`aes-${keyLength * 8}-ctr`, key.read(), counterBlock);
  expect(hex(text.read())).toBe(hex(cipher.update(plain)));
  primitives.primitive_ctr_encrypt(context.address, nonce.address, text.address, textLength);
  expect(hex(text.read())).toBe(hex(plain));
  expect(layout.hasItsCanaries()).toBe(true);
}

describe('AES-CTR', () => {
  it('encrypts texts of 0 to 300 octets, and those at the edges of its counter, as node:crypto does', () => {
    for (let length = 0; length <= 300; length++) {
      ctrAndCompare(keyLengths[length % 3]!, length, length % 16, length);
    }
    for (const length of [255 * 16, 255 * 16 + 1, 256 * 16, 4095 * 16 + 5, 65_535]) {
      for (const keyLength of keyLengths) ctrAndCompare(keyLength, length, 3, length);
    }
  });

  it('does so for any lengths and places', () => {
    fc.assert(fc.property(fc.constantFrom(...keyLengths), lengths, fc.nat(15), fc.integer(), ctrAndCompare), {
      numRuns: 200,
    });
  });
});

interface Ccm {
  readonly layout: Layout;
  readonly fields: readonly Field[];
  readonly packet: CcmPacket;
  readonly text: Field;
  readonly plain: Uint8Array;
}

function ccmSealAndCompare(
  keyLength: number,
  aadLength: number,
  textLength: number,
  icvLength: number,
  misalignment: number,
  seed: number,
): Ccm {
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed));
  const nonce = layout.place(sampleOctets(CCM_NONCE_SIZE, seed + 1), misalignment);
  const aad = layout.place(sampleOctets(aadLength, seed + 2), (misalignment * 3) % 16);
  const context = layout.room(CCM_CONTEXT_SIZE, (misalignment * 5) % 16);
  const plain = sampleOctets(textLength, seed + 3);
  const text = layout.place(plain, (misalignment * 7) % 16);
  const icv = layout.room(icvLength, (misalignment * 9) % 16);
  const packet = [
    context.address,
    nonce.address,
    aad.address,
    aadLength,
    text.address,
    textLength,
    icv.address,
    icvLength,
  ] as const;
  primitives.primitive_ccm_setup(context.address, key.address, keyLength);
  primitives.primitive_ccm_seal(...packet);
  const name = `aes-${keyLength * 8}-ccm` as 'aes-128-ccm';
  const cipher = createCipheriv(name, key.read(), nonce.read(), { authTagLength: icvLength });
  cipher.setAAD(aad.read(), { plaintextLength: textLength });
  const expected = Buffer.concat([cipher.update(plain), cipher.final()]);
  expect(hex(text.read())).toBe(hex(expected));
  expect(hex(icv.read())).toBe(hex(cipher.getAuthTag()));
  expect(layout.hasItsCanaries()).toBe(true);
  return { layout, fields: [icv, aad, nonce, text], packet, text, plain };
}

function ccmSealOpenAndCompare(...each: Parameters<typeof ccmSealAndCompare>): void {
  const { layout, packet, text, plain } = ccmSealAndCompare(...each);
  expect(primitives.primitive_ccm_open(...packet)).toBe(1);
  expect(hex(text.read())).toBe(hex(plain));
  expect(layout.hasItsCanaries()).toBe(true);
}

describe('AES-CCM', () => {
  it('seals and opens texts of 0 to 200 octets and AAD of 0 to 50 as node:crypto does', () => {
    for (let length = 0; length <= 200; length++) {
      ccmSealOpenAndCompare(keyLengths[length % 3]!, length % 51, length, 16, length % 16, length);
    }
    for (const keyLength of keyLengths) {
      ccmSealOpenAndCompare(keyLength, 12, 65_535, 16, 1, 1);
      ccmSealOpenAndCompare(keyLength, 8, 256 * 16 + 3, 12, 1, 2);
      ccmSealOpenAndCompare(keyLength, 0xfeff, 20, 8, 1, 3);
    }
  });

  it('does so for any lengths and places, with ICVs of each length', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...keyLengths),
        fc.nat(64),
        lengths,
        fc.constantFrom(8, 12, 16),
        fc.nat(15),
        fc.integer(),
        ccmSealOpenAndCompare,
      ),
      { numRuns: 200 },
    );
  });

  for (const [textLength, icvLength] of [
    [0, 8],
    [1, 16],
    [37, 12],
    [300, 16],
  ] as const) {
    it(`does not open a packet of ${textLength} octets with one bit flipped, and leaves the text as it came`, () => {
      const { layout, fields, packet, text, plain } = ccmSealAndCompare(32, 12, textLength, icvLength, 3, 7);
      for (const field of fields) {
        for (let bit = 0; bit < field.length * 8; bit++) {
          field.flipBit(bit);
          const received = hex(text.read());
          expect(primitives.primitive_ccm_open(...packet)).toBe(0);
          expect(hex(text.read())).toBe(received);
          field.flipBit(bit);
        }
      }
      expect(primitives.primitive_ccm_open(...packet)).toBe(1);
      expect(hex(text.read())).toBe(hex(plain));
      expect(layout.hasItsCanaries()).toBe(true);
    });
  }

  it('traps on AAD that would need a longer length field', () => {
    expect(() =>
      primitives.primitive_ccm_seal(2 ** 20, 2 ** 20, 2 ** 20, 0xff00, 2 ** 20, 0, 2 ** 20, 16),
    ).toThrow(WebAssembly.RuntimeError);
  });
});

function gmacAndCompare(
  keyLength: number,
  pieces: readonly number[],
  misalignment: number,
  seed: number,
): void {
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed));
  const nonce = layout.place(sampleOctets(GCM_NONCE_SIZE, seed + 1), misalignment);
  const context = layout.room(GCM_CONTEXT_SIZE);
  const icv = layout.room(GCM_ICV_SIZE, misalignment);
  primitives.primitive_gcm_setup(context.address, key.address, keyLength);
  const fields = pieces.map((length, index) =>
    layout.place(sampleOctets(length, seed + 2 + index), (misalignment * index) % 16),
  );
  primitives.primitive_gmac_begin(nonce.address);
  for (const field of fields) primitives.primitive_gmac_add(context.address, field.address, field.length);
  primitives.primitive_gmac_end(context.address, icv.address);

  const message = Buffer.concat(fields.map((field) => field.read()));
  const name = `aes-${keyLength * 8}-gcm` as 'aes-128-gcm';
  const cipher = createCipheriv(name, key.read(), nonce.read()).setAAD(message);
  cipher.final();
  expect(hex(icv.read()), `pieces of ${pieces}`).toBe(hex(cipher.getAuthTag()));

  const whole = layout.place(message, misalignment);
  icv.write(new Uint8Array(GCM_ICV_SIZE));
  primitives.primitive_gmac(context.address, nonce.address, whole.address, whole.length, icv.address);
  expect(hex(icv.read())).toBe(hex(cipher.getAuthTag()));
  expect(layout.hasItsCanaries()).toBe(true);
}

describe('GMAC', () => {
  it('of 0 to 300 octets, in one piece and behind pieces as ESP and AH have them, is that of node:crypto', () => {
    for (let length = 0; length <= 300; length++) {
      const keyLength = keyLengths[length % 3]!;
      gmacAndCompare(keyLength, [length], length % 16, length);
      gmacAndCompare(keyLength, [4, 4, 4, 8, length], length % 16, length);
      gmacAndCompare(keyLength, [20, 12, 0, 16, length, 4], length % 16, length);
    }
  });

  it('does not depend on how a message is cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...keyLengths),
        fc.array(fc.oneof(fc.nat(20), fc.nat(400)), { maxLength: 8 }),
        fc.nat(15),
        fc.integer(),
        gmacAndCompare,
      ),
      { numRuns: 300 },
    );
  });
});

/** RFC 4493 section 2, step by step, with numbers of 128 bits. */
function slowCmac(key: Uint8Array, message: Uint8Array): string {
  const encrypt = (block: bigint): bigint => {
    const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
    return BigInt(`0x${hex(cipher.update(Buffer.from(block.toString(16).padStart(32, '0'), 'hex')))}`);
  };
  const twice = (x: bigint): bigint => ((x << 1n) & (2n ** 128n - 1n)) ^ (x >> 127n === 1n ? 0x87n : 0n);
  const subkey = twice(encrypt(0n));
  const whole = message.length > 0 && message.length % 16 === 0;
  const padded = whole ? message : Uint8Array.from([...message, 0x80]);
  const digits = hex(padded).padEnd(Math.ceil(padded.length / 16) * 32, '0');
  const blocks = (digits.match(/.{32}/g) ?? []).map((block) => BigInt(`0x${block}`));
  blocks.push((blocks.pop() ?? 0n) ^ (whole ? subkey : twice(subkey)));
  return blocks
    .reduce((chained, block) => encrypt(chained ^ block), 0n)
    .toString(16)
    .padStart(32, '0');
}

function cmacAndCompare(keyLength: number, length: number, misalignment: number, seed: number): void {
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed));
  const context = layout.room(CMAC_CONTEXT_SIZE, misalignment);
  const message = layout.place(sampleOctets(length, seed + 1), misalignment);
  const out = layout.room(CMAC_SIZE, (misalignment * 3) % 16);
  primitives.primitive_cmac_setup(context.address, key.address, keyLength);
  primitives.primitive_cmac(context.address, message.address, length, out.address);
  expect(hex(out.read())).toBe(slowCmac(key.read(), message.read()));
  expect(layout.hasItsCanaries()).toBe(true);
}

describe('AES-CMAC', () => {
  it('of 0 to 100 octets is that of a slow model over node:crypto', () => {
    for (let length = 0; length <= 100; length++) {
      for (const keyLength of keyLengths) cmacAndCompare(keyLength, length, length % 16, length);
    }
  });

  it('is so under any key, for either top bit that a subkey is made from', () => {
    fc.assert(
      fc.property(fc.constantFrom(...keyLengths), fc.nat(300), fc.nat(15), fc.integer(), cmacAndCompare),
      { numRuns: 200 },
    );
  });
});
