/**
 * Key exchange methods by their keywords: an ephemeral key pair from injected randomness, and the shared secret with the
 * peer's public value. The arithmetic is OpenSSL's, by node:crypto. RFC 7296 sections 2.12 and 3.4, RFC 6989.
 */
import type { KeyExchangeName } from '../../model/ike-proposal.ts';
import type { Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import { curve25519 } from './curve25519.ts';
import { ecpGroups } from './ecp.ts';
import { modpGroups } from './modp.ts';

export interface KeyExchangeMethod {
  readonly name: KeyExchangeName;
  readonly id: number;
  /** Octets of a public value on the wire; a KE payload of any other length is malformed. */
  readonly publicOctets: number;
  /** Makes a key pair from `random(n)`, n fresh random octets, which are wiped. */
  generate(random: (octets: number) => Uint8Array): KeyPair;
}

export interface KeyPair {
  readonly publicValue: Uint8Array;
  /**
   * The secret shared with the owner of `peerPublicValue`, owned by the caller. Refuses what RFC 6989 section 2 says: a
   * value that is not of the group, or leaves the secret to be known whatever our key is. Constant-time as OpenSSL's is.
   */
  agree(peerPublicValue: Uint8Array): Result<Secret, 'KEY_EXCHANGE'>;
}

export const keyExchangeMethods: Readonly<Record<KeyExchangeName, KeyExchangeMethod>> = {
  x25519: curve25519,
  ...ecpGroups,
  ...modpGroups,
};
