/**
 * A certificate revocation list, as its authority publishes it: a file here, never fetched. Reads it and looks serial
 * numbers up; who must have signed it is the path's business. RFC 5280 section 5.
 */
import type { KeyObject } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn from '@peculiar/asn1-x509';
import { HostError } from '../model/host-error.ts';
import { type SignatureScheme, schemeOf, verifyWith } from '../model/signature-scheme.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import { hexOf, serialOf } from './certificate.ts';

export class RevocationList {
  /** DER of the issuer's name, as hexadecimal. */
  readonly issuer: string;
  /** undefined for a list that names no end, which RFC 5280 does not allow and which never expires. */
  readonly nextUpdateUtcMs: UtcMs | undefined;
  readonly #revoked: ReadonlySet<string>;
  readonly #scheme: SignatureScheme;
  readonly #signed: Uint8Array;
  readonly #signature: Uint8Array;
  /** Signed by this key, as was found out before. */
  #signer: KeyObject | undefined;

  /**
   * Reads a list's DER.
   *
   * @param name of the file, for the message
   * @throws HostError CREDENTIAL_UNREADABLE when it cannot be read, is signed with a weak hash, or is only a part of one
   */
  constructor(der: Uint8Array, name: string) {
    const parsed = parse(der, name);
    const { tbsCertList, tbsCertListRaw, signatureAlgorithm, signature } = parsed;
    const scheme = schemeOf(new Uint8Array(AsnConvert.serialize(signatureAlgorithm)));
    if (scheme === undefined || tbsCertListRaw === undefined) {
      throw unusable(
        name,
        `is signed with algorithm ${signatureAlgorithm.algorithm}; expected SHA-2 or Ed25519`,
      );
    }
    const extensions = [
      ...(tbsCertList.crlExtensions ?? []),
      ...(tbsCertList.revokedCertificates ?? []).flatMap(
        ({ crlEntryExtensions }) => crlEntryExtensions ?? [],
      ),
    ];
    // A delta or a partition says nothing about the certificates that are not in it (sections 5.2.4 and 5.2.5).
    const critical = extensions.find((one) => one.critical && one.extnID !== asn.id_ce_cRLReasons);
    if (critical !== undefined) {
      throw unusable(name, `is not a whole list: it has the critical extension ${critical.extnID}`);
    }
    this.issuer = hexOf(AsnConvert.serialize(tbsCertList.issuer));
    this.nextUpdateUtcMs = tbsCertList.nextUpdate?.getTime().getTime();
    this.#revoked = new Set(
      (tbsCertList.revokedCertificates ?? []).map(({ userCertificate }) => serialOf(userCertificate)),
    );
    this.#scheme = scheme;
    this.#signed = new Uint8Array(tbsCertListRaw);
    this.#signature = new Uint8Array(signature);
  }

  has(serial: string): boolean {
    return this.#revoked.has(serial);
  }

  /** True when the list was signed with the other half of `publicKey`; looked up after the first time. */
  isSignedBy(publicKey: KeyObject): boolean {
    if (this.#signer?.equals(publicKey) === true) return true;
    if (!verifyWith(this.#scheme, publicKey, this.#signed, this.#signature)) return false;
    this.#signer = publicKey;
    return true;
  }
}

function parse(der: Uint8Array, name: string): asn.CertificateList {
  try {
    return AsnConvert.parse(der, asn.CertificateList);
  } catch (cause) {
    throw new HostError(
      'CREDENTIAL_UNREADABLE',
      `${name}: expected a revocation list in DER, found something else`,
      {
        cause,
      },
    );
  }
}

function unusable(name: string, why: string): HostError {
  return new HostError('CREDENTIAL_UNREADABLE', `${name}: the revocation list ${why}`);
}
