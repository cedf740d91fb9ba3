/**
 * The folder of the small authority: `ca.crt`, `ca.key` (mode 600), `ca.crl`, `index.json`. Each file is replaced as a whole,
 * the index before what depends on it goes out, so that no certificate is out there that the authority does not know of.
 */
import { createPublicKey, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Authority,
  type AuthorityKey,
  makeAuthorityCertificate,
  makeKey,
  privateKeyPem,
  requestedKey,
} from '../authority/authority.ts';
import { type AuthorityIndex, emptyIndex, parseIndex, revokeIn } from '../authority/index-file.ts';
import { HostError } from '../model/host-error.ts';
import { pemObjects, toPem } from '../model/pem.ts';
import { pkcs8KeyIn } from '../model/private-key.ts';
import { readCredential, readTrusted, writeFileAtomically } from '../platform/files.ts';

const dayMs = 86_400_000;

export interface Issued {
  readonly name: string;
  readonly serial: string;
  readonly notAfter: string;
  readonly certificatePem: string;
  /** undefined when somebody else made the key. */
  readonly privateKeyPem: string | undefined;
}

export class AuthorityFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Makes the authority. @throws HostError CONFIG_INVALID when there is one already */
  static create(path: string, name: string, kind: AuthorityKey, days: number): AuthorityFolder {
    if (existsSync(join(path, 'ca.key')) || existsSync(join(path, 'ca.crt'))) {
      throw new HostError(
        'CONFIG_INVALID',
        `${path} has an authority already; name another folder with --dir`,
      );
    }
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const folder = new AuthorityFolder(path);
    const key = makeKey(kind);
    const der = makeAuthorityCertificate(key, name, { serial: freshSerial(), nowUtcMs: thisSecond(), days });
    folder.#writeIndex(emptyIndex);
    writeFileAtomically(folder.file('ca.key'), privateKeyPem(key), 0o600);
    writeFileAtomically(folder.file('ca.crt'), toPem('CERTIFICATE', der), 0o644);
    return folder;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The authority's certificate, PEM. */
  get pem(): string {
    return readTrusted(this.file('ca.crt'));
  }

  /** Issues a certificate for `name`, with a key of its own or for that of a request. */
  issue(name: string, days: number, request?: { readonly pem: string; readonly file: string }): Issued {
    const authority = this.#authority();
    const key = request === undefined ? makeKey(this.#kind()) : undefined;
    const publicKey =
      key === undefined ? requestedKey(request?.pem ?? '', request?.file ?? '') : createPublicKey(key);
    const nowUtcMs = thisSecond();
    const serial = freshSerial();
    const notAfter = isoSecond(nowUtcMs + days * dayMs);
    const entry = {
      serial: Buffer.from(serial).toString('hex'),
      name,
      notBefore: isoSecond(nowUtcMs),
      notAfter,
      revoked: null,
    };
    const index = this.index();
    this.#writeIndex({ ...index, certificates: [...index.certificates, entry] });
    const der = authority.issue(name, publicKey, { serial, nowUtcMs, days });
    return {
      name,
      serial: entry.serial,
      notAfter,
      certificatePem: toPem('CERTIFICATE', der),
      privateKeyPem: key && privateKeyPem(key),
    };
  }

  /**
   * Revokes every certificate of a name, or the one with a serial number, and writes a new list; with nothing to revoke
   * nothing changes. Returns the serial numbers.
   */
  revoke(nameOrSerial: string, listDays: number): string[] {
    const isMeant = ({ name, serial }: { name: string; serial: string }): boolean =>
      name === nameOrSerial || serial === nameOrSerial.toLowerCase();
    const { index, revoked } = revokeIn(this.index(), isMeant, isoSecond(thisSecond()));
    if (revoked.length === 0) return [];
    this.#writeIndex(index);
    this.writeList(listDays);
    return revoked.map(({ serial }) => serial);
  }

  /** Writes `ca.crl` anew. Returns until when it is in force. */
  writeList(days: number): string {
    const index = this.index();
    const nowUtcMs = thisSecond();
    const revoked = index.certificates.flatMap(({ serial, revoked: at }) =>
      at === null ? [] : [{ serial: new Uint8Array(Buffer.from(serial, 'hex')), atUtcMs: Date.parse(at) }],
    );
    this.#writeIndex({ ...index, nextListNumber: index.nextListNumber + 1 });
    const der = this.#authority().revocationList(revoked, index.nextListNumber, nowUtcMs, days);
    writeFileAtomically(this.file('ca.crl'), toPem('X509 CRL', der), 0o644);
    return isoSecond(nowUtcMs + days * dayMs);
  }

  index(): AuthorityIndex {
    return parseIndex(readTrusted(this.file('index.json')), this.file('index.json'));
  }

  #writeIndex(index: AuthorityIndex): void {
    writeFileAtomically(this.file('index.json'), `${JSON.stringify(index, null, 2)}\n`, 0o644);
  }

  #authority(): Authority {
    const [der] = pemObjects(this.pem, 'CERTIFICATE', this.file('ca.crt'));
    const file = this.file('ca.key');
    return new Authority(der ?? new Uint8Array(0), pkcs8KeyIn(readCredential(file), file));
  }

  /** Routers get keys of the kind that the authority has. */
  #kind(): AuthorityKey {
    const key = pkcs8KeyIn(readCredential(this.file('ca.key')), this.file('ca.key'));
    return key.asymmetricKeyType === 'ed25519' ? 'ed25519' : 'p256';
  }
}

/** 127 random bits behind a zero: positive, and never zero (RFC 5280 section 4.1.2.2). */
function freshSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(16));
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** Certificates know whole seconds. */
export function thisSecond(): number {
  return Math.floor(Date.now() / 1000) * 1000;
}

/** `2026-11-27T12:00:00Z` */
export function isoSecond(utcMs: number): string {
  return new Date(utcMs).toISOString().replace('.000Z', 'Z');
}

/** Text of a file with a request; it is no secret. */
export function readRequest(file: string): { readonly pem: string; readonly file: string } {
  try {
    return { pem: readFileSync(file, 'utf8'), file };
  } catch (cause) {
    throw new HostError('CREDENTIAL_UNREADABLE', `cannot read ${file}: ${String(cause)}`, { cause });
  }
}
