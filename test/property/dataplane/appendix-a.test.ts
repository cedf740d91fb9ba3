/**
 * Extended sequence numbers by RFC 4303 Appendix A, case by case, against its text written down with bigint: the cases A and B
 * and the border between them, the wrap at 2^32, the edges of windows of every size, and what happens after so many losses that
 * the receiver cannot tell the high half any more. A packet that fails the ICV goes before each genuine one and moves nothing.
 */
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import {
  arrival,
  dataplane,
  engineWithPair,
  pair,
  reason,
  referenceSa,
  type SaOptions,
  selector,
} from './engines.ts';
import { packetOf, UDP } from './packets.ts';
import { referenceSeal } from './reference-esp.ts';

const SUBSPACE = 1n << 32n;
const windows = [64, 128, 256, 512, 1024, 2048, 4096, 8192];
const packet = packetOf({
  source: '10.2.0.1',
  destination: '10.1.0.1',
  protocol: UDP,
  upper: [1, 2],
  payload: new Uint8Array(0),
});

/** RFC 4303 Appendix A2: the receiver's variables and its decision, in the words of the text. */
class AppendixA {
  readonly #w: bigint;
  readonly #seen = new Set<bigint>();
  /** The highest sequence number authenticated so far. */
  t: bigint;

  constructor(window: number, highest: bigint) {
    this.#w = BigInt(window);
    this.t = highest;
  }

  get tl(): bigint {
    return this.t % SUBSPACE;
  }

  get th(): bigint {
    return this.t / SUBSPACE;
  }

