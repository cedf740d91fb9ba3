/**
 * Keys of an IKE SA and of the CHILD SA that it is set up with, from the shared secret and the nonces.
 * RFC 7296 sections 2.14 and 2.17; for combined-mode ciphers SK_ai and SK_ar are empty (RFC 5282 section 7.1).
 */
import { Secret } from '../../model/secret.ts';
import { concatenate } from '../wire/syntax.ts';
import type { Aead } from './aead.ts';
import { type Prf, prf, prfPlus } from './prf.ts';

/** The algorithms that an IKE SA has settled on, apart from the key exchange. */
export interface IkeAlgorithms {
  readonly prf: Prf;
  readonly aead: Aead;
}

/** Keys of one IKE SA; whoever holds the record owns the secrets and wipes them with `wipeIkeKeys`. */
export interface IkeKeys {
  /** SK_d: keys of CHILD SAs come from it. */
  readonly derivation: Secret;
  /** SK_ei and SK_er, each key | salt. */
  readonly encryptionInitiator: Secret;
  readonly encryptionResponder: Secret;
  /** SK_pi and SK_pr: go into AUTH. */
  readonly authenticationInitiator: Secret;
  readonly authenticationResponder: Secret;
}

export interface IkeKeySources {
  readonly sharedSecret: Secret;
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
}

/**
 * SKEYSEED = prf(Ni | Nr, g^ir); SK_d | SK_ei | SK_er | SK_pi | SK_pr = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr).
 *
 * @wipes SKEYSEED and the joined key material, not `sharedSecret`
 * @rfc 7296 section 2.14
 */
export function deriveIkeKeys(algorithms: IkeAlgorithms, sources: IkeKeySources): IkeKeys {
  const { prf: prfAlgorithm, aead } = algorithms;
  const nonces = concatenate(sources.initiatorNonce, sources.responderNonce);
  const keySeed = prf(prfAlgorithm, nonces, sources.sharedSecret.reveal());
  const spis = new Uint8Array(16);
  const spisView = new DataView(spis.buffer);
  spisView.setBigUint64(0, sources.initiatorSpi);
  spisView.setBigUint64(8, sources.responderSpi);
  const encryptionOctets = aead.keyOctets + aead.saltOctets;
  const take = split(
    prfPlus(prfAlgorithm, keySeed, concatenate(nonces, spis), 3 * prfAlgorithm.octets + 2 * encryptionOctets),
  );
  keySeed.fill(0);
  const keys: IkeKeys = {
    derivation: take(prfAlgorithm.octets),
    encryptionInitiator: take(encryptionOctets),
    encryptionResponder: take(encryptionOctets),
    authenticationInitiator: take(prfAlgorithm.octets),
    authenticationResponder: take(prfAlgorithm.octets),
  };
  take.wipe();
  return keys;
}

/** @wipes every key of the record */
export function wipeIkeKeys(keys: IkeKeys): void {
  keys.derivation.wipe();
  keys.encryptionInitiator.wipe();
  keys.encryptionResponder.wipe();
  keys.authenticationInitiator.wipe();
  keys.authenticationResponder.wipe();
}

/** Keys of a pair of ESP SAs, by the direction that a packet takes. */
export interface ChildKeys {
  readonly initiatorToResponder: DirectionKeys;
  readonly responderToInitiator: DirectionKeys;
}

export interface DirectionKeys {
  readonly encryptionKey: Secret;
  /** Nonce salt of RFC 4106 section 8.1, which follows the key in the key material. */
  readonly salt: Secret;
}

/**
 * KEYMAT = prf+(SK_d, Ni | Nr): the SA from initiator to responder first, then the other; the caller owns the secrets.
 *
 * @wipes the joined key material
 * @rfc 7296 section 2.17
 */
export function deriveChildKeys(
  prfAlgorithm: Prf,
  derivation: Secret,
  initiatorNonce: Uint8Array,
  responderNonce: Uint8Array,
  sizes: { readonly keyOctets: number; readonly saltOctets: number },
): ChildKeys {
  const octets = 2 * (sizes.keyOctets + sizes.saltOctets);
  const seed = concatenate(initiatorNonce, responderNonce);
  const take = split(prfPlus(prfAlgorithm, derivation.reveal(), seed, octets));
  const direction = (): DirectionKeys => ({
    encryptionKey: take(sizes.keyOctets),
    salt: take(sizes.saltOctets),
  });
  const keys = { initiatorToResponder: direction(), responderToInitiator: direction() };
  take.wipe();
  return keys;
}

/** Hands out `material` from the front as copies; `wipe` clears the original. */
function split(material: Uint8Array): { (octets: number): Secret; wipe(): void } {
  let at = 0;
  const take = (octets: number): Secret => {
    const secret = new Secret(material.slice(at, at + octets));
    at += octets;
    return secret;
  };
  return Object.assign(take, {
    wipe(): void {
      material.fill(0);
    },
  });
}
