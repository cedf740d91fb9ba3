/**
 * Random octets for keys, SPIs, ids and nonces: the operating system's generator by way of OpenSSL. Machines get this
 * function passed in, so that a simulation can pass another.
 *
 * They are drawn ahead, some at a time: a call of OpenSSL's costs as much for 8 octets as for 1,024 (4 us each, 20,000 of them
 * in a row), and a set-up of SAs needs some thirty. What was handed out is zeroed in the stock, so that wiping it wipes the
 * only copy.
 */
import { randomFillSync } from 'node:crypto';

const stock = new Uint8Array(1024);
let used = stock.length;

/** `count` fresh random octets in a buffer of their own. Not one of them is handed out twice. */
export function randomOctets(count: number): Uint8Array {
  if (count > stock.length) return randomFillSync(new Uint8Array(count));
  if (used + count > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  const octets = stock.slice(used, used + count);
  stock.fill(0, used, used + count);
  used += count;
  return octets;
}
