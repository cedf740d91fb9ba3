/**
 * Keys of IKE SAs and of CHILD SAs, from the shared secrets and the nonces, when they are set up and when they are rekeyed.
 * For combined-mode ciphers SK_ai and SK_ar are empty (RFC 5282 section 7.1). RFC 7296 sections 2.14, 2.17 and 2.18.
 */
import type { Proposal } from '../../model/proposal.ts';
import { Secret } from '../../model/secret.ts';
import type { SaKeys } from '../../model/security-association.ts';
import { encodeIkeSpi } from '../ike-spi.ts';
import { concatenate } from '../wire/syntax.ts';
import type { IkeAlgorithms } from './algorithms.ts';
import { type Prf, prf, prfPlus } from './prf.ts';

/** Keys of one IKE SA; whoever holds the record owns the secrets and wipes them with `wipeIkeKeys`. */
export interface IkeKeys {
  /** SK_d: keys of CHILD SAs come from it. */
  readonly derivation: Secret;
  /** SK_ai and SK_ar. */
  readonly integrityInitiator: Secret;
  readonly integrityResponder: Secret;
  /** SK_ei and SK_er, each key | salt. */
  readonly encryptionInitiator: Secret;
  readonly encryptionResponder: Secret;
  /** SK_pi and SK_pr: go into AUTH. */
  readonly authenticationInitiator: Secret;
  readonly authenticationResponder: Secret;
}

/** The nonces of one exchange of IKE_SA_INIT or CREATE_CHILD_SA. */
export interface Nonces {
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
}

export interface IkeKeySources extends Nonces {
  /** g^ir, borrowed. */
  readonly sharedSecret: Secret;
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
}

/**
 * Keys of a new IKE SA: SKEYSEED = prf(Ni | Nr, g^ir).
 *
 * @wipes SKEYSEED and the joined key material, not `sharedSecret`
 * @rfc 7296 section 2.14
 */
export function deriveIkeKeys(algorithms: IkeAlgorithms, sources: IkeKeySources): IkeKeys {
  const nonces = concatenate(sources.initiatorNonce, sources.responderNonce);
  return expand(algorithms, prf(algorithms.prf, nonces, sources.sharedSecret.reveal()), sources);
}

/** The IKE SA that is replaced. */
export interface ReplacedIkeSa {
  readonly prf: Prf;
  /** SK_d, borrowed. */
  readonly derivation: Secret;
}

/**
 * Keys of the IKE SA that replaces `old`, or that `old` becomes by an additional key exchange: SKEYSEED = prf(SK_d, g^ir | Ni | Nr) with the old SA's prf; nonces and SPIs are
 * those of CREATE_CHILD_SA, or the SA's own.
 *
 * @wipes SKEYSEED and the joined key material, not `sharedSecret`
 * @rfc 7296 section 2.18, 9370 section 2.2.2
 */
export function deriveRekeyedIkeKeys(
  old: ReplacedIkeSa,
  algorithms: IkeAlgorithms,
  sources: IkeKeySources,
): IkeKeys {
  const { sharedSecret, initiatorNonce, responderNonce } = sources;
  const seed = prf(old.prf, old.derivation.reveal(), sharedSecret.reveal(), initiatorNonce, responderNonce);
  return expand(algorithms, seed, sources);
}

/**
 * SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr).
 *
 * @wipes `keySeed`
 */
