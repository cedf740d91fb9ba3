/** What this end proves itself with: its certificate, those above it, and the private key that belongs to the first. */
import { createPublicKey } from 'node:crypto';
import type { OwnCertificate } from '../model/certificate-trust.ts';
import { HostError } from '../model/host-error.ts';
import { pemObjects } from '../model/pem.ts';
import { pkcs8KeyIn } from '../model/private-key.ts';
import { parseCertificate } from './certificate.ts';
import { validityOf } from './validity.ts';

export interface OwnCertificateSources {
  /** PEM: our own certificate first, then those that lead to an authority. */
  readonly certificates: { readonly text: string; readonly name: string };
  /** PKCS#8 in PEM, without a password; wiped here. */
  readonly privateKey: { readonly octets: Uint8Array; readonly name: string };
}

/**
 * Puts certificate and key together, and checks that they belong together.
 *
 * @wipes the octets of the private key
 * @throws HostError CREDENTIAL_UNREADABLE when one cannot be read, is too weak, or they do not fit
 */
export function ownCertificate(sources: OwnCertificateSources): OwnCertificate {
  const { certificates, privateKey } = sources;
  const key = pkcs8KeyIn(privateKey.octets, privateKey.name);
  const chain = pemObjects(certificates.text, 'CERTIFICATE', certificates.name);
  const [own, ...above] = chain.map((der, index) => {
    const parsed = parseCertificate(der);
    if (parsed.ok) return parsed.value;
    throw unreadable(certificates.name, `certificate ${index + 1}: ${parsed.message}`);
  });
  if (own?.publicKey.equals(createPublicKey(key)) !== true) {
    throw unreadable(privateKey.name, `is not the key of the first certificate in ${certificates.name}`);
  }
  return { chain, privateKey: key, validity: validityOf([own, ...above]) };
}

function unreadable(name: string, why: string): HostError {
  return new HostError('CREDENTIAL_UNREADABLE', `${name}: ${why}`);
}
