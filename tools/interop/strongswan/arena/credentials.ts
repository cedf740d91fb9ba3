/**
 * What both ends prove themselves by in a combination with certificates, as files: ours for the settings file, strongSwan's
 * in the folders where swanctl looks. What is wrong with one of them in a refusal is made here.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Combination, Role, Section } from '../matrix/combination.ts';
import { Authority, type Certificate, joinPem, type KeyKind } from './authority.ts';
import { routerName, serverName } from './our-end.ts';

/** What is wrong, so that the other end has to refuse. */
export type Fault = 'another name' | 'expired' | 'revoked' | 'another authority';

export interface CertificatePlan {
  readonly key: KeyKind;
  /** An authority between the root and the ends, whose certificate has to be sent along. */
  readonly hasIntermediate?: boolean;
  /** Whose certificate is wrong, and how. */
  readonly fault?: { readonly of: 'strongswan' | 'ours'; readonly what: Fault };
  /** Ends that prove themselves by the pre-shared key all the same. */
  readonly withKey?: 'router' | 'server';
}

/** Paths of our files, by the names that settings files have for them. */
export interface OurCertificate {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly caFile: string;
  readonly crlFile: string;
}

/**
 * Writes everything into `folder`, which swanctl also takes its credentials from, and returns our part.
 *
 * @throws HostError PLATFORM when OpenSSL refuses
 */
export function makeCredentials(folder: string, plan: CertificatePlan, role: Role): OurCertificate {
  const pki = join(folder, 'pki');
  const root = Authority.root(join(pki, 'root'), plan.key, 'root');
  const issuer = plan.hasIntermediate ? root.below(join(pki, 'below'), 'below') : root;
  const stranger = Authority.root(join(pki, 'stranger'), plan.key, 'stranger');
  const names = role === 'initiator' ? [routerName, serverName] : [serverName, routerName];
  const issueFor = (of: 'strongswan' | 'ours', name: string): Certificate => {
    const fault = plan.fault?.of === of ? plan.fault.what : undefined;
    const by = fault === 'another authority' ? stranger : issuer;
    const certificate = by.issue(
      pki,
      of,
      fault === 'another name' ? 'somebody' : name,
      fault === 'expired' ? 'over' : 'now',
    );
    if (fault === 'revoked') by.revoke(certificate);
    return certificate;
  };
  const strongswan = issueFor('strongswan', names[0] ?? '');
  const ours = issueFor('ours', names[1] ?? '');
  const lists = (issuer === root ? [root] : [issuer, root]).map((authority, index) => {
    const file = join(pki, `list${index}.pem`);
    authority.writeRevocationList(file);
    return file;
  });
  const between = issuer.certificateFiles.slice(0, -1);
  const rootFile = issuer.certificateFiles.at(-1) ?? '';
  placeForSwanctl(folder, strongswan, between, rootFile, lists);
  const chain = join(pki, 'ours-chain.crt');
  writeFileSync(chain, joinPem([ours.certificateFile, ...between]));
  const crlFile = join(pki, 'lists.pem');
  writeFileSync(crlFile, joinPem(lists));
  return { certificateFile: chain, privateKeyFile: ours.privateKeyFile, caFile: rootFile, crlFile };
}

function placeForSwanctl(
  folder: string,
  own: Certificate,
  between: readonly string[],
  root: string,
  lists: readonly string[],
): void {
  const place = (file: string, directory: string, name: string) => {
    mkdirSync(join(folder, directory), { recursive: true, mode: 0o700 });
    copyFileSync(file, join(folder, directory, name));
  };
  place(own.certificateFile, 'x509', 'own.pem');
  place(own.privateKeyFile, 'private', 'own.pem');
  place(root, 'x509ca', 'root.pem');
  // A certificate that it may use to build chains and sends along, but does not trust by itself.
  for (const [index, file] of between.entries()) place(file, 'x509', `between${index}.pem`);
  for (const [index, file] of lists.entries()) place(file, 'x509crl', `list${index}.pem`);
}

/** `local` and `remote` of strongSwan's connection, by who proves itself how. */
export function proofsOf({ certificates, role }: Combination): { local: Section; remote: Section } {
  const proofOf = (end: 'router' | 'server') =>
    certificates === undefined || certificates.withKey === end ? 'psk' : 'pubkey';
  const [local, remote] =
    role === 'initiator' ? (['router', 'server'] as const) : (['server', 'router'] as const);
  return {
    local: proofOf(local) === 'psk' ? { auth: 'psk' } : { auth: 'pubkey', certs: 'own.pem' },
    remote: { auth: proofOf(remote) },
  };
}
