/**
 * Keys of data SAs: fresh random octets, of the lengths that the proposal takes, for each SA of each distribution. The
 * random source is injected; in the server it is the operating system's (node:crypto.randomBytes).
 */
import type { Proposal } from '../model/proposal.ts';
import { Secret } from '../model/secret.ts';
import type { SaKeys } from '../model/security-association.ts';

/** Returns that many fresh octets, which belong to the caller. */
export type Random = (octets: number) => Uint8Array;

/** Keys of one direction; the caller owns and wipes them. */
export function generateKeys(proposal: Proposal, random: Random): SaKeys {
  return {
    encryptionKey: new Secret(random(proposal.encryptionKeyOctets)),
    authenticationKey: new Secret(random(proposal.authenticationKeyOctets)),
    salt: new Secret(random(proposal.saltOctets)),
  };
}

/** A second copy of the same keys, to be handed on: whoever gets it wipes it. */
export function copyKeys(keys: SaKeys): SaKeys {
  return {
    encryptionKey: copySecret(keys.encryptionKey),
    authenticationKey: copySecret(keys.authenticationKey),
    salt: copySecret(keys.salt),
  };
}

function copySecret(secret: Secret): Secret {
  return new Secret(Uint8Array.from(secret.reveal()));
}

/** Zeroes all three. */
export function wipeKeys(keys: SaKeys): void {
  keys.encryptionKey.wipe();
  keys.authenticationKey.wipe();
  keys.salt.wipe();
}
