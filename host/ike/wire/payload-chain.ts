/**
 * The chain of payloads behind a header: each names the type of the next. Splits and joins; knows nothing about what a
 * payload holds except that the Encrypted payload, whole or a fragment of it, is always the last one.
 * RFC 7296 sections 3.2 and 3.14, RFC 7383 section 2.5.
 */
import { ok } from '../../model/result.ts';
import { type HeaderValue, headerOctets, writeHeader } from './header.ts';
import { payloadTypes } from './iana-numbers.ts';
import { type Parsed, readUint16, syntaxError, writeUint16 } from './syntax.ts';

export const payloadHeaderOctets = 4;

/** Of the Encrypted Fragment payload, behind its generic header: Fragment Number and Total Fragments. */
export const fragmentHeaderOctets = 4;

/** Ours, not the RFC's: far above any real message (about 12), so that a 64 KiB datagram of empty ones costs little. */
const maximumPayloads = 64;

export interface Payload {
  readonly type: number;
  /** The sender insists that the payload is understood. */
  readonly critical: boolean;
  /** Everything behind the generic payload header; borrowed from the message. */
  readonly body: Uint8Array;
}

/** Which part of a message a fragment is, as it says itself: nothing is checked. */
export interface FragmentPlace {
  /** From 1 on. */
  readonly number: number;
  readonly total: number;
}

/** Where the Encrypted or Encrypted Fragment payload lies. What is sealed of it runs to the end of the message. */
export interface EncryptedPayload {
  /** Type of the first payload inside; 0 in every fragment but the first. */
  readonly innerType: number;
  /** Where what is sealed begins, from the start of the octets that were split: everything before is authenticated. */
  readonly bodyOffset: number;
  /** undefined for a whole message. */
  readonly fragment: FragmentPlace | undefined;
}

export interface PayloadChain {
  /** Payloads in the clear, in order. */
  readonly payloads: readonly Payload[];
  readonly encrypted: EncryptedPayload | undefined;
}

/**
 * Splits `octets` from `offset` on into payloads, the first of which has type `firstType`. The chain must end exactly
 * where the octets end. Borrows `octets`.
 */
export function splitPayloads(firstType: number, octets: Uint8Array, offset = 0): Parsed<PayloadChain> {
  const payloads: Payload[] = [];
  let type = firstType;
  let at = offset;
  while (type !== payloadTypes.none) {
    if (octets.length - at < payloadHeaderOctets) {
      return syntaxError(`expected the header of payload ${type}, found ${octets.length - at} octets`);
    }
    const length = readUint16(octets, at + 2);
    if (length < payloadHeaderOctets || length > octets.length - at) {
      return syntaxError(
        `expected payload ${type} within ${octets.length - at} octets, found a length of ${length}`,
      );
    }
    const nextType = octets[at] ?? 0;
    if (type === payloadTypes.encrypted || type === payloadTypes.encryptedFragment) {
      if (at + length !== octets.length) {
        return syntaxError('expected the Encrypted payload to be the last, found octets behind it');
      }
      const encrypted = encryptedPayload(type, nextType, octets, at);
      return encrypted.ok ? ok({ payloads, encrypted: encrypted.value }) : encrypted;
    }
    if (payloads.length === maximumPayloads) {
      return syntaxError(`expected at most ${maximumPayloads} payloads, found more`);
    }
    payloads.push({
      type,
      critical: ((octets[at + 1] ?? 0) & 0x80) !== 0,
      body: octets.subarray(at + payloadHeaderOctets, at + length),
    });
    type = nextType;
    at += length;
  }
  if (at !== octets.length) {
    return syntaxError(
      `expected the last payload to end the message, found ${octets.length - at} octets more`,
    );
  }
  return ok({ payloads, encrypted: undefined });
}

/** The place of the Encrypted or Encrypted Fragment payload whose generic header is at `at`. */
function encryptedPayload(
  type: number,
  innerType: number,
  octets: Uint8Array,
  at: number,
): Parsed<EncryptedPayload> {
  const bodyOffset = at + payloadHeaderOctets;
  if (type === payloadTypes.encrypted) return ok({ innerType, bodyOffset, fragment: undefined });
  if (octets.length - bodyOffset < fragmentHeaderOctets) {
    return syntaxError(
      `expected ${fragmentHeaderOctets} octets of fragment header, found ${octets.length - bodyOffset}`,
    );
  }
  const fragment = { number: readUint16(octets, bodyOffset), total: readUint16(octets, bodyOffset + 2) };
  return ok({ innerType, bodyOffset: bodyOffset + fragmentHeaderOctets, fragment });
}

/** A payload to be sent. */
export interface PayloadValue {
  readonly type: number;
  readonly body: Uint8Array;
  /** Never for a payload that RFC 7296 defines (its section 3.2). */
  readonly critical?: boolean;
}

/** Octets that `payloads` will take with their generic headers. */
function payloadsLength(payloads: readonly PayloadValue[]): number {
  let length = 0;
  for (const payload of payloads) length += payloadHeaderOctets + payload.body.length;
  return length;
}

/** Writes `payloads` as a chain at `offset`. */
function writePayloads(octets: Uint8Array, offset: number, payloads: readonly PayloadValue[]): void {
  let at = offset;
  payloads.forEach((payload, index) => {
    const length = payloadHeaderOctets + payload.body.length;
    octets[at] = payloads[index + 1]?.type ?? payloadTypes.none;
    octets[at + 1] = payload.critical === true ? 0x80 : 0;
    writeUint16(octets, at + 2, length);
    octets.set(payload.body, at + payloadHeaderOctets);
    at += length;
  });
}

/** `payloads` as they stand inside an Encrypted payload, without its padding. */
export function contentsOf(payloads: readonly PayloadValue[]): {
  readonly innerType: number;
  readonly plaintext: Uint8Array;
} {
  const plaintext = new Uint8Array(payloadsLength(payloads));
  writePayloads(plaintext, 0, payloads);
  return { innerType: payloads[0]?.type ?? payloadTypes.none, plaintext };
}

/** A whole message in the clear, in a fresh array. */
export function encodeMessage(header: HeaderValue, payloads: readonly PayloadValue[]): Uint8Array {
  const octets = new Uint8Array(headerOctets + payloadsLength(payloads));
  writeHeader(octets, header, payloads[0]?.type ?? payloadTypes.none);
  writePayloads(octets, headerOctets, payloads);
  return octets;
}
