/** The replay window against a model that remembers every number it accepted, with and without ESN. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { arrival, engineWithPair, reason, referenceSa } from './engines.ts';
import { packetOf, UDP } from './packets.ts';
import { referenceSeal } from './reference-esp.ts';

const windows = [64, 128, 1024, 8192];
const packet = packetOf({
  source: '10.2.0.1',
  destination: '10.1.0.1',
  protocol: UDP,
  upper: [1, 2],
  payload: new Uint8Array(0),
});

/** RFC 4303 section 3.4.3, word for word: slow, and right by inspection. */
class WindowModel {
  readonly #window: bigint;
  readonly #seen = new Set<bigint>();
  highest = 0n;

  constructor(window: number) {
    this.#window = BigInt(window);
  }

  /** True when a genuine packet with this number is to be accepted; then it is remembered. */
  accept(sequence: bigint): boolean {
    if (sequence === 0n || this.#seen.has(sequence)) return false;
    if (sequence <= this.highest - this.#window) return false;
    this.#seen.add(sequence);
    if (sequence > this.highest) this.highest = sequence;
    return true;
  }
}

/** RFC 4303 Appendix A2.1 by search: the number with these low bits that lies nearest above the window's bottom. */
function inferred(low: bigint, highest: bigint, window: number): bigint {
  const bottom = highest - BigInt(window) + 1n;
  for (let high = (highest >> 32n) - 1n; ; high++) {
    const candidate = (high << 32n) | low;
    if (candidate >= bottom) return candidate;
  }
}

function receive(engine: Dataplane, sequence: bigint, esn: boolean): boolean {
  const esp = referenceSeal(referenceSa(0x1001, { esn }), sequence, packet, 4);
  return reason(engine.inbound(arrival(esp), 0)) === 'deliver';
}

describe.each(windows)('a window of %i packets', (replayWindow) => {
  const step = fc.oneof(
    fc.integer({ min: -replayWindow - 70, max: 70 }),
    fc.integer({ min: -8, max: 8 }),
    fc.constantFrom(
      -replayWindow - 1,
      -replayWindow,
      -replayWindow + 1,
      63,
      64,
      65,
      replayWindow,
      2 * replayWindow + 1,
    ),
  );

  it('accepts what the model accepts, without ESN', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), fc.nat(1000), (steps, start) => {
        const engine = engineWithPair({ replayWindow });
        const model = new WindowModel(replayWindow);
        for (const offset of [start, ...steps]) {
          const sequence = model.highest + BigInt(offset);
          if (sequence < 0n) continue;
          expect(receive(engine, sequence, false), `${sequence} after ${model.highest}`).toBe(
            model.accept(sequence),
          );
        }
      }),
      { numRuns: 15 },
    );
  });

  it('accepts what the model accepts around the 32-bit edges, with ESN', () => {
    const edge = fc
      .constantFrom(1n, 2n, 3n)
      .chain((high) =>
        fc
          .integer({ min: -replayWindow - 70, max: replayWindow + 70 })
          .map((low) => (high << 32n) + BigInt(low)),
      );
    fc.assert(
      fc.property(edge, fc.array(step, { minLength: 1, maxLength: 120 }), (start, steps) => {
        const engine = engineWithPair({ replayWindow, esn: true });
        const model = new WindowModel(replayWindow);
        // Within one window of 2^32 the receiver cannot tell; so it walks there in strides.
        for (let sequence = 0x4000_0000n; sequence < start; sequence += 0x4000_0000n) {
          expect(receive(engine, sequence, true)).toBe(model.accept(sequence));
        }
        for (const sequence of [start, ...steps.map((offset) => start + BigInt(offset))]) {
          // What the low 32 bits mean to the receiver must be what was sent, or the packet cannot be authentic.
          const understood = inferred(sequence & 0xffff_ffffn, model.highest, replayWindow) === sequence;
          const expected = understood && model.accept(sequence);
          expect(receive(engine, sequence, true), `${sequence} after ${model.highest}`).toBe(expected);
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe('the replay check', () => {
  it('leaves the window alone when the ICV is wrong', () => {
    const engine = engineWithPair();
    const forged = referenceSeal(referenceSa(0x1001), 5_000n, packet, 4);
    forged[forged.length - 1]! ^= 1;
    expect(reason(engine.inbound(arrival(forged), 0))).toBe('icv');
    expect(receive(engine, 1n, false)).toBe(true);
    expect(receive(engine, 5_000n, false)).toBe(true);
  });

  it('is off with a window of 0, also with ESN', () => {
    for (const esn of [false, true]) {
      const engine = engineWithPair({ replayWindow: 0, esn });
      for (const sequence of [5n, 5n, 1n, 5n]) expect(receive(engine, sequence, esn)).toBe(true);
    }
  });

  it('refuses a number before the first, which only a wrap could bring', () => {
    const engine = engineWithPair({ esn: true });
    // Low bits of -1: below the first window there is no earlier subspace.
    expect(receive(engine, 0xffff_ffffn, true)).toBe(false);
    expect(engine.drops().replay).toBe(1n);
  });
});
