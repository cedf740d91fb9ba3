/**
 * What AUTH says about IKE_INTERMEDIATE: a MAC over each of its messages as they were before encryption, so that nobody can
 * change an exchange that came before the ends were authenticated. RFC 9242 section 3.3.2.
 */
import type { Secret } from '../../model/secret.ts';
import { type HeaderValue, headerOctets, writeHeader } from '../wire/header.ts';
import { payloadTypes } from '../wire/iana-numbers.ts';
import { payloadHeaderOctets } from '../wire/payload-chain.ts';
import { concatenate, writeUint16, writeUint32 } from '../wire/syntax.ts';
import { type Prf, prf } from './prf.ts';

/** The payloads of a protected message without protection: type of the first one, and the chain. */
export interface Contents {
  readonly innerType: number;
  readonly plaintext: Uint8Array;
}

/**
 * prf(SK_p, A | P): A is the header and the generic header of the Encrypted payload with lengths as if there were neither
 * IV, padding nor ICV, and as if the message had come in one piece; P is what is inside.
 *
 * @param macKey SK_pi or SK_pr of before the exchange
 */
export function intermediateMac(
  algorithm: Prf,
  macKey: Secret,
  header: HeaderValue,
  contents: Contents,
): Uint8Array {
  const { innerType, plaintext } = contents;
  const octets = new Uint8Array(headerOctets + payloadHeaderOctets + plaintext.length);
  writeHeader(octets, header, payloadTypes.encrypted);
  octets[headerOctets] = innerType;
  writeUint16(octets, headerOctets + 2, payloadHeaderOctets + plaintext.length);
  octets.set(plaintext, headerOctets + payloadHeaderOctets);
  const mac = prf(algorithm, macKey.reveal(), octets);
  octets.fill(0);
  return mac;
}

/** IntAuth = IntAuth_i | IntAuth_r | message ID of IKE_AUTH: what both ends add to the octets that they sign. */
export function intermediateAuth(
  initiatorMac: Uint8Array,
  responderMac: Uint8Array,
  authMessageId: number,
): Uint8Array {
  const messageId = new Uint8Array(4);
  writeUint32(messageId, 0, authMessageId);
  return concatenate(initiatorMac, responderMac, messageId);
}
