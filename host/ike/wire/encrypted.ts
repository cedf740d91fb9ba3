/**
 * Messages under the protection of an IKE SA: payloads inside one Encrypted payload, the last and usually the only one
 * of its message. RFC 7296 section 3.14, RFC 5282 sections 3 and 5.1.
 *
 *     | header | [payloads in the clear] | generic header | IV | payloads | padding | pad length | ICV |
 *     |<------------- associated data ------------------->|    |<------- encrypted ----------->|
 */

import { fail, ok, type Result } from '../../model/result.ts';
import type { AeadOpener, AeadSealer } from '../crypto/aead.ts';
import { type HeaderValue, headerOctets, type IkeHeader, writeHeader } from './header.ts';
import { payloadTypes } from './iana-numbers.ts';
import {
  type Payload,
  type PayloadValue,
  payloadHeaderOctets,
  payloadsLength,
  splitPayloads,
  writePayloads,
} from './payload-chain.ts';
import { syntaxError, writeUint16 } from './syntax.ts';

/** A whole protected message in a fresh array. No padding: AES-GCM needs no alignment (RFC 5282 section 3). */
export function sealMessage(
  sealer: AeadSealer,
  header: HeaderValue,
  payloads: readonly PayloadValue[],
): Uint8Array {
  const plaintext = new Uint8Array(payloadsLength(payloads) + 1); // the last octet is Pad Length: 0
  writePayloads(plaintext, 0, payloads);
  const bodyOffset = headerOctets + payloadHeaderOctets;
  const octets = new Uint8Array(bodyOffset + plaintext.length + sealer.overheadOctets);
  writeHeader(octets, header, payloadTypes.encrypted);
  octets[headerOctets] = payloads[0]?.type ?? payloadTypes.none;
  writeUint16(octets, headerOctets + 2, octets.length - headerOctets);
  octets.set(sealer.seal(octets.subarray(0, bodyOffset), plaintext), bodyOffset);
  plaintext.fill(0);
  return octets;
}

/**
 * The payloads inside a protected message. `NOT_AUTHENTIC` also covers messages that are not protected at all; only
 * `INVALID_SYNTAX` is the authenticated peer's fault. Payloads in the clear in front are authenticated but not read.
 */
export function openMessage(
  opener: AeadOpener,
  header: IkeHeader,
  octets: Uint8Array,
): Result<readonly Payload[], 'NOT_AUTHENTIC' | 'INVALID_SYNTAX'> {
  const outer = splitPayloads(header.nextPayload, octets, headerOctets);
  if (!outer.ok) return fail('NOT_AUTHENTIC', outer.message);
  const { encrypted } = outer.value;
  if (encrypted === undefined) return fail('NOT_AUTHENTIC', 'expected an Encrypted payload, found none');
  const plaintext = opener.open(
    octets.subarray(0, encrypted.bodyOffset),
    octets.subarray(encrypted.bodyOffset),
  );
  if (!plaintext.ok) return plaintext;
  const padLength = plaintext.value.at(-1);
  if (padLength === undefined || padLength >= plaintext.value.length) {
    return syntaxError('expected a pad length within the Encrypted payload, found a longer one');
  }
  const inner = splitPayloads(
    encrypted.innerType,
    plaintext.value.subarray(0, plaintext.value.length - 1 - padLength),
  );
  if (!inner.ok) return inner;
  if (inner.value.encrypted !== undefined) {
    return syntaxError('expected no Encrypted payload inside another, found one');
  }
  return ok(inner.value.payloads);
}
