/**
 * What IKE_AUTH proves and with which octets, for both roles: who signs which message, and the order of the payloads.
 * RFC 7296 section 2.15 and appendix C.2.
 */

import { ok } from '../model/result.ts';
import type { Secret } from '../model/secret.ts';
import { equalAuthentication, sharedKeyAuthentication } from './crypto/authentication.ts';
import type { IkeSa } from './ike-sa.ts';
import { authenticationMethods, payloadTypes } from './wire/iana-numbers.ts';
import {
  encodeAuthentication,
  encodeIdentification,
  type Identity,
  parseAuthentication,
  parseIdentification,
} from './wire/identification.ts';
import type { PayloadValue } from './wire/payload-chain.ts';
import type { PayloadSet } from './wire/payload-set.ts';
import { type Parsed, syntaxError } from './wire/syntax.ts';

/** What IKE_SA_INIT leaves behind for IKE_AUTH: both messages as they were on the wire, and both nonces. */
export interface Transcript {
  readonly initiatorMessage: Uint8Array;
  readonly responderMessage: Uint8Array;
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
}

/** AUTH data of the end with `role`, over its own message, the other nonce and its ID payload's body. */
export function authenticationOf(
  role: 'initiator' | 'responder',
  ikeSa: IkeSa,
  transcript: Transcript,
  preSharedKey: Secret,
  identification: Uint8Array,
): Uint8Array {
  const isInitiator = role === 'initiator';
  return sharedKeyAuthentication(ikeSa.algorithms.prf, preSharedKey, {
    message: isInitiator ? transcript.initiatorMessage : transcript.responderMessage,
    peerNonce: isInitiator ? transcript.responderNonce : transcript.initiatorNonce,
    macKey: isInitiator ? ikeSa.keys.authenticationInitiator : ikeSa.keys.authenticationResponder,
    identification,
  });
}

/** Our ID and AUTH payloads. */
export function proofOf(
  role: 'initiator' | 'responder',
  ikeSa: IkeSa,
  transcript: Transcript,
  preSharedKey: Secret,
  identity: Identity,
): { readonly identification: PayloadValue; readonly authentication: PayloadValue } {
  const body = encodeIdentification(identity);
  return {
    identification: {
      type:
        role === 'initiator' ? payloadTypes.identificationInitiator : payloadTypes.identificationResponder,
      body,
    },
    authentication: {
      type: payloadTypes.authentication,
      body: encodeAuthentication({
        method: authenticationMethods.sharedKeyMessageIntegrityCode,
        data: authenticationOf(role, ikeSa, transcript, preSharedKey, body),
      }),
    },
  };
}

export interface Claim {
  readonly identity: Identity;
  /** The ID payload's body as received. */
  readonly identification: Uint8Array;
  /** undefined without an AUTH payload, or with a method that is not a pre-shared key. */
  readonly authentication: Uint8Array | undefined;
}

/** The peer's ID and AUTH payloads; undefined without an ID. Identity copied, the rest borrowed. */
export function parseClaim(
  peerRole: 'initiator' | 'responder',
  payloads: PayloadSet,
): Parsed<Claim | undefined> {
  const identification = payloads.body(
    peerRole === 'initiator' ? payloadTypes.identificationInitiator : payloadTypes.identificationResponder,
  );
  if (identification === undefined) return ok(undefined);
  const identity = parseIdentification(identification);
  if (!identity.ok) return identity;
  const body = payloads.body(payloadTypes.authentication);
  let authentication: Uint8Array | undefined;
  if (body !== undefined) {
    const parsed = parseAuthentication(body);
    if (!parsed.ok) return parsed;
    if (parsed.value.data.length === 0) return syntaxError('expected authentication data, found none');
    const isSharedKey = parsed.value.method === authenticationMethods.sharedKeyMessageIntegrityCode;
    authentication = isSharedKey ? parsed.value.data : undefined;
  }
  return ok({
    identity: { type: identity.value.type, data: identity.value.data.slice() },
    identification,
    authentication,
  });
}

/** True when `claim` proves possession of `preSharedKey`. @constantTime in the octets compared */
export function isProven(
  peerRole: 'initiator' | 'responder',
  claim: Claim,
  ikeSa: IkeSa,
  transcript: Transcript,
  preSharedKey: Secret,
): boolean {
  const expected = authenticationOf(peerRole, ikeSa, transcript, preSharedKey, claim.identification);
  return claim.authentication !== undefined && equalAuthentication(expected, claim.authentication);
}