  /** Low half of the window's bottom, modulo 2^32. */
  get bl(): bigint {
    return (this.tl - this.#w + 1n + SUBSPACE) % SUBSPACE;
  }

  get isCaseA(): boolean {
    return this.tl >= this.#w - 1n;
  }

  /** Seqh, as A2.2 infers it from Seql; undefined where there is no such subspace. */
  seqh(seql: bigint): bigint | undefined {
    let high = this.th;
    if (this.isCaseA) {
      if (seql < this.bl) high = this.th + 1n;
    } else if (seql >= this.bl) {
      high = this.th - 1n;
    }
    return high < 0n || high >= SUBSPACE ? undefined : high;
  }

  /** Whether a number passes the replay check. */
  passes(sequence: bigint): boolean {
    if (sequence === 0n || this.#seen.has(sequence)) return false;
    return sequence > this.t || this.t - sequence < this.#w;
  }

  accept(sequence: bigint): void {
    this.#seen.add(sequence);
    if (sequence > this.t) this.t = sequence;
  }
}

function receiver(replayWindow: number, highest: bigint, more: SaOptions = {}): Dataplane {
  return engineWithPair({ replayWindow, esn: true, firstSequence: highest + 1n, ...more });
}

function seal(sequence: bigint, esn = true, proposal = 'aes128gcm16'): Uint8Array {
  return referenceSeal(referenceSa(0x1001, { esn, proposal }), sequence, packet, 4);
}

function receive(engine: Dataplane, esp: Uint8Array): string {
  return reason(engine.inbound(arrival(esp), 0));
}

function forged(esp: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(esp);
  copy[copy.length - 1]! ^= 1;
  return copy;
}

/** Sends a forgery, a packet of each neighbouring subspace, then the genuine packet with this low half. */
function offer(engine: Dataplane, model: AppendixA, seql: bigint): void {
  const high = model.seqh(seql);
  const what = `${seql} after ${model.t}`;
  if (high === undefined) {
    expect(receive(engine, seal(seql)), what).toBe('replay');
    return;
  }
  const sequence = high * SUBSPACE + seql;
  const passes = model.passes(sequence);
  expect(receive(engine, forged(seal(sequence))), what).toBe(passes ? 'icv' : 'replay');
  for (const other of [high - 1n, high + 1n]) {
    if (other < 0n || other >= SUBSPACE) continue;
    expect(receive(engine, seal(other * SUBSPACE + seql)), what).toBe(passes ? 'icv' : 'replay');
  }
  expect(receive(engine, seal(sequence)), what).toBe(passes ? 'deliver' : 'replay');
  if (passes) model.accept(sequence);
}

/** Low halves around everything that the text compares with. */
function lowHalves(model: AppendixA, window: bigint): bigint[] {
  const marks = [0n, 1n, model.bl, model.tl, model.tl + window, SUBSPACE / 2n, SUBSPACE - 1n];
  const around = marks.flatMap((mark) => [mark - 1n, mark, mark + 1n]);
  return [...new Set(around.map((low) => (low + SUBSPACE) % SUBSPACE))];
}

describe.each(windows)('a window of %i', (size) => {
  const w = BigInt(size);
  const lows = [
    0n,
    1n,
    w - 3n,
    w - 2n,
    w - 1n,
    w,
    w + 1n,
    SUBSPACE / 2n,
    SUBSPACE - w,
    SUBSPACE - 2n,
    SUBSPACE - 1n,
  ];

  it.each([0n, 1n, 2n, SUBSPACE - 1n])('takes what Appendix A takes in subspace %i', (high) => {
    const cases = new Set<boolean>();
    for (const low of lows) {
      const highest = high * SUBSPACE + low;
      // The last number of all has no successor that an SA could begin with.
      if (highest === SUBSPACE * SUBSPACE - 1n) continue;
      const state = new AppendixA(size, highest);
      cases.add(state.isCaseA);
      // Each low half meets the same state first, then what the ones before left.
      for (const seql of lowHalves(state, w)) {
        offer(receiver(size, highest), new AppendixA(size, highest), seql);
      }
      const engine = receiver(size, highest);
      for (const seql of lowHalves(state, w)) offer(engine, state, seql);
    }
    expect(cases).toEqual(new Set([true, false]));
  });

  it.each([true, false])('takes every number in it once, and none below it (ESN %s)', (esn) => {
    const highest = esn ? SUBSPACE + w / 2n : 3n * w + 17n;
    const engine = receiver(size, highest, { esn });
    const step = size / 2 + 1;
    for (let index = 0; index < size; index++) {
      // Odd steps reach all places of a power of two.
      const sequence = highest - BigInt((index * step) % size);
      expect(receive(engine, seal(sequence, esn))).toBe('deliver');
    }
    for (let index = 0; index <= size + 64; index++) {
      // Below the window a low half means the next subspace, which the ICV refuses.
      const expected = esn && index >= size ? 'icv' : 'replay';
      expect(receive(engine, seal(highest - BigInt(index), esn))).toBe(expected);
    }
  });

  it.each([1, 63, 64, 65, size - 1, size, size + 1, 2 * size - 1, 2 * size, 2 * size + 1, 9 * size + 7])(
    'keeps what it has seen when it moves on by %i',
    (distance) => {
      const highest = SUBSPACE - 10n;
      const engine = receiver(size, highest);
      const model = new AppendixA(size, highest);
      const stride = BigInt(Math.max(1, size / 64));
      const all = (from: bigint) => Array.from({ length: 64 }, (_, index) => from - BigInt(index) * stride);
      const one = (sequence: bigint) => {
        const passes = model.passes(sequence) && model.seqh(sequence % SUBSPACE) === sequence / SUBSPACE;
        const found = receive(engine, seal(sequence));
        expect(found === 'deliver', `${sequence} after ${model.t}: ${found}`).toBe(passes);
        if (passes) model.accept(sequence);
      };
      // The ring is used again and again: what it saw two windows ago must be gone.
      for (let round = 0; round < 4; round++) {
        for (const sequence of all(model.t)) if (sequence % 3n !== 0n) one(sequence);
        const before = model.t;
        one(before + BigInt(distance));
        for (const sequence of all(before)) one(sequence);
      }
    },
  );
});

/** What becomes of the next packet on its way through both ends of one SA that begins at `firstSequence`. */
function bothEnds(options: SaOptions): () => string {
  const mirrored = { ...options, selectors: [selector('10.2.0.0/16', '10.1.0.0/16')] };
  const sender = engineWithPair(mirrored);
  const engine = dataplane();
  engine.change({ install: [{ pair: pair(0x2002, 0x1001, options, { entry: '' }), use: true }] }, 0);
  return () => {
    const outcome = sender.outbound(packet, 0);
    return outcome.kind === 'send' ? receive(engine, outcome.esp) : reason(outcome);
  };
}

describe('the end of the low half', () => {
  it.each([0, 64, 1024, 8192])('is passed over with ESN and a window of %i', (replayWindow) => {
    for (const high of [1n, 2n, 0xffff_ffffn]) {
      const next = bothEnds({ esn: true, replayWindow, firstSequence: high * SUBSPACE - 5n });
      for (let index = 0; index < 12; index++) expect(next()).toBe('deliver');
    }
  });

  it.each([0, 64, 1024, 8192])('stops the SA without ESN and a window of %i', (replayWindow) => {
    const next = bothEnds({ esn: false, replayWindow, firstSequence: SUBSPACE - 5n });
    for (let index = 0; index < 5; index++) expect(next()).toBe('deliver');
    expect(next()).toBe('sequence-exhausted');
    for (let index = 0; index < 5; index++) expect(next()).toBe('lifetime');
  });

  it('lets no number before it back in without ESN', () => {
    const engine = receiver(64, SUBSPACE - 2n, { esn: false });
    expect(receive(engine, seal(SUBSPACE - 1n, false))).toBe('deliver');
    for (const sequence of [0n, 1n, 2n, SUBSPACE - 66n, SUBSPACE - 1n])
      expect(receive(engine, seal(sequence, false))).toBe('replay');
    expect(receive(engine, seal(SUBSPACE - 64n, false))).toBe('deliver');
  });
});

describe('after losses', () => {
  it.each(windows)('of nearly 2^32 packets in a row it goes on, with a window of %i', (size) => {
    const highest = 3n * SUBSPACE + 100_000n;
    const furthest = highest + SUBSPACE - BigInt(size);
    const engine = receiver(size, highest);
    expect(receive(engine, seal(furthest))).toBe('deliver');
    expect(receive(engine, seal(furthest + 1n))).toBe('deliver');
  });

  it.each(windows)('of more, packets fail the ICV at first and move nothing, with a window of %i', (size) => {
    const highest = 3n * SUBSPACE + 100_000n;
    const engine = receiver(size, highest);
    for (const lost of [SUBSPACE - BigInt(size) + 1n, SUBSPACE, 2n * SUBSPACE + 5n, 9n * SUBSPACE])
      expect(receive(engine, seal(highest + lost)), `${lost}`).toBe('icv');
    for (const sequence of [highest + 1n, highest, highest - BigInt(size) + 2n])
      expect(receive(engine, seal(sequence))).toBe('deliver');
  });
});

describe('resynchronization (Appendix A3)', () => {
  const highest = 3n * SUBSPACE + 100_000n;
  const threshold = 64;
  const forgery = (): Uint8Array => forged(seal(highest + 500n));

  it.each(['chacha20poly1305', 'aes128gcm8', 'aes256ccm16', 'aes128-sha256', 'null-sha512', 'aes192gmac'])(
    'with %s finds one of the next four subspaces within four packets, after 64 failures',
    (proposal) => {
      for (const subspaces of [1n, 2n, 3n, 4n]) {
        const engine = receiver(1024, highest, { proposal });
        // The low half is that of the next packet, so that it is taken for that.
        const first = highest + subspaces * SUBSPACE + 1n;
        let sent = 0n;
        for (; sent < 80n && receive(engine, seal(first + sent, true, proposal)) !== 'deliver'; sent++);
        expect(Number(sent)).toBeGreaterThanOrEqual(threshold);
        expect(Number(sent)).toBeLessThan(threshold + 4);
        expect(receive(engine, seal(first + sent, true, proposal))).toBe('replay');
        expect(receive(engine, seal(first + sent + 1n, true, proposal))).toBe('deliver');
        // What was sent before the loss is long past.
        expect(receive(engine, seal(highest + 1n, true, proposal))).not.toBe('deliver');
      }
    },
  );

  it('is not begun by fewer failures, nor by failures between packets that are authentic', () => {
    const engine = receiver(1024, highest);
    const lost = highest + SUBSPACE + 1000n;
    for (let round = 1n; round <= 5n; round++) {
      for (let count = 0; count < threshold - 1; count++) expect(receive(engine, forgery())).toBe('icv');
      expect(receive(engine, seal(lost + round))).toBe('icv');
      expect(receive(engine, seal(highest + round))).toBe('deliver');
    }
  });

  it('is not helped by forgeries: they move nothing, whatever they are tried as', () => {
    const engine = receiver(1024, highest);
    for (let count = 0; count < 1000; count++) expect(receive(engine, forgery())).toBe('icv');
    for (const sequence of [highest - 1000n, highest + 1n, highest + 2n])
      expect(receive(engine, seal(sequence))).toBe('deliver');
  });

  it('goes on trying while genuine packets come, though forgeries are among them', () => {
    const engine = receiver(1024, highest);
    const first = highest + 2n * SUBSPACE + 7n;
    let sent = 0n;
    for (; sent < 200n; sent++) {
      if (receive(engine, seal(first + sent)) === 'deliver') break;
      receive(engine, forgery());
    }
    expect(sent).toBeLessThan(60n);
    expect(receive(engine, seal(first + sent + 1n))).toBe('deliver');
  });

  it('is not tried without ESN, nor beyond the last number', () => {
    const plain = receiver(64, 5n, { esn: false });
    for (let count = 0; count < 200; count++)
      expect(receive(plain, seal(SUBSPACE * 2n + 6n + BigInt(count), true))).toBe('icv');
    const last = receiver(64, (SUBSPACE - 2n) * SUBSPACE + 5n);
    for (let count = 0; count < 200; count++) {
      expect(receive(last, forged(seal((SUBSPACE - 2n) * SUBSPACE + 10n)))).toBe('icv');
    }
    expect(receive(last, seal((SUBSPACE - 2n) * SUBSPACE + 6n))).toBe('deliver');
  });
});
