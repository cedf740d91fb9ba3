/** HMACs of several packets in lanes against node:crypto and against one packet at a time. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HMAC_LANES } from '../../../firmware/abi/crypto-context.ts';
import { hashUnderTest, lanesOf, placeJobs } from './hash-primitives.ts';
import { hex, Layout, sampleOctets } from './primitives.ts';

for (const name of ['sha1', 'sha256'] as const) {
  const { digestLength, contextLength, setup, hmac } = hashUnderTest(name);
  const lanes = lanesOf(name);

  /** One job a length, each with its own key and place. */
  const compare = (lengths: readonly number[], seed: number): void => {
    const layout = new Layout();
    const jobs = lengths.map((length, lane) => {
      const key = layout.place(sampleOctets(digestLength, seed + 2 * lane));
      const message = layout.place(sampleOctets(length, seed + 2 * lane + 1), (seed + 5 * lane) & 15);
      const context = layout.room(contextLength, (3 * lane) & 15);
      setup(context.address, key.address, digestLength);
      return { key, message, context, out: layout.room(digestLength, (7 * lane) & 15) };
    });
    const records = placeJobs(layout, jobs);
    const contexts = jobs.map(({ context }) => hex(context.read()));
    lanes(records.address, lengths.length);
    for (const [lane, { key, message, context, out }] of jobs.entries()) {
      const digest = hex(out.read());
      expect(digest).toBe(createHmac(name, key.read()).update(message.read()).digest('hex'));
      hmac(context.address, message.address, message.length, out.address);
      expect(hex(out.read())).toBe(digest);
      expect(hex(context.read())).toBe(contexts[lane]);
    }
    expect(layout.hasItsCanaries()).toBe(true);
  };

  describe(`HMAC with ${name} in lanes`, () => {
    it('is that of node:crypto for four messages of one length, 0 to 300 octets', () => {
      for (let length = 0; length <= 300; length++) compare([length, length, length, length], length);
    });

    it('is that of node:crypto for every pair of lengths around the edges of padding, in any lane', () => {
      const edges = [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129];
      for (const long of edges)
        for (const short of edges)
          for (let lane = 0; lane < HMAC_LANES; lane++)
            compare(
              Array.from({ length: HMAC_LANES }, (_, each) => (each === lane ? long : short)),
              lane,
            );
    });

    it('is that of node:crypto for one to four messages of any lengths', () => {
      const lengths = fc.array(fc.nat(2000), { minLength: 1, maxLength: HMAC_LANES });
      fc.assert(fc.property(lengths, fc.nat(1e6), compare), { numRuns: 500 });
    });

    it('may be written behind, or over, any of the messages', () => {
      const layout = new Layout();
      const key = layout.place(sampleOctets(digestLength, 1));
      const context = layout.room(contextLength);
      setup(context.address, key.address, digestLength);
      const messages = [100, 200, 64, 1400].map((length) => layout.place(sampleOctets(length, length)));
      const digests = messages.map((message) =>
        createHmac(name, key.read()).update(message.read()).digest('hex'),
      );
      // Each digest goes over the beginning of the next message.
      const jobs = messages.map((message, lane) => ({
        context,
        message,
        out: messages[(lane + 1) % HMAC_LANES]!,
      }));
      lanes(placeJobs(layout, jobs).address, HMAC_LANES);
      expect(jobs.map(({ out }) => hex(out.read().subarray(0, digestLength)))).toEqual(digests);
      expect(layout.hasItsCanaries()).toBe(true);
    });

    it('of messages at the end of memory reads nothing behind it', () => {
      const layout = new Layout();
      const end = 64 * 65_536;
      const key = layout.place(sampleOctets(digestLength, 1));
      const context = layout.room(contextLength);
      setup(context.address, key.address, digestLength);
      const records = [70, 64, 0, 1500].flatMap((length) => [
        context.address,
        end - length,
        length,
        layout.room(digestLength).address,
      ]);
      const jobs = layout.place(new Uint8Array(Uint32Array.from(records).buffer));
      expect(() => lanes(jobs.address, HMAC_LANES)).not.toThrow();
    });
  });
}
