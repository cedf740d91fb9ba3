/**
 * Certificates for both ends, made by OpenSSL's own commands, so that neither end reads what it has written itself: a root,
 * if wanted an authority below it, a certificate for each end, and a revocation list of each authority.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../../../lab/namespaces.ts';

export type KeyKind = 'p256' | 'p384' | 'ed25519' | 'rsa2048' | 'rsa3072' | 'rsa4096';

/** Arguments of `openssl genpkey`, which writes PKCS#8. */
const keyArguments: Readonly<Record<KeyKind, readonly string[]>> = {
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['-algorithm', 'ED25519'],
  rsa2048: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa3072: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  rsa4096: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
};

/** What `openssl ca` needs to be told; dates and names come with each command. */
const settings = `[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = authority.crt
private_key = authority.key
policy = any
default_crl_days = 30
default_md = sha256
crl_extensions = list
unique_subject = no
[list]
authorityKeyIdentifier = keyid:always
[any]
commonName = supplied
[req]
distinguished_name = empty
[empty]
`;

/** Times of a certificate as OpenSSL takes them. */
const validity = {
  now: ['20240101000000Z', '20491231235959Z'],
  over: ['20200101000000Z', '20201231235959Z'],
} as const;

/** Files of one certificate. */
export interface Certificate {
  readonly certificateFile: string;
  /** PKCS#8. */
  readonly privateKeyFile: string;
}

export class Authority {
  readonly #folder: string;
  readonly #key: KeyKind;
  /** From this one up to the root. */
  readonly certificateFiles: readonly string[];

  private constructor(folder: string, key: KeyKind, above: readonly string[]) {
    this.#folder = folder;
    this.#key = key;
    this.certificateFiles = [join(folder, 'authority.crt'), ...above];
  }

  /** A root that signs itself. @param folder is made */
  static root(folder: string, key: KeyKind, name: string): Authority {
    const root = Authority.#prepare(folder, key, []);
    root.#openssl(
      [
        'req',
        '-new',
        '-x509',
        '-config',
        'settings',
        '-key',
        'authority.key',
        '-subj',
        `/CN=${name}`,
        '-days',
        '3650',
      ],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
      ...['-addext', 'subjectKeyIdentifier=hash', '-out', 'authority.crt'],
    );
    return root;
  }

  /** An authority below this one. */
  below(folder: string, name: string): Authority {
    const authority = Authority.#prepare(folder, this.#key, this.certificateFiles);
    this.#sign(join(folder, 'authority'), name, 'now', [
      'basicConstraints=critical,CA:TRUE,pathlen:0',
      'keyUsage=critical,keyCertSign,cRLSign',
    ]);
    return authority;
  }

  /** A certificate for `name`, which is its subjectAltName too. */
  issue(folder: string, file: string, name: string, when: keyof typeof validity = 'now'): Certificate {
    const path = join(folder, file);
    makeKey(`${path}.key`, this.#key);
    this.#sign(path, name, when, [
      'basicConstraints=CA:FALSE',
      'keyUsage=digitalSignature',
      `subjectAltName=DNS:${name}`,
    ]);
    return { certificateFile: `${path}.crt`, privateKeyFile: `${path}.key` };
  }

  revoke(certificate: Certificate): void {
    this.#openssl(['ca', '-batch', '-config', 'settings', '-revoke', certificate.certificateFile]);
  }

  /** Writes the list of what was revoked. */
  writeRevocationList(file: string): void {
    this.#openssl(['ca', '-batch', '-config', 'settings', '-gencrl', '-out', file], ...this.#digest());
  }

  static #prepare(folder: string, key: KeyKind, above: readonly string[]): Authority {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'settings'), settings);
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(join(folder, 'serial'), '1000\n');
    writeFileSync(join(folder, 'crlnumber'), '01\n');
    makeKey(join(folder, 'authority.key'), key);
    return new Authority(folder, key, above);
  }

  /** Signs the key at `path`.key as `path`.crt. */
  #sign(path: string, name: string, when: keyof typeof validity, extensions: readonly string[]): void {
    const [start, end] = validity[when];
    this.#openssl([
      'req',
      '-new',
      '-config',
      'settings',
      '-key',
      `${path}.key`,
      '-subj',
      `/CN=${name}`,
      '-out',
      'request',
    ]);
    const identifiers = ['subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid'];
    writeFileSync(join(this.#folder, 'extensions'), `${[...extensions, ...identifiers].join('\n')}\n`);
    this.#openssl(
      ['ca', '-batch', '-notext', '-config', 'settings', '-in', 'request', '-extfile', 'extensions'],
      ...['-startdate', start, '-enddate', end, '-out', `${path}.crt`],
      ...this.#digest(),
    );
  }

  /** Ed25519 has a hash of its own. */
  #digest(): string[] {
    if (this.#key === 'ed25519') return ['-md', 'null'];
    return this.#key === 'p384' ? ['-md', 'sha384'] : [];
  }

  #openssl(first: readonly string[], ...rest: readonly string[]): void {
    runCommand(['env', `--chdir=${this.#folder}`, 'openssl', ...first, ...rest]);
  }
}

function makeKey(file: string, key: KeyKind): void {
  writeFileSync(file, '', { mode: 0o600 });
  runCommand(['openssl', 'genpkey', '-quiet', ...keyArguments[key], '-out', file]);
}

/** Several PEM files as one. */
export function joinPem(files: readonly string[]): string {
  return files.map((file) => readFileSync(file, 'utf8')).join('');
}
