/** Octets for what wants unpredictable ones, the same in each run. */
import { createHash } from 'node:crypto';

/** Octets that never repeat: SHA-256 of a seed and a counter. */
export function seeded(seed: string): (octets: number) => Uint8Array {
  let counter = 0;
  return (octets) => {
    const whole = new Uint8Array(octets);
    for (let at = 0; at < octets; at += 32) {
      const block = createHash('sha256').update(`${seed}:${counter++}`).digest();
      whole.set(block.subarray(0, Math.min(32, octets - at)), at);
    }
    return whole;
  };
}
