/**
 * Bounds on a datagram, checked on its octets before any CBOR library sees them: length, nesting, number of items, and
 * the few CBOR forms that the protocol uses (unsigned integers, byte and text strings, arrays, false, true, null, all of
 * definite length and in their shortest form, RFC 8949 section 4.2.1). What passes cannot overflow a stack or make a
 * decoder allocate more than the datagram is long. It knows nothing of what the items mean.
 */
import { fail, ok, type Result } from '../model/result.ts';
import { maximumWorkers } from '../model/security-association.ts';
import type { MessageDropCode } from './drop-codes.ts';

/** Longest datagram; every message that keeps to the counts below fits (proven in test/unit/messages/limits.test.ts). */
export const maximumMessageOctets = 10_240;

/** The deepest message is a distribution: message, precedents, precedent, selectors, selector, prefix. */
export const maximumNesting = 6;

/** Items of the largest distribution, arrays included, rounded up. */
export const maximumItems = 4096;

/** Selectors in one list. A policy or request that needs more is refused with that reason. */
export const maximumSelectors = 64;

/** Kinds before the distributed one, and their selectors in all. */
export const maximumPrecedents = 16;
export const maximumPrecedentSelectors = 64;

/** (id, SPI) pairs in contents-inconsistent; the rest is left out. */
export const maximumListedEntries = 64;

/** Ids in one withdrawal; more go into the next. */
export const maximumWithdrawnIds = 64;

/** SA pairs that two routers may have side by side for the same traffic, one for each worker of the router that has more of them. */
export const maximumLanes = maximumWorkers;

/** Dummies that a policy may ask of a router (RFC 4303 section 2.6). */
export const maximumDummiesPerSecond = 1000;
/** Proposal keywords in a hello. */
export const maximumProposals = 128;

/** Characters of a name: router or kind. */
export const maximumNameCharacters = 63;

/** UTF-16 units of a reason or of a software version. */
export const maximumTextCharacters = 255;

const UNSIGNED = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const SIMPLE = 7;

/** Smallest argument that needs the 1, 2, 4 and 8 octets that additional information 24..27 announces. */
const smallestArgument = [24, 0x100, 0x10000, 0x1_0000_0000];

/**
 * Checks that `frame` is one CBOR array within the bounds above, without building anything from it.
 *
 * @borrows `frame` during the call
 * @rfc 8949 §3, §4.2.1
 */
export function checkFrame(frame: Uint8Array): Result<undefined, MessageDropCode> {
  if (frame.length > maximumMessageOctets) {
    return fail(
      'MESSAGE_OVERSIZED',
      `expected at most ${maximumMessageOctets} octets, found ${frame.length}`,
    );
  }
  if (frame.length === 0) return fail('MESSAGE_TRUNCATED', 'expected a message, found no octets');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  /** Items still to come, of each open array. */
  const open: number[] = [];
  let offset = 0;
  let items = 0;
  do {
    if (offset >= frame.length) return truncated(frame);
    const initial = view.getUint8(offset);
    const major = initial >> 5;
    const information = initial & 0x1f;
    const at = `octet ${offset}`;
    offset += 1;
    items += 1;
    if (items > maximumItems) return fail('MESSAGE_ITEMS', `expected at most ${maximumItems} items`);
    if (offset === 1 && major !== ARRAY) {
      return fail('MESSAGE_FORM', `expected an array, found CBOR major type ${major}`);
    }
    if (major === SIMPLE) {
      // false, true, null
      if (information < 20 || information > 22) {
        return fail('MESSAGE_FORM', `expected false, true or null at ${at}, found simple value or float`);
      }
    } else if (major !== UNSIGNED && major !== BYTES && major !== TEXT && major !== ARRAY) {
      return fail(
        'MESSAGE_FORM',
        `expected an unsigned integer, string or array at ${at}, found type ${major}`,
      );
    }
    if (information > 27) {
      return fail(
        'MESSAGE_FORM',
        `expected a definite length at ${at}, found additional information ${information}`,
      );
    }
    let argument = information;
    if (information >= 24) {
      const octets = 1 << (information - 24);
      if (offset + octets > frame.length) return truncated(frame);
      argument = readArgument(view, offset, octets);
      offset += octets;
      if (argument < (smallestArgument[information - 24] ?? 0)) {
        return fail('MESSAGE_NOT_CANONICAL', `expected the shortest form of ${argument} at ${at}`);
      }
    }
    if (major === BYTES || major === TEXT) {
      if (argument > frame.length - offset) return truncated(frame);
      offset += argument;
    }
    closeItem(open);
    if (major === ARRAY && argument > 0) {
      if (open.length === maximumNesting) {
        return fail(
          'MESSAGE_NESTING',
          `expected at most ${maximumNesting} nested arrays, found more at ${at}`,
        );
      }
      if (argument > frame.length - offset) return truncated(frame);
      open.push(argument);
    }
  } while (isOpen(open));
  if (offset !== frame.length) {
    return fail(
      'MESSAGE_TRAILING',
      `expected the message to end after ${offset} octets, found ${frame.length}`,
    );
  }
  return ok(undefined);
}

/** Counts one item of the innermost open array. */
function closeItem(open: number[]): void {
  const left = open.pop();
  if (left !== undefined) open.push(left - 1);
}

/** Drops the arrays that are complete; true while one is not. */
function isOpen(open: number[]): boolean {
  while (open.length > 0 && open[open.length - 1] === 0) open.pop();
  return open.length > 0;
}

function readArgument(view: DataView, offset: number, octets: number): number {
  if (octets === 1) return view.getUint8(offset);
  if (octets === 2) return view.getUint16(offset);
  if (octets === 4) return view.getUint32(offset);
  // Exact enough: it is only compared with bounds; the value itself is read by the decoder.
  return view.getUint32(offset) * 0x1_0000_0000 + view.getUint32(offset + 4);
}

function truncated(frame: Uint8Array): Result<undefined, MessageDropCode> {
  return fail('MESSAGE_TRUNCATED', `expected more than the ${frame.length} octets that the datagram has`);
}
