/**
 * What IKE_AUTH proves and with which octets, for both roles: who signs which message, and the payloads of a proof. The
 * octets are made in one place, `signedOctetsOf`, whatever proves them. RFC 7296 section 2.15 and appendix C.2.
 */
import type {
  CertificateName,
  CertificateRefusal,
  CertificateTrust,
  CertificateValidity,
} from '../../model/certificate-trust.ts';
import type { OwnCredential } from '../../model/credentials.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import { equalAuthentication, sharedKeyAuthentication, signedOctets } from '../crypto/authentication.ts';
import { checkSignature, isSignature, signAuthentication } from '../crypto/signature.ts';
import { signatureHashesIn } from '../sa-init/signature-hashes.ts';
import { encodeCertificates, parseCertificates } from '../wire/certificate.ts';
import { authenticationMethods, identificationTypes, payloadTypes } from '../wire/iana-numbers.ts';
import {
  type Authentication,
  encodeAuthentication,
  encodeIdentification,
  formatIdentity,
  type Identity,
  parseAuthentication,
  parseIdentification,
} from '../wire/identification.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { type Parsed, syntaxError } from '../wire/syntax.ts';
import type { AuthKeys } from './ppk.ts';

/** What the exchanges before leave behind for IKE_AUTH: both messages of IKE_SA_INIT as they were on the wire, and both nonces. */
export interface Transcript {
  readonly initiatorMessage: Uint8Array;
  readonly responderMessage: Uint8Array;
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
  /** IntAuth, once IKE_INTERMEDIATE is over. */
  readonly intermediate?: Uint8Array;
  /** Both ends said USE_PPK. */
  readonly speaksPpk?: boolean;
}

export type Role = 'initiator' | 'responder';

/** Why a proof is not accepted, or cannot be made. */
export type ProofRefusal = 'authentication-failed' | CertificateRefusal;

/** The octets that the end with `role` signs: its own message, the other nonce and its ID payload's body. */
export function signedOctetsOf(
  role: Role,
  ikeSa: AuthKeys,
  transcript: Transcript,
  identification: Uint8Array,
): Uint8Array {
  const isInitiator = role === 'initiator';
  return signedOctets(ikeSa.algorithms.prf, {
    message: isInitiator ? transcript.initiatorMessage : transcript.responderMessage,
    peerNonce: isInitiator ? transcript.responderNonce : transcript.initiatorNonce,
    macKey: isInitiator ? ikeSa.keys.authenticationInitiator : ikeSa.keys.authenticationResponder,
    identification,
    intermediate: transcript.intermediate,
  });
}

/** AUTH data of the end with `role` by a pre-shared key. */
export function authenticationOf(
  role: Role,
  ikeSa: AuthKeys,
  transcript: Transcript,
  preSharedKey: Secret,
  identification: Uint8Array,
): Uint8Array {
  const octets = signedOctetsOf(role, ikeSa, transcript, identification);
  return sharedKeyAuthentication(ikeSa.algorithms.prf, preSharedKey, octets);
}

/** Our ID, CERT and AUTH payloads. */
export interface Proof {
  readonly identification: PayloadValue;
  readonly certificates: readonly PayloadValue[];
  readonly authentication: PayloadValue;
}

/** Makes our proof; it fails only when the peer announced no signature that our certificate's key can make. */
export function proofOf(
  role: Role,
  ikeSa: AuthKeys,
  transcript: Transcript,
  own: OwnCredential,
  identity: Identity,
): Result<Proof, ProofRefusal> {
  const isInitiator = role === 'initiator';
  const body = encodeIdentification(identity);
  const peerMessage = isInitiator ? transcript.responderMessage : transcript.initiatorMessage;
  const authentication: Result<Authentication, ProofRefusal> =
    own.kind === 'pre-shared-key'
      ? ok({
          method: authenticationMethods.sharedKeyMessageIntegrityCode,
          data: authenticationOf(role, ikeSa, transcript, own.preSharedKey, body),
        })
      : signAuthentication(
          own.certificate.privateKey,
          signedOctetsOf(role, ikeSa, transcript, body),
          signatureHashesIn(peerMessage),
        );
  if (!authentication.ok) return authentication;
  return ok({
    identification: {
      type: isInitiator ? payloadTypes.identificationInitiator : payloadTypes.identificationResponder,
      body,
    },
    certificates: own.kind === 'certificate' ? encodeCertificates(own.certificate.chain) : [],
    authentication: { type: payloadTypes.authentication, body: encodeAuthentication(authentication.value) },
  });
}

