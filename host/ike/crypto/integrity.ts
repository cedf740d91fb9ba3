/**
 * Integrity of IKE messages beside a cipher that brings none: HMAC over a hash, cut to half of its length.
 * RFC 4868 section 2, RFC 7296 section 3.14.
 */
import type { IkeIntegrityName } from '../../model/ike-proposal.ts';
import { integrityIds } from '../wire/iana-numbers.ts';

export interface Integrity {
  readonly name: IkeIntegrityName;
  readonly id: number;
  /** Name of the hash in node:crypto. */
  readonly hash: string;
  readonly keyOctets: number;
  readonly icvOctets: number;
}

/** RFC 4868 section 2.6: keys as long as the hash, ICVs half as long. */
export const integrities: Readonly<Record<IkeIntegrityName, Integrity>> = {
  sha256: { name: 'sha256', id: integrityIds.hmacSha256, hash: 'sha256', keyOctets: 32, icvOctets: 16 },
  sha384: { name: 'sha384', id: integrityIds.hmacSha384, hash: 'sha384', keyOctets: 48, icvOctets: 24 },
  sha512: { name: 'sha512', id: integrityIds.hmacSha512, hash: 'sha512', keyOctets: 64, icvOctets: 32 },
};