function expand(
  algorithms: IkeAlgorithms,
  keySeed: Uint8Array,
  sources: Omit<IkeKeySources, 'sharedSecret'>,
): IkeKeys {
  const { prf: prfAlgorithm, cipher, integrity } = algorithms;
  const { initiatorNonce, responderNonce, initiatorSpi, responderSpi } = sources;
  const spis = [encodeIkeSpi(initiatorSpi), encodeIkeSpi(responderSpi)];
  const seed = concatenate(initiatorNonce, responderNonce, ...spis);
  const encryptionOctets = cipher.keyOctets + cipher.saltOctets;
  const integrityOctets = integrity?.keyOctets ?? 0;
  const octets = 3 * prfAlgorithm.octets + 2 * integrityOctets + 2 * encryptionOctets;
  const take = split(prfPlus(prfAlgorithm, keySeed, seed, octets));
  keySeed.fill(0);
  const keys: IkeKeys = {
    derivation: take(prfAlgorithm.octets),
    integrityInitiator: take(integrityOctets),
    integrityResponder: take(integrityOctets),
    encryptionInitiator: take(encryptionOctets),
    encryptionResponder: take(encryptionOctets),
    authenticationInitiator: take(prfAlgorithm.octets),
    authenticationResponder: take(prfAlgorithm.octets),
  };
  take.wipe();
  return keys;
}

/**
 * `keys` with a post-quantum pre-shared key in them: SK_d = prf+(PPK, SK_d'), SK_pi and SK_pr likewise. The other keys are
 * shared with `keys`, and stay whose they are.
 *
 * @rfc 8784 section 3
 */
export function mixPpk(prfAlgorithm: Prf, keys: IkeKeys, ppk: Secret): IkeKeys {
  const mixed = (key: Secret): Secret =>
    new Secret(prfPlus(prfAlgorithm, ppk.reveal(), key.reveal(), prfAlgorithm.octets));
  return {
    ...keys,
    derivation: mixed(keys.derivation),
    authenticationInitiator: mixed(keys.authenticationInitiator),
    authenticationResponder: mixed(keys.authenticationResponder),
  };
}

/** @wipes every key of the record */
export function wipeIkeKeys(keys: IkeKeys): void {
  keys.derivation.wipe();
  keys.integrityInitiator.wipe();
  keys.integrityResponder.wipe();
  keys.encryptionInitiator.wipe();
  keys.encryptionResponder.wipe();
  keys.authenticationInitiator.wipe();
  keys.authenticationResponder.wipe();
}

/** Keys of a pair of ESP SAs, by the direction that a packet takes. */
export interface ChildKeys {
  readonly initiatorToResponder: SaKeys;
  readonly responderToInitiator: SaKeys;
}

export interface ChildKeySources extends Nonces {
  /** SK_d of the IKE SA under which the CHILD SA is set up or rekeyed; borrowed. */
  readonly derivation: Secret;
  /** g^ir of a CREATE_CHILD_SA with a key exchange of its own; borrowed. */
  readonly sharedSecret?: Secret | undefined;
}

/** Octets of key material that an ESP SA takes. */
export type EspKeySizes = Pick<Proposal, 'encryptionKeyOctets' | 'saltOctets' | 'authenticationKeyOctets'>;

/**
 * KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr): the SA from initiator to responder first, then the other, in each encryption
 * before integrity. The caller owns the secrets. Initiator is who began the exchange, not who began the IKE SA.
 *
 * @wipes the joined key material and the seed
 * @rfc 7296 section 2.17
 */
export function deriveChildKeys(prfAlgorithm: Prf, sources: ChildKeySources, sizes: EspKeySizes): ChildKeys {
  const { encryptionKeyOctets, saltOctets, authenticationKeyOctets } = sizes;
  const octets = 2 * (encryptionKeyOctets + saltOctets + authenticationKeyOctets);
  const sharedSecret = sources.sharedSecret?.reveal() ?? new Uint8Array(0);
  const seed = concatenate(sharedSecret, sources.initiatorNonce, sources.responderNonce);
  const take = split(prfPlus(prfAlgorithm, sources.derivation.reveal(), seed, octets));
  seed.fill(0);
  // RFC 4106 section 8.1: the salt follows the key of its cipher.
  const direction = (): SaKeys => ({
    encryptionKey: take(encryptionKeyOctets),
    salt: take(saltOctets),
    authenticationKey: take(authenticationKeyOctets),
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
