/**
 * Authentic ESP packets that no engine makes: any text under the right HMAC, wrong padding and pad lengths included, also of an SA
 * of AH, which must not take them. Only for NULL encryption, whose text needs nothing but its ICV; node:crypto computes that, so
 * these packets are a small share. RFC 4303, RFC 2410.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Random } from '../random.ts';
import { payloadLength, write16 } from './inner-packet.ts';
import type { PairPlan } from './pair-plan.ts';
import { spiOf } from './world.ts';

export class Forgery {
  readonly #random: Random;
  readonly #pair: PairPlan;
  readonly #key: KeyObject;
  /** Full number of the last packet. */
  #sequence: bigint;

  constructor(random: Random, pair: PairPlan) {
    this.#random = random;
    this.#pair = pair;
    this.#key = createSecretKey(pair.authenticationKey);
    this.#sequence = pair.firstSequence - 1n;
  }

  /** High and low half of the last sequence number. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** Writes the next packet at `at`, of at most 1500 octets. Returns its length, or 0 when the numbers are used up. */
  write(memory: Uint8Array, at: number): number {
    const pair = this.#pair;
    if (this.#sequence >= (pair.esn ? 0xffff_ffff_ffff_fffdn : 0xffff_fffdn)) return 0;
    this.#sequence++;
    const low = Number(this.#sequence & 0xffff_ffffn);
    write16(memory, at, spiOf(pair.index) >>> 16);
    write16(memory, at + 2, spiOf(pair.index) & 0xffff);
    write16(memory, at + 4, low >>> 16);
    write16(memory, at + 6, low & 0xffff);
    const textLength = 4 * Math.ceil((2 + Math.min(1400, payloadLength(this.#random))) / 4);
    this.#writeText(memory, at + 8, textLength);
    const hash = pair.proposal.integrity?.split('-')[1] ?? 'sha256';
    const mac = createHmac(hash, this.#key).update(memory.subarray(at, at + 8 + textLength));
    if (pair.esn) {
      const high = new Uint8Array(4);
      new DataView(high.buffer).setUint32(0, Number(this.#sequence >> 32n));
      mac.update(high);
    }
    memory.set(mac.digest().subarray(0, pair.proposal.icvOctets), at + 8 + textLength);
    return 8 + textLength + pair.proposal.icvOctets;
  }

  /** Anything, with a trailer whose padding is right, wrong in one octet, or longer than what is there. */
  #writeText(memory: Uint8Array, at: number, length: number): void {
    const random = this.#random;
    const end = at + length;
    memory.fill(random.below(256), at, end);
    memory[at] = random.pick([0x45, 0x60, 0]);
    const padLength = random.oneIn(3) ? random.below(256) : random.below(Math.min(256, length - 1));
    for (let index = 0; index < padLength && index < length - 2; index++) {
      memory[end - 3 - index] = padLength - index;
    }
    if (random.oneIn(2) && length > 2)
      memory[end - 3 - random.below(Math.min(length - 2, 256))] = random.below(256);
    memory[end - 2] = padLength;
    memory[end - 1] = random.pick([4, 41, 59, 17, 0, 255]);
  }
}
