/**
 * A certification authority of somebody else: the `openssl` command, in a folder of its own under the system's temporary
 * one. Certificates have a day of validity around the present; tests move their own time instead.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownCertificate } from '../../../host/certificates/own-certificate.ts';
import type { OwnCertificate } from '../../../host/model/certificate-trust.ts';
import { pemObjects } from '../../../host/model/pem.ts';

export type KeyKind = 'p256' | 'p384' | 'p521' | 'ed25519' | 'rsa' | 'rsa1024';

const keyArguments: Readonly<Record<KeyKind, readonly string[]>> = {
  p256: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ed25519: ['ed25519'],
  rsa: ['rsa:2048'],
  rsa1024: ['rsa:1024'],
};

export interface IssueOptions {
  readonly key?: KeyKind;
  readonly hash?: string;
  readonly pss?: boolean;
  /** Lines of an extension section in place of those for a router. */
  readonly extensions?: readonly string[];
}

/** A certificate with its key, and the file that it is in. */
export interface Issued extends OwnCertificate {
  readonly file: string;
}

/** A folder for one test file; `remove` it in the end. */
export class OpensslFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'sekisho-openssl-'));

  authority(name: string, options: IssueOptions & { readonly pathLength?: number } = {}): OpensslAuthority {
    return new OpensslAuthority(this.path, name, options);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class OpensslAuthority {
  readonly name: string;
  readonly #folder: string;
  readonly #parent: OpensslAuthority | undefined;
  #count = 0;

  constructor(
    root: string,
    name: string,
    options: IssueOptions & { readonly pathLength?: number },
    parent?: OpensslAuthority,
  ) {
    this.name = name;
    this.#parent = parent;
    this.#folder = join(root, name);
    mkdirSync(this.#folder);
    writeFileSync(join(this.#folder, 'index.txt'), '');
    writeFileSync(join(this.#folder, 'number'), '01\n');
    const length = options.pathLength === undefined ? '' : `,pathlen:${options.pathLength}`;
    const extensions = options.extensions ?? [
      `basicConstraints=critical,CA:TRUE${length}`,
      'keyUsage=critical,keyCertSign,cRLSign',
      'subjectKeyIdentifier=hash',
    ];
    make(this.file('ca'), name, parent === undefined ? [] : parent.#signer, extensions, options);
  }

  /** An authority below this one. */
  authority(name: string, options: IssueOptions & { readonly pathLength?: number } = {}): OpensslAuthority {
    return new OpensslAuthority(this.#folder, name, options, this);
  }

  /** Certificate and key for `name`; the chain leads up to below the topmost authority. */
  issue(name: string, options: IssueOptions = {}): Issued {
    const base = `${name}-${++this.#count}`;
    make(this.file(base), name, this.#signer, options.extensions ?? routerExtensions(name), options);
    const text = this.text(`${base}.crt`);
    const intermediates = this.#parent === undefined ? [] : this.#chain;
    const { privateKey, validity } = ownCertificate({
      certificates: { text, name: base },
      privateKey: { octets: new Uint8Array(readFileSync(this.file(`${base}.key`))), name: base },
    });
    return {
      chain: [...pemObjects(text, 'CERTIFICATE', base), ...intermediates],
      privateKey,
      validity,
      file: this.file(`${base}.crt`),
    };
  }

  /** A certificate that this end would refuse as its own: DER alone. */
  issueDer(name: string, options: IssueOptions = {}): Uint8Array {
    const base = `${name}-${++this.#count}`;
    make(this.file(base), name, this.#signer, options.extensions ?? routerExtensions(name), options);
    return this.#der(`${base}.crt`);
  }

  revoke(certificateFile: string): void {
    openssl('ca', '-config', this.#config(), '-revoke', certificateFile);
  }

  /** A revocation list in PEM. */
  revocationList(lifetime: readonly string[] = ['-crldays', '1']): string {
    const crl = this.file('ca.crl');
    openssl('ca', '-config', this.#config(), '-gencrl', ...lifetime, '-out', crl);
    return readFileSync(crl, 'utf8');
  }

  /** The authority's own certificate in PEM. */
  get pem(): string {
    return this.text('ca.crt');
  }

  get der(): Uint8Array {
    return this.#der('ca.crt');
  }

  file(name: string): string {
    return join(this.#folder, name);
  }

  text(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  get #chain(): Uint8Array[] {
    return this.#parent === undefined ? [] : [this.der, ...this.#parent.#chain];
  }

  get #signer(): string[] {
    return ['-CA', this.file('ca.crt'), '-CAkey', this.file('ca.key')];
  }

  #config(): string {
    const lines = [
      '[ca]',
      'default_ca = this',
      '[this]',
      `database = ${this.file('index.txt')}`,
      `crlnumber = ${this.file('number')}`,
      `certificate = ${this.file('ca.crt')}`,
      `private_key = ${this.file('ca.key')}`,
      'default_md = sha256',
    ];
    writeFileSync(this.file('ca.cnf'), `${lines.join('\n')}\n`);
    return this.file('ca.cnf');
  }

  #der(name: string): Uint8Array {
    const [der] = pemObjects(this.text(name), 'CERTIFICATE', name);
    if (der === undefined) throw new Error(`${name} has no certificate`);
    return der;
  }
}

/** Makes `path`.key and `path`.crt, signed by `signer` or by itself. */
function make(
  path: string,
  name: string,
  signer: readonly string[],
  extensions: readonly string[],
  options: IssueOptions,
): void {
  const lines = ['[req]', 'distinguished_name = dn', 'x509_extensions = ext', '[dn]', '[ext]', ...extensions];
  writeFileSync(`${path}.cnf`, `${lines.join('\n')}\n`);
  const hash = options.hash === undefined ? [] : [`-${options.hash}`];
  const pss =
    options.pss === true ? ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'] : [];
  openssl(
    ...['req', '-x509', '-new', '-nodes', '-days', '1', '-config', `${path}.cnf`],
    ...['-newkey', ...keyArguments[options.key ?? 'p256']],
    ...['-subj', `/O=Test/CN=${name}`, '-keyout', `${path}.key`, '-out', `${path}.crt`],
    ...signer,
    ...hash,
    ...pss,
  );
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function routerExtensions(name: string): string[] {
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    `subjectAltName=DNS:${name}`,
  ];
}
