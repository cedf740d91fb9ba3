/** Key Exchange and Nonce payloads of IKE_SA_INIT. RFC 7296 sections 3.4 and 3.9. */
import { ok } from '../../model/result.ts';
import { payloadTypes } from './iana-numbers.ts';
import type { PayloadValue } from './payload-chain.ts';
import { type Parsed, readUint16, syntaxError, writeUint16 } from './syntax.ts';

export interface KeyExchange {
  /** Transform ID of the key exchange method (Diffie-Hellman group). */
  readonly method: number;
  readonly data: Uint8Array;
}

/** Reads a KE payload's body; the data is borrowed, and its length is for the method to judge. */
export function parseKeyExchange(body: Uint8Array): Parsed<KeyExchange> {
  if (body.length < 4) return syntaxError(`expected at least 4 octets of KE, found ${body.length}`);
  return ok({ method: readUint16(body, 0), data: body.subarray(4) });
}

export function encodeKeyExchange(value: KeyExchange): PayloadValue {
  const body = new Uint8Array(4 + value.data.length);
  writeUint16(body, 0, value.method);
  body.set(value.data, 4);
  return { type: payloadTypes.keyExchange, body };
}

/** Checks a Nonce payload's body, which is the nonce itself: 16 to 256 octets (RFC 7296 section 3.9). */
export function parseNonce(body: Uint8Array): Parsed<Uint8Array> {
  if (body.length < 16 || body.length > 256) {
    return syntaxError(`expected a nonce of 16 to 256 octets, found ${body.length}`);
  }
  return ok(body);
}

export function encodeNonce(nonce: Uint8Array): PayloadValue {
  return { type: payloadTypes.nonce, body: nonce };
}
