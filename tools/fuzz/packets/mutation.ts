/**
 * What an attacker does to packets, in place: header fields that lie, octets changed, packets cut and stretched. Knows where
 * fields are, not what they should be. Nothing is allocated. The room behind a packet must allow for 64 octets more.
 */
import type { Random } from '../random.ts';
import { AH_HEADER, AH_SPI } from './carrier.ts';
import { read16, write16, writeIpv4Checksum } from './inner-packet.ts';

const STRETCH_MAX = 64;
/** The longest AH there is: an ICV of 32 octets, and padding over IPv6. */
const AH_MAX = 48;
const paddingWords = [-2, -1, 1, 2];
const interesting16 = [0, 1, 7, 8, 19, 20, 21, 39, 40, 41, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff];
const interestingProtocols = [0, 1, 4, 6, 17, 41, 43, 44, 50, 51, 58, 59, 60, 132, 135, 139, 140, 255];

/** Changes an IP packet of `length` octets at `at` in one to three ways. Returns its new length, up to 64 octets more. */
export function mutateIp(random: Random, memory: Uint8Array, at: number, length: number): number {
  let left = length;
  for (let rounds = 1 + random.below(3); rounds > 0; rounds--) left = mutateIpOnce(random, memory, at, left);
  // Most should get further than the first check of the header.
  if (left >= 60 && (memory[at] ?? 0) >> 4 === 4 && !random.oneIn(6)) writeIpv4Checksum(memory, at);
  return Math.min(left, length + STRETCH_MAX);
}

function mutateIpOnce(random: Random, memory: Uint8Array, at: number, length: number): number {
  const ipv6 = (memory[at] ?? 0) >> 4 === 6;
  switch (random.below(12)) {
    case 0:
      memory[at] = random.oneIn(2) ? random.below(256) : (ipv6 ? 0x60 : 0x40) | random.below(16);
      return length;
    case 1:
    case 2:
      writeLength(random, memory, at + (ipv6 ? 4 : 2), length - (ipv6 ? 40 : 0));
      return length;
    case 3:
      write16(memory, at + 6, ipv6 ? read16(memory, at + 6) ^ (1 << random.below(16)) : random.below(65536));
      return length;
    case 4:
      memory[at + (ipv6 ? 6 : 9)] = random.pick(interestingProtocols);
      return length;
    case 5:
      return truncate(random, length);
    case 6:
      return stretch(random, memory, at, length);
    case 7:
      // The field that tells an extension header's length, or one near it.
      memory[at + 41 + 8 * random.below(4)] = random.oneIn(2) ? random.below(4) : random.below(256);
      return length;
    case 8:
      memory[at + (ipv6 ? 7 : 8)] = random.below(3);
      return length;
    case 9:
      // An address of another pair, or of nobody.
      memory[at + 1 + random.below(ipv6 ? 39 : 19)] = random.below(256);
      return length;
    case 10:
      changeOctet(random, memory, at, Math.min(length, 80));
      return length;
    default:
      changeOctet(random, memory, at, length);
      return length;
  }
}

/** One octet or two too many or too few, something odd, or anything. */
function writeLength(random: Random, memory: Uint8Array, at: number, right: number): void {
  const draw = random.below(3);
  if (draw === 0) write16(memory, at, (right - 3 + random.below(7)) & 0xffff);
  else if (draw === 1) write16(memory, at, random.pick(interesting16));
  else write16(memory, at, random.below(random.oneIn(2) ? 65536 : right + 8));
}

/**
 * Changes an ESP packet, from SPI to ICV. Returns its new length. At least one octet of it, or its length, is changed, so
 * that nobody who lacks the key may be believed any more.
 */
export function mutateEsp(random: Random, memory: Uint8Array, at: number, length: number): number {
  switch (random.below(10)) {
    case 0:
      return truncate(random, length);
    case 1:
      return stretch(random, memory, at, length);
    case 2:
      // Whole blocks and words off the end: what is left has the right alignment.
      return Math.max(0, length - random.pick([4, 8, 12, 16, 32]));
    case 3:
      return mutateSpi(random, memory, at, length);
    case 4:
      return mutateSequence(random, memory, at, length);
    case 5:
      changeOctet(random, memory, at + Math.max(0, length - 34), Math.min(length, 34));
      return length;
    case 6:
      changeOctet(random, memory, at, Math.min(length, 24));
      return length;
    default:
      changeOctet(random, memory, at, length);
      return length;
  }
}

/** The same for AH, from its next header to the end of the packet, all of which its ICV covers. */
export function mutateAh(random: Random, memory: Uint8Array, at: number, length: number): number {
  switch (random.below(12)) {
    case 0:
      return truncate(random, length);
    case 1:
      return stretch(random, memory, at, length);
    case 2:
      // Within AH.
      return random.below(Math.min(length, AH_MAX));
    case 3:
      return AH_SPI + mutateSpi(random, memory, at + AH_SPI, length - AH_SPI);
    case 4:
      return AH_SPI + mutateSequence(random, memory, at + AH_SPI, length - AH_SPI);
    case 5:
      // Payload Len: as it is with other padding, or anything.
      memory[at + 1] =
        (memory[at + 1] ?? 0) + (random.oneIn(2) ? random.pick(paddingWords) : 1 + random.below(255));
      return length;
    case 6:
      // The reserved field.
      changeOctet(random, memory, at + 2, 2);
      return length;
    case 7:
      changeOctet(random, memory, at, 1);
      return length;
    case 8:
      // IV, ICV and padding.
      changeOctet(random, memory, at + AH_HEADER, Math.min(length, AH_MAX) - AH_HEADER);
      return length;
    default:
      changeOctet(random, memory, at, length);
      return length;
  }
}

function mutateSpi(random: Random, memory: Uint8Array, at: number, length: number): number {
  const before = read16(memory, at) * 65536 + read16(memory, at + 2);
  const draw = random.below(4);
  // Reserved ones, the non-ESP marker, another SPI in the same place, any.
  const after =
    draw === 0
      ? random.below(256)
      : draw === 1
        ? 0
        : draw === 2
          ? (before ^ (256 << random.below(20))) >>> 0
          : random.uint32();
  write16(memory, at, after >>> 16);
  write16(memory, at + 2, after & 0xffff);
  if (after === before) changeOctet(random, memory, at, length);
  return length;
}

function mutateSequence(random: Random, memory: Uint8Array, at: number, length: number): number {
  const before = read16(memory, at + 4) * 65536 + read16(memory, at + 6);
  const after = random.oneIn(3) ? random.uint32() : (before + random.below(512) - 256) >>> 0;
  write16(memory, at + 4, after >>> 16);
  write16(memory, at + 6, after & 0xffff);
  if (after === before) changeOctet(random, memory, at, length);
  return length;
}

/** Cuts an ESP or IP packet anywhere, half the time a few octets before its end. */
function truncate(random: Random, length: number): number {
  return random.oneIn(2) ? random.below(Math.max(1, length)) : Math.max(0, length - 1 - random.below(8));
}

function stretch(random: Random, memory: Uint8Array, at: number, length: number): number {
  const more = 1 + random.below(STRETCH_MAX);
  memory.fill(random.below(256), at + length, at + length + more);
  return length + more;
}

/** Gives one of `length` octets another value. */
function changeOctet(random: Random, memory: Uint8Array, at: number, length: number): void {
  if (length === 0) return;
  const octetAt = at + random.below(length);
  memory[octetAt] = (memory[octetAt] ?? 0) ^ (random.oneIn(2) ? 1 << random.below(8) : 1 + random.below(255));
}
