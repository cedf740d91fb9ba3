/** HMACs of several packets in lanes against node:crypto and against one packet at a time. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HMAC_LANES } from '../../../firmware/abi/crypto-context.ts';
import { hmacSha1, hmacSha1Lanes, hmacSha256, hmacSha256Lanes } from '../../../tools/primitives/hmac.ts';
import { placeHmacJobs } from '../../../tools/primitives/jobs.ts';
import { hex, Layout, sampleOctets } from './primitives.ts';

for (const [name, mac, lanes] of [
  ['sha1', hmacSha1, hmacSha1Lanes],
  ['sha256', hmacSha256, hmacSha256Lanes],
] as const) {
  const { macOctets, contextOctets, setup, compute } = mac;

  /** One job a length, each with its own key and place. */
  const compare = (lengths: readonly number[], seed: number): void => {
    const layout = new Layout();
    const jobs = lengths.map((length, lane) => {
      const key = layout.place(sampleOctets(macOctets, seed + 2 * lane));
      const message = layout.place(sampleOctets(length, seed + 2 * lane + 1), (seed + 5 * lane) & 15);
      const context = layout.room(contextOctets, (3 * lane) & 15);
      setup(context.address, key.address, macOctets);
      return { key, message, context, out: layout.room(macOctets, (7 * lane) & 15) };
    });
    const records = placeHmacJobs(layout, jobs);
    const contexts = jobs.map(({ context }) => hex(context.read()));
    lanes(records.address, lengths.length);
    for (const [lane, { key, message, context, out }] of jobs.entries()) {
      const digest = hex(out.read());
      expect(digest).toBe(createHmac(name, key.read()).update(message.read()).digest('hex'));
      compute(context.address, message.address, message.length, out.address);
      expect(hex(out.read())).toBe(digest);
      expect(hex(context.read())).toBe(contexts[lane]);
    }
    expect(layout.hasItsCanaries()).toBe(true);
  };

  describe(`HMAC with ${name} in lanes`, () => {
    it('is that of node:crypto for as many messages of one length as there are lanes, 0 to 300 octets', () => {
      for (let length = 0; length <= 300; length++) compare(new Array(HMAC_LANES).fill(length), length);
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

    it('is that of node:crypto for any number of messages of any lengths', () => {
      const lengths = fc.array(fc.nat(2000), { minLength: 1, maxLength: HMAC_LANES });
      fc.assert(fc.property(lengths, fc.nat(1e6), compare), { numRuns: 500 });
    });

    it('may be written behind, or over, any of the messages', () => {
      const layout = new Layout();
      const key = layout.place(sampleOctets(macOctets, 1));
      const context = layout.room(contextOctets);
      setup(context.address, key.address, macOctets);
      const messages = [100, 200, 64, 1400, 32, 300, 65, 640].map((length) =>
        layout.place(sampleOctets(length, length)),
      );
      const digests = messages.map((message) =>
        createHmac(name, key.read()).update(message.read()).digest('hex'),
      );
      // Each digest goes over the beginning of the next message.
      const jobs = messages.map((message, lane) => ({
        context,
        message,
        out: messages[(lane + 1) % HMAC_LANES]!,
      }));
      lanes(placeHmacJobs(layout, jobs).address, HMAC_LANES);
      expect(jobs.map(({ out }) => hex(out.read().subarray(0, macOctets)))).toEqual(digests);
      expect(layout.hasItsCanaries()).toBe(true);
    });

    it('of messages at the end of memory reads nothing behind it', () => {
      const layout = new Layout();
      const end = 64 * 65_536;
      const key = layout.place(sampleOctets(macOctets, 1));
      const context = layout.room(contextOctets);
      setup(context.address, key.address, macOctets);
      const records = [70, 64, 0, 1500, 1, 63, 128, 700].flatMap((length) => [
        context.address,
        end - length,
        length,
        layout.room(macOctets).address,
      ]);
      const jobs = layout.place(new Uint8Array(Uint32Array.from(records).buffer));
      expect(() => lanes(jobs.address, HMAC_LANES)).not.toThrow();
    });
  });
}