/** The Authentication Data inside the AUTH payload of `proof` (RFC 7296 section 3.8). */
export function authenticationDataOf(proof: Proof): Uint8Array {
  return proof.authentication.body.subarray(4);
}

export interface Claim {
  readonly identity: Identity;
  /** The ID payload's body as received. */
  readonly identification: Uint8Array;
  /** undefined without an AUTH payload, as for EAP. */
  readonly authentication: Authentication | undefined;
  /** DER, the peer's own first. */
  readonly certificates: readonly Uint8Array[];
}

/** The peer's ID, CERT and AUTH payloads; undefined without an ID. Identity copied, the rest borrowed. */
export function parseClaim(peerRole: Role, payloads: PayloadSet): Parsed<Claim | undefined> {
  const identification = payloads.body(
    peerRole === 'initiator' ? payloadTypes.identificationInitiator : payloadTypes.identificationResponder,
  );
  if (identification === undefined) return ok(undefined);
  const identity = parseIdentification(identification);
  if (!identity.ok) return identity;
  const body = payloads.body(payloadTypes.authentication);
  const authentication = body && parseAuthentication(body);
  if (authentication?.ok === false) return authentication;
  if (authentication?.value.data.length === 0) {
    return syntaxError('expected authentication data, found none');
  }
  const certificates = parseCertificates(payloads.bodies(payloadTypes.certificate));
  if (!certificates.ok) return certificates;
  return ok({
    identity: { type: identity.value.type, data: identity.value.data.slice() },
    identification,
    authentication: authentication?.value,
    certificates: certificates.value,
  });
}

/** True when the peer says that it proves itself by a certificate. */
export function showsCertificate({ authentication }: Claim): boolean {
  return authentication !== undefined && isSignature(authentication);
}

/** Whether `claim` proves possession of `preSharedKey`. @constantTime in the octets compared */
export function checkSharedKey(
  peerRole: Role,
  claim: Claim,
  ikeSa: AuthKeys,
  transcript: Transcript,
  preSharedKey: Secret,
): Result<undefined, ProofRefusal> {
  const expected = authenticationOf(peerRole, ikeSa, transcript, preSharedKey, claim.identification);
  const { authentication } = claim;
  const name = formatIdentity(claim.identity);
  if (authentication?.method !== authenticationMethods.sharedKeyMessageIntegrityCode) {
    return fail('authentication-failed', `expected ${name} to prove a pre-shared key, found another method`);
  }
  if (equalAuthentication(expected, authentication.data)) return ok(undefined);
  return fail('authentication-failed', `${name} did not prove its pre-shared key; compare it at both ends`);
}

/** Whether `claim` shows a certificate for its identity that `trust` accepts, and a signature by its key; and how long that holds. */
export function checkCertificate(
  peerRole: Role,
  claim: Claim,
  ikeSa: AuthKeys,
  transcript: Transcript,
  trust: CertificateTrust,
): Result<CertificateValidity, ProofRefusal> {
  const name = formatIdentity(claim.identity);
  const { authentication } = claim;
  if (authentication === undefined || !isSignature(authentication)) {
    return fail('authentication-failed', `expected ${name} to show a certificate, found another method`);
  }
  const wanted = certificateNameOf(claim.identity);
  if (wanted === undefined) {
    return fail('certificate-name', `expected an identity that a certificate can carry, found ${name}`);
  }
  const judged = trust.judge(claim.certificates, wanted);
  if (!judged.ok) return fail(judged.code, `${name}: ${judged.message}`);
  const octets = signedOctetsOf(peerRole, ikeSa, transcript, claim.identification);
  const checked = checkSignature(judged.value.publicKey, octets, authentication);
  return checked.ok ? ok(judged.value.validity) : fail(checked.code, `${name}: ${checked.message}`);
}

/** Tells `trust` that the peer of `claim` is let in. */
export function tellAccepted(claim: Claim, trust: CertificateTrust): void {
  const name = certificateNameOf(claim.identity);
  if (name !== undefined) trust.accepted?.(claim.certificates, name);
}

/** RFC 4945 section 3.1: which field of a certificate an identity is compared with. */
function certificateNameOf({ type, data }: Identity): CertificateName | undefined {
  const kinds: Readonly<Record<number, CertificateName['kind']>> = {
    [identificationTypes.fqdn]: 'dns',
    [identificationTypes.rfc822Address]: 'email',
    [identificationTypes.ipv4Address]: 'address',
    [identificationTypes.ipv6Address]: 'address',
    [identificationTypes.derAsn1Dn]: 'subject',
  };
  const kind = kinds[type];
  return kind && { kind, octets: data };
}
