/** What an attacker makes of messages that it has seen: one or two changes, most of which keep the length in the header right. */
import type { Random } from '../random.ts';

const headerOctets = 28;
const exchangeTypes = [0, 33, 34, 35, 36, 37, 38, 43, 255];
const payloadTypes = [0, 33, 34, 35, 36, 37, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 53, 54, 128, 255];
const edges = [0, 1, 3, 4, 5, 8, 0x7fff, 0x8000, 0xffff];
const longestGarbage = 300;

/** A changed copy of `bytes`; `other` is another message, to take parts of. */
export function mutate(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let changed = mutateOnce(random, bytes.slice(), other);
  if (random.oneIn(4)) changed = mutateOnce(random, changed, other);
  if (changed.length >= headerOctets && !random.oneIn(8)) {
    view(changed).setUint32(24, changed.length);
  }
  return changed;
}

function view(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** May write to `octets`. */
function mutateOnce(random: Random, octets: Uint8Array, other: Uint8Array): Uint8Array {
  if (octets.length < headerOctets) return random.octets(random.below(longestGarbage));
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return flip(random, octets);
    case 3:
      return octets.slice(0, random.below(octets.length));
    case 4:
      return joined(octets, random.octets(1 + random.below(64)));
    case 5:
      octets.set(other.subarray(0, random.pick([8, 16]))); // SPIs of another conversation
      return octets;
    case 6:
      view(octets).setUint32(20, random.pick([0, 1, 2, 3, 0xffffffff, random.uint32()]));
      return octets;
    case 7:
      return changeHeader(random, octets);
    case 8:
      return joined(octets.subarray(0, headerOctets), other.subarray(Math.min(other.length, headerOctets)));
    case 9:
      return joined(octets.subarray(0, headerOctets), random.octets(random.below(longestGarbage)));
    case 10:
      // Payload lengths, counts, SPI sizes, fragment numbers: the first payload's are the most interesting.
      if (octets.length >= headerOctets + 12) {
        const at = random.oneIn(2) ? headerOctets + 2 * random.below(5) : random.below(octets.length - 1);
        view(octets).setUint16(at, random.pick(edges));
      }
      return octets;
    default:
      return insert(random, octets, other);
  }
}

function flip(random: Random, octets: Uint8Array): Uint8Array {
  const at = random.oneIn(3) ? random.below(headerOctets + 12) : random.below(octets.length);
  if (at < octets.length) octets[at] = (octets[at] ?? 0) ^ (1 << random.below(8));
  return octets;
}

function changeHeader(random: Random, octets: Uint8Array): Uint8Array {
  const at = random.pick([16, 17, 18, 19]);
  octets[at] = {
    16: random.pick(payloadTypes),
    17: random.pick([0x10, 0x20, 0x21, 0x30, 0xff]),
    18: random.pick(exchangeTypes),
    19: random.pick([0, 0x08, 0x10, 0x20, 0x28, 0xff]),
  }[at] as number; // one of the four
  return octets;
}

/** A piece of another message in the middle of this one. */
function insert(random: Random, octets: Uint8Array, other: Uint8Array): Uint8Array {
  const at = headerOctets + random.below(octets.length - headerOctets + 1);
  const from = random.below(other.length + 1);
  const piece = other.subarray(from, from + random.below(80));
  return joined(joined(octets.subarray(0, at), piece), octets.subarray(at));
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const octets = new Uint8Array(first.length + second.length);
  octets.set(first);
  octets.set(second, first.length);
  return octets;
}
