/** What the small authority remembers: every certificate that it issued, and which of them it took back. */
import { z } from 'zod';
import { HostError } from '../model/host-error.ts';

const time = z.iso.datetime();

const indexSchema = z.strictObject({
  version: z.literal(1),
  /** Of the next revocation list; rises with each (RFC 5280 section 5.2.3). */
  nextListNumber: z.int().min(1),
  certificates: z.array(
    z.strictObject({
      /** Hexadecimal. */
      serial: z.string().regex(/^[0-9a-f]{2,40}$/),
      name: z.string(),
      notBefore: time,
      notAfter: time,
      revoked: time.nullable(),
    }),
  ),
});

export type AuthorityIndex = z.output<typeof indexSchema>;
export type IssuedCertificate = AuthorityIndex['certificates'][number];

export const emptyIndex: AuthorityIndex = { version: 1, nextListNumber: 1, certificates: [] };

/** Reads the index. @throws HostError CONFIG_INVALID for a file that somebody broke */
export function parseIndex(text: string, file: string): AuthorityIndex {
  try {
    return indexSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HostError(
      'CONFIG_INVALID',
      `${file}: expected the index of an authority, found something else`,
      {
        cause,
      },
    );
  }
}

/**
 * The index with every certificate revoked that `isMeant` names and that was not before.
 *
 * @returns it with those that this revoked
 */
export function revokeIn(
  index: AuthorityIndex,
  isMeant: (certificate: IssuedCertificate) => boolean,
  at: string,
): { readonly index: AuthorityIndex; readonly revoked: readonly IssuedCertificate[] } {
  const revoked = index.certificates.filter((one) => one.revoked === null && isMeant(one));
  const certificates = index.certificates.map((one) =>
    revoked.includes(one) ? { ...one, revoked: at } : one,
  );
  return { index: { ...index, certificates }, revoked };
}
