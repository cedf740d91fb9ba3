/** AES-CBC of several texts side by side, each under its own key, against node:crypto. */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CBC_CONTEXT_SIZE, CBC_LANES } from '../../../firmware/abi/crypto-context.ts';
import { placeCbcJobs } from '../../../tools/primitives/jobs.ts';
import { hex, Layout, primitives, sampleOctets } from './primitives.ts';

function encryptAndCompare(
  keyLength: number,
  blocks: readonly number[],
  misalignment: number,
  seed: number,
): void {
  const layout = new Layout();
  const jobs = blocks.map((count, lane) => {
    const key = layout.place(sampleOctets(keyLength, seed + lane));
    const context = layout.room(CBC_CONTEXT_SIZE, misalignment);
    primitives.primitive_cbc_setup(context.address, key.address, keyLength);
    return {
      key,
      context,
      iv: layout.place(sampleOctets(16, seed + 100 + lane), (misalignment * lane) % 16),
      text: layout.place(sampleOctets(16 * count, seed + 200 + lane), (misalignment + lane) % 16),
    };
  });
  const records = placeCbcJobs(layout, jobs);
  const read = [records, ...jobs.flatMap((job) => [job.context, job.iv])];
  const before = read.map((field) => hex(field.read()));
  primitives.primitive_cbc_encrypt_lanes(records.address, jobs.length);
  blocks.forEach((count, lane) => {
    const { key, iv, text } = jobs[lane]!;
    const cipher = createCipheriv(`aes-${keyLength * 8}-cbc`, key.read(), iv.read()).setAutoPadding(false);
    const expected = cipher.update(sampleOctets(16 * count, seed + 200 + lane));
    expect(hex(text.read()), `lane ${lane} of ${blocks}`).toBe(hex(expected));
  });
  expect(read.map((field) => hex(field.read()))).toEqual(before);
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
