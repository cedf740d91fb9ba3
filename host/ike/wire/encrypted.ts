/**
 * Messages under the protection of an IKE SA: payloads inside one Encrypted payload, the last and usually the only one
 * of its message; or, when they are too long for one datagram, spread over several messages with one Encrypted Fragment
 * payload each, every one sealed for itself. RFC 7296 section 3.14, with combined modes RFC 5282 sections 3 and 5.1, RFC 7383 section 2.5.
 *
 *     | header | [payloads in the clear] | generic header | IV | payloads | padding | pad length | ICV |
 *     |<------------- associated data ------------------->|    |<------- encrypted ----------->|
 *
 *     | header | [payloads in the clear] | generic header | number | total | IV | part | padding | pad length | ICV |
 *     |<------------- associated data ------------------------------------>|    |<------ encrypted ------->|
 */
import { fail, ok, type Result } from '../../model/result.ts';
import type { Opener, Sealer } from '../crypto/algorithms.ts';
import { type HeaderValue, headerOctets, type IkeHeader, writeHeader } from './header.ts';
import { payloadTypes } from './iana-numbers.ts';
import {
  contentsOf,
  type EncryptedPayload,
  type FragmentPlace,
  fragmentHeaderOctets,
  type Payload,
  type PayloadValue,
  payloadHeaderOctets,
  splitPayloads,
} from './payload-chain.ts';
import { type Parsed, syntaxError, writeUint16 } from './syntax.ts';

/** RFC 7383 section 2.5: Total Fragments has 16 bits. */
const maximumTotal = 0xffff;

/**
 * The protected message or, if that would be longer than `longestOctets`, its fragments in order; fresh arrays.
 * Each has an IV of its own.
 *
 * @param longestOctets of one IKE message; undefined for a peer that does not put fragments together
 */
export function sealMessages(
  sealer: Sealer,
  header: HeaderValue,
  payloads: readonly PayloadValue[],
  longestOctets: number | undefined,
): readonly Uint8Array[] {
  const { innerType, plaintext } = contentsOf(payloads);
  const whole = sealedOctets(sealer, plaintext.length, undefined);
  const messages =
    longestOctets === undefined || whole <= longestOctets
      ? [seal(sealer, header, innerType, plaintext, undefined)]
      : sealFragments(sealer, header, innerType, plaintext, longestOctets);
  plaintext.fill(0);
  return messages;
}

function sealFragments(
  sealer: Sealer,
  header: HeaderValue,
  innerType: number,
  plaintext: Uint8Array,
  longestOctets: number,
): Uint8Array[] {
  const partOctets = longestPart(sealer, longestOctets);
  const total = Math.ceil(plaintext.length / partOctets);
  if (total > maximumTotal)
    throw new RangeError(`a message has at most ${maximumTotal} fragments, not ${total}`);
  return Array.from({ length: total }, (_, index) => {
    const part = plaintext.subarray(index * partOctets, (index + 1) * partOctets);
    // RFC 7383 section 2.5: only the first fragment says what the message begins with.
    const firstType = index === 0 ? innerType : payloadTypes.none;
    return seal(sealer, header, firstType, part, { number: index + 1, total });
  });
}

/** Octets of a message with `octets` of payloads in it. */
function sealedOctets(sealer: Sealer, octets: number, fragment: FragmentPlace | undefined): number {
  return associatedOctets(fragment) + paddedOctets(sealer, octets) + sealer.overheadOctets;
}

function associatedOctets(fragment: FragmentPlace | undefined): number {
  return headerOctets + payloadHeaderOctets + (fragment === undefined ? 0 : fragmentHeaderOctets);
}

/** With the Pad Length octet and as little padding as the cipher takes. */
function paddedOctets(sealer: Sealer, octets: number): number {
  return Math.ceil((octets + 1) / sealer.blockOctets) * sealer.blockOctets;
}

/** Octets of payloads that a fragment of at most `longestOctets` has room for. */
function longestPart(sealer: Sealer, longestOctets: number): number {
  const fixed = headerOctets + payloadHeaderOctets + fragmentHeaderOctets + sealer.overheadOctets;
  const blocks = Math.floor((longestOctets - fixed) / sealer.blockOctets);
  const octets = blocks * sealer.blockOctets - 1;
  if (octets < 1) throw new RangeError(`a fragment of ${longestOctets} octets has no room for a payload`);
  return octets;
}

function seal(
  sealer: Sealer,
  header: HeaderValue,
  innerType: number,
  part: Uint8Array,
  fragment: FragmentPlace | undefined,
): Uint8Array {
  const padded = new Uint8Array(paddedOctets(sealer, part.length)); // padding of zeros
  padded.set(part);
  padded[padded.length - 1] = padded.length - part.length - 1;
  const octets = new Uint8Array(sealedOctets(sealer, part.length, fragment));
  const bodyOffset = associatedOctets(fragment);
  const type = fragment === undefined ? payloadTypes.encrypted : payloadTypes.encryptedFragment;
  writeHeader(octets, header, type);
  octets[headerOctets] = innerType;
  writeUint16(octets, headerOctets + 2, octets.length - headerOctets);
  if (fragment !== undefined) {
    writeUint16(octets, headerOctets + payloadHeaderOctets, fragment.number);
    writeUint16(octets, headerOctets + payloadHeaderOctets + 2, fragment.total);
  }
  octets.set(sealer.seal(octets.subarray(0, bodyOffset), padded), bodyOffset);
  padded.fill(0);
  return octets;
}

/**
 * Where the Encrypted or Encrypted Fragment payload of a message lies. Nothing is authenticated by that; a message that
 * has none is not either. Payloads in the clear in front are authenticated later, but never read.
 */
export function findEncrypted(
  header: IkeHeader,
  octets: Uint8Array,
): Result<EncryptedPayload, 'NOT_AUTHENTIC'> {
  const outer = splitPayloads(header.nextPayload, octets, headerOctets);
  if (!outer.ok) return fail('NOT_AUTHENTIC', outer.message);
  const { encrypted } = outer.value;
  return encrypted === undefined
    ? fail('NOT_AUTHENTIC', 'expected an Encrypted payload, found none')
    : ok(encrypted);
}

/** What is inside, without padding, in a fresh array; `INVALID_SYNTAX` is the authenticated peer's fault. */
export function openEncrypted(
  opener: Opener,
  octets: Uint8Array,
  encrypted: EncryptedPayload,
): Result<Uint8Array, 'NOT_AUTHENTIC' | 'INVALID_SYNTAX'> {
  const { bodyOffset } = encrypted;
  const plaintext = opener.open(octets.subarray(0, bodyOffset), octets.subarray(bodyOffset));
  if (!plaintext.ok) return plaintext;
  const padLength = plaintext.value.at(-1);
  if (padLength === undefined || padLength >= plaintext.value.length) {
    return syntaxError('expected a pad length within the Encrypted payload, found a longer one');
  }
  return ok(plaintext.value.subarray(0, plaintext.value.length - 1 - padLength));
}

/** The payloads of an opened message, which they borrow; put together first, if it came in fragments. */
export function innerPayloads(innerType: number, plaintext: Uint8Array): Parsed<readonly Payload[]> {
  const inner = splitPayloads(innerType, plaintext);
  if (!inner.ok) return inner;
  if (inner.value.encrypted !== undefined) {
    return syntaxError('expected no Encrypted payload inside another, found one');
  }
  return ok(inner.value.payloads);
}
