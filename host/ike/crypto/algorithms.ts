/**
 * What an IKE SA has settled on: the record from which its keys are derived and its messages are protected.
 * RFC 7296 sections 2.14 and 3.3.
 */
import { type Aead, AeadOpener, AeadSealer, aeads } from './aead.ts';
import { type Cbc, CbcOpener, CbcSealer, cbcCiphers, type ProtectionKeys } from './encrypt-then-mac.ts';
import type { Integrity } from './integrity.ts';
import type { KeyExchangeMethod } from './key-exchange.ts';
import type { KeyEncapsulation } from './mlkem.ts';
import type { Prf } from './prf.ts';

export interface IkeAlgorithms {
  readonly cipher: Aead | Cbc;
  /** Undefined with a combined mode. */
  readonly integrity: Integrity | undefined;
  readonly prf: Prf;
  readonly keyExchange: KeyExchangeMethod;
  /** On top of it, in IKE_INTERMEDIATE (RFC 9370). */
  readonly additionalKeyExchange?: KeyEncapsulation | undefined;
}

/** Every cipher by its keyword. */
export const ikeCiphers = { ...aeads, ...cbcCiphers };

/** The settled algorithms as a keyword of host/model/ike-proposal.ts: `aes256gcm16-prfsha384-ecp384`. */
export function ikeKeyword(algorithms: IkeAlgorithms): string {
  const { cipher, integrity, prf, keyExchange, additionalKeyExchange } = algorithms;
  // As people write it: the PRF goes without saying where it is that of the integrity.
  const isImplied = prf.name === `prf${integrity?.name}`;
  const additional = additionalKeyExchange && `ke1_${additionalKeyExchange.name}`;
  return [cipher.name, integrity?.name, isImplied ? undefined : prf.name, keyExchange.name, additional]
    .filter((part) => part !== undefined)
    .join('-');
}

/** Protects the messages that this end sends. */
export interface Sealer {
  /** A plaintext is a whole number of these. */
  readonly blockOctets: number;
  /** What `seal` adds to it. */
  readonly overheadOctets: number;
  /** IV | ciphertext | ICV, a fresh array; `associated` is authenticated in the clear. */
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array;
}

/** Opens the messages of the other end. */
export type Opener = AeadOpener | CbcOpener;

/** @param random for the IVs of ciphers that need them unpredictable */
export function sealerOf(
  algorithms: IkeAlgorithms,
  keys: ProtectionKeys,
  random: (octets: number) => Uint8Array,
): Sealer {
  const { cipher, integrity } = algorithms;
  if (cipher.kind === 'aead') return new AeadSealer(cipher, keys.encryption);
  return new CbcSealer(cipher, integrityBeside(integrity), keys, random);
}

export function openerOf(algorithms: IkeAlgorithms, keys: ProtectionKeys): Opener {
  const { cipher, integrity } = algorithms;
  if (cipher.kind === 'aead') return new AeadOpener(cipher, keys.encryption);
  return new CbcOpener(cipher, integrityBeside(integrity), keys);
}

function integrityBeside(integrity: Integrity | undefined): Integrity {
  if (integrity === undefined) throw new Error('encryption without integrity');
  return integrity;
}
