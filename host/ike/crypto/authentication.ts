/**
 * The octets that AUTH covers, and AUTH with a pre-shared key: proof that the sender of a message of IKE_SA_INIT holds the
 * key. Signatures over the same octets are in signature.ts. RFC 7296 section 2.15.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../model/secret.ts';
import { concatenate } from '../wire/syntax.ts';
import { type Prf, prf } from './prf.ts';

/** RFC 7296 section 2.15: 17 ASCII characters without a terminating null. */
const keyPad = new TextEncoder().encode('Key Pad for IKEv2');

export interface AuthenticatedExchange {
  /** The signer's own IKE_SA_INIT message, the last one where several were sent, header included. */
  readonly message: Uint8Array;
  /** Nonce of the other end. */
  readonly peerNonce: Uint8Array;
  /** SK_pi for the initiator, SK_pr for the responder. */
  readonly macKey: Secret;
  /** Body of the signer's ID payload. */
  readonly identification: Uint8Array;
  /** IntAuth, where IKE_INTERMEDIATE came before (RFC 9242 section 3.3.1). */
  readonly intermediate?: Uint8Array | undefined;
}

/** InitiatorSignedOctets or ResponderSignedOctets: message | peerNonce | prf(macKey, identification) [| IntAuth]. */
export function signedOctets(algorithm: Prf, exchange: AuthenticatedExchange): Uint8Array {
  const macedIdentification = prf(algorithm, exchange.macKey.reveal(), exchange.identification);
  const { message, peerNonce, intermediate = new Uint8Array(0) } = exchange;
  return concatenate(message, peerNonce, macedIdentification, intermediate);
}

/**
 * prf(prf(preSharedKey, "Key Pad for IKEv2"), octets).
 *
 * @wipes its intermediate key
 */
export function sharedKeyAuthentication(
  algorithm: Prf,
  preSharedKey: Secret,
  octets: Uint8Array,
): Uint8Array {
  const key = prf(algorithm, preSharedKey.reveal(), keyPad);
  const authentication = prf(algorithm, key, octets);
  key.fill(0);
  return authentication;
}

/** @constantTime in the octets; lengths are public */
export function equalAuthentication(expected: Uint8Array, received: Uint8Array): boolean {
  return expected.length === received.length && timingSafeEqual(expected, received);
}
