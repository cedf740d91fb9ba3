/** PEM (RFC 7468): the DER objects of one kind in a file that a person may have put together from several. */
import { HostError } from './host-error.ts';

export type PemLabel = 'CERTIFICATE' | 'X509 CRL' | 'CERTIFICATE REQUEST';

/**
 * The DER of every `label` object in `text`, in order; other objects and what stands between are passed over.
 *
 * @param name of the file or field, for the message
 * @throws HostError CREDENTIAL_UNREADABLE without one, or with one whose base64 is cut
 */
export function pemObjects(text: string, label: PemLabel, name: string): Uint8Array[] {
  const found: Uint8Array[] = [];
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g');
  for (const [, body = ''] of text.matchAll(pattern)) {
    found.push(new Uint8Array(Buffer.from(body, 'base64')));
  }
  const begun = text.split(`-----BEGIN ${label}-----`).length - 1;
  if (found.length === 0 || found.length !== begun) {
    throw new HostError(
      'CREDENTIAL_UNREADABLE',
      `${name}: expected PEM with -----BEGIN ${label}-----, found ${found.length} whole of ${begun}`,
    );
  }
  return found;
}

/** PEM of one object. */
export function toPem(label: PemLabel, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
