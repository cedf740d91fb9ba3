/** AES-CBC of several texts side by side, and their IVs, against node:crypto and against one at a time. */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CBC_CONTEXT_SIZE, CBC_IV_CONTEXT_SIZE, CBC_LANES } from '../../../firmware/abi/crypto-context.ts';
import { placeCbcJobs } from '../../../tools/primitives/jobs.ts';
import { hex, Layout, primitives, sampleOctets } from './primitives.ts';

function encryptAndCompare(
  keyLength: number,
  blocks: readonly number[],
  misalignment: number,
  seed: number,
): void {
  const layout = new Layout();
  const key = layout.place(sampleOctets(keyLength, seed));
  const context = layout.room(CBC_CONTEXT_SIZE, misalignment);
  primitives.primitive_cbc_setup(context.address, key.address, keyLength);
  const jobs = blocks.map((count, lane) => ({
    iv: layout.place(sampleOctets(16, seed + 100 + lane), (misalignment * lane) % 16),
    text: layout.place(sampleOctets(16 * count, seed + 200 + lane), (misalignment + lane) % 16),
  }));
  const records = placeCbcJobs(layout, jobs);
  const before = [records, context, ...jobs.map((job) => job.iv)].map((field) => hex(field.read()));
  primitives.primitive_cbc_encrypt_lanes(context.address, records.address, jobs.length);
  blocks.forEach((count, lane) => {
    const { iv, text } = jobs[lane]!;
    const cipher = createCipheriv(`aes-${keyLength * 8}-cbc`, key.read(), iv.read()).setAutoPadding(false);
    const expected = cipher.update(sampleOctets(16 * count, seed + 200 + lane));
    expect(hex(text.read()), `lane ${lane} of ${blocks}`).toBe(hex(expected));
  });
  expect([records, context, ...jobs.map((job) => job.iv)].map((field) => hex(field.read()))).toEqual(before);
  expect(layout.hasItsCanaries()).toBe(true);
}

describe('AES-CBC side by side', () => {
  it('encrypts one to eight texts of one length, under keys of each length', () => {
    for (let count = 1; count <= CBC_LANES; count++) {
      for (const keyLength of [16, 24, 32]) {
        for (const blocks of [0, 1, 2, 88]) {
          encryptAndCompare(keyLength, new Array<number>(count).fill(blocks), count, count);
        }
      }
    }
  });

  it('encrypts texts of different lengths, empty ones among them', () => {
    encryptAndCompare(16, [0, 1, 2, 3, 4, 5, 6, 7], 0, 1);
    encryptAndCompare(24, [7, 6, 5, 4, 3, 2, 1, 0], 1, 2);
    encryptAndCompare(32, [1, 90, 1, 90, 0, 3, 90, 0], 2, 3);
    encryptAndCompare(16, [0, 0, 4, 0], 3, 4);
    encryptAndCompare(16, [4095, 1, 2, 1], 4, 5);
  });

  it('does so for any number of texts of any lengths anywhere in memory', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(16, 24, 32),
        fc.array(fc.nat(100), { minLength: 1, maxLength: CBC_LANES }),
        fc.nat(15),
        fc.integer(),
        encryptAndCompare,
      ),
      { numRuns: 300 },
    );
  });
});

describe('the IVs of CBC side by side', () => {
  it('are those of consecutive sequence numbers, across 2^32 too', () => {
    for (let count = 1; count <= CBC_LANES; count++) {
      for (const first of [0n, 1n, 0xfffffffbn, 0x0123456789abcdefn]) {
        const layout = new Layout();
        const key = layout.place(sampleOctets(16, 9));
        const schedule = layout.room(CBC_IV_CONTEXT_SIZE);
        primitives.primitive_aes_expand(key.address, 16, schedule.address);
        const jobs = Array.from({ length: count }, (_, lane) => ({
          iv: layout.room(16, lane),
          text: layout.room(16),
        }));
        const records = placeCbcJobs(layout, jobs);
        primitives.primitive_cbc_unpredictable_iv_lanes(
          schedule.address,
          Number(first & 0xffffffffn),
          Number(first >> 32n),
          records.address,
          count,
        );
        jobs.forEach(({ iv, text }, lane) => {
          const alone = layout.room(16);
          const sequence = first + BigInt(lane);
          primitives.primitive_cbc_unpredictable_iv(
            schedule.address,
            Number(sequence & 0xffffffffn),
            Number(sequence >> 32n),
            alone.address,
          );
          expect(hex(iv.read())).toBe(hex(alone.read()));
          expect(hex(text.read())).toBe('ee'.repeat(16));
        });
        expect(layout.hasItsCanaries()).toBe(true);
      }
    }
  });
});
