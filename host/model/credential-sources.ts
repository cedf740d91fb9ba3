/**
 * Where a settings file says that credentials are: in files beside it, or in the file itself, which then must be as private
 * as they are. The rules of a router's `credential` are here; what the files hold is read by whoever needs it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** A field's value as typed, or the file that it names. */
export type Source =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly text: string; readonly field: string };

export const revocationPolicies = ['ifPresent', 'required'] as const;

/** See host/certificates/trust.ts. */
export type RevocationPolicy = (typeof revocationPolicies)[number];

/** What a router proves itself with, and how it knows its server. */
export interface CredentialSources {
  readonly preSharedKey: Source | undefined;
  readonly certificate: Source | undefined;
  readonly privateKey: Source | undefined;
  readonly authorities: Source | undefined;
  readonly revocationLists: Source | undefined;
  readonly revocation: RevocationPolicy;
  readonly ppk: PpkSource | undefined;
}

/** What a server proves itself with, and how it knows routers. */
export interface ServerCertificateSources {
  readonly certificate: Source;
  readonly privateKey: Source;
  readonly authorities: Source | undefined;
  readonly revocationLists: Source | undefined;
  readonly revocation: RevocationPolicy;
}

/** A post-quantum pre-shared key (RFC 8784) as typed. */
export interface PpkSource {
  readonly id: string;
  readonly file: string;
  readonly required: boolean;
}

const fileName = z.string().min(1).max(4096);
const pem = (label: string) =>
  z
    .string()
    .max(1024 * 1024)
    .refine(
      (text) => text.includes(`-----BEGIN ${label}-----`) && text.includes(`-----END ${label}-----`),
      `expected PEM: -----BEGIN ${label}----- to -----END ${label}-----`,
    );

/** Files with certificates, for a server and a router alike. */
export const certificateFiles = {
  certificateFile: fileName.meta({ description: 'PEM: our own certificate first, then those above it' }),
  privateKeyFile: fileName.meta({ description: 'PKCS#8 in PEM; readable by its owner only' }),
  caFile: fileName.meta({ description: 'PEM: certificates of the authorities that are trusted' }),
  crlFile: fileName.optional().meta({ description: 'PEM: revocation lists of these authorities' }),
  crl: z
    .enum(revocationPolicies, 'expected ifPresent or required')
    .default('ifPresent')
    .meta({ description: 'required: every authority of a chain needs a revocation list in force' }),
};

/** The same for a router and for the server's entry of it. */
export const ppkSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[\x21-\x7e]{1,64}$/, 'expected 1 to 64 visible ASCII characters')
      .meta({ description: 'names the key, is no secret itself; the same at both ends' }),
    file: fileName.meta({ description: 'relative to this file; readable by its owner only' }),
    required: z.boolean().default(true).meta({ description: 'false: used only if the other end has it' }),
  })
  .optional()
  .transform((typed): PpkSource | undefined => typed);

export const routerCredentialSchema = z
  .strictObject(
    {
      preSharedKeyFile: fileName
        .optional()
        .meta({ description: 'relative to this file; readable by its owner only' }),
      preSharedKey: z.string().min(16, 'expected at least 16 characters').max(1024).optional().meta({
        description: 'the key itself; then this file may be readable by its owner only',
      }),
      certificateFile: certificateFiles.certificateFile.optional(),
      certificate: pem('CERTIFICATE').optional(),
      privateKeyFile: certificateFiles.privateKeyFile.optional(),
      privateKey: pem('PRIVATE KEY').optional(),
      caFile: certificateFiles.caFile.optional(),
      ca: pem('CERTIFICATE').optional(),
      crlFile: certificateFiles.crlFile,
      crl: certificateFiles.crl,
      ppk: ppkSchema,
    },
    'expected a credential: preSharedKeyFile, or certificateFile, privateKeyFile and caFile',
  )
  .superRefine((typed, context) => {
    for (const { field, message } of credentialMistakes(typed)) {
      context.addIssue({ code: 'custom', path: [field], message });
    }
  });

type TypedCredential = z.output<typeof routerCredentialSchema>;
type Field = keyof TypedCredential;
type TextField = Exclude<Field, 'ppk'>;

/** The two places of each. */
const twins = {
  key: ['preSharedKeyFile', 'preSharedKey'],
  certificate: ['certificateFile', 'certificate'],
  privateKey: ['privateKeyFile', 'privateKey'],
  authorities: ['caFile', 'ca'],
} as const satisfies Record<string, readonly [TextField, TextField]>;

/** Each direction must be proven by exactly one thing. */
function credentialMistakes(typed: TypedCredential): { readonly field: Field; readonly message: string }[] {
  const mistakes: { field: Field; message: string }[] = [];
  const has = (pair: readonly [Field, Field]): boolean => pair.some((field) => typed[field] !== undefined);
  for (const [file, inline] of Object.values(twins)) {
    if (typed[file] !== undefined && typed[inline] !== undefined) {
      mistakes.push({ field: inline, message: `is in ${file} too; give one of them` });
    }
  }
  const [key, certificate] = [has(twins.key), has(twins.certificate)];
  const [privateKey, authorities] = [has(twins.privateKey), has(twins.authorities)];
  if (certificate !== privateKey) {
    const [field, other] = certificate ? twins.privateKey : twins.certificate;
    mistakes.push({
      field,
      message: `missing; a certificate and its private key (${field} or ${other}) go together`,
    });
  }
  if (!key && !certificate) {
    mistakes.push({
      field: 'preSharedKeyFile',
      message: 'missing, and certificateFile too: one of them proves this router',
    });
  }
  if (!key && !authorities) {
    mistakes.push({
      field: 'caFile',
      message: 'missing: without a pre-shared key the server proves itself by a certificate',
    });
  }
  if (key && certificate && authorities) {
    mistakes.push({
      field: typed.preSharedKeyFile === undefined ? 'preSharedKey' : 'preSharedKeyFile',
      message: 'is not needed: certificate and ca prove both ends. For a mixture leave one of the two out',
    });
  }
  if (!authorities && typed.crlFile !== undefined) {
    mistakes.push({ field: 'crlFile', message: 'says nothing without caFile' });
  }
  return mistakes;
}

/** The sources that a checked `credential` names. */
export function credentialSources(typed: TypedCredential): CredentialSources {
  const source = ([file, inline]: readonly [TextField, TextField]): Source | undefined => {
    const [path, text] = [typed[file], typed[inline]];
    if (path !== undefined) return { kind: 'file', path };
    return text === undefined ? undefined : { kind: 'inline', text, field: `credential.${inline}` };
  };
  return {
    preSharedKey: source(twins.key),
    certificate: source(twins.certificate),
    privateKey: source(twins.privateKey),
    authorities: source(twins.authorities),
    revocationLists: typed.crlFile === undefined ? undefined : { kind: 'file', path: typed.crlFile },
    revocation: typed.crl,
    ppk: typed.ppk,
  };
}

/** True when the settings file holds a secret itself. */
export function holdsSecret({ preSharedKey, privateKey }: CredentialSources): boolean {
  return preSharedKey?.kind === 'inline' || privateKey?.kind === 'inline';
}

/** The same with a digest in place of every secret: for comparing, and for passing on. */
export function withoutSecrets(sources: CredentialSources): CredentialSources {
  const digest = (source: Source | undefined): Source | undefined =>
    source?.kind === 'inline'
      ? { ...source, text: createHash('sha256').update(source.text).digest('base64') }
      : source;
  return {
    ...sources,
    preSharedKey: digest(sources.preSharedKey),
    privateKey: digest(sources.privateKey),
  };
}
