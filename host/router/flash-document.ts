/**
 * A router's settings as the config flash keeps them: what its YAML file says, without a secret in it. Keys and certificates are
 * taken out of the file, or read from the files that it names, and stand beside the settings; in their place is the name
 * `flash:…` under which they are kept. So the settings can be shown, edited and written back without their credentials.
 *
 * Comments of the file are not kept: a key that somebody has commented out would be shown.
 */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { type CredentialFiles, packCredentials } from '../flash/credential-files.ts';
import type { FormTable, SettingsDocument } from '../flash/form.ts';
import { HostError } from '../model/host-error.ts';
import { parseRouterFile, type RouterSettings } from './settings-file.ts';

/** The version of settings-file.ts's schema. What a field that is added has to bring along is in host/flash/form.ts. */
export const routerForms: FormTable = {
  version: 2,
  migrations: [
    {
      // `network`: without it, somebody else sets the board's addresses. Version 1 would leave the board without any.
      // `upgrade`: without it nothing is fetched by itself, so version 1 may do without.
      from: 1,
      up: (document, kept) => ({
        ...document,
        ...(kept?.network === undefined ? {} : { network: kept.network }),
        ...(kept?.upgrade === undefined ? {} : { upgrade: kept.upgrade }),
      }),
      down: ({ upgrade: _, ...document }) => (document.network === undefined ? document : undefined),
    },
  ],
};

const prefix = 'flash:';

/** Fields of `credential` by the name under which they are kept; `inline` is what may stand in the file itself. */
const credentialFields = [
  { name: 'preSharedKey', inline: 'preSharedKey', file: 'preSharedKeyFile', isSecret: true },
  { name: 'privateKey', inline: 'privateKey', file: 'privateKeyFile', isSecret: true },
  { name: 'certificate', inline: 'certificate', file: 'certificateFile', isSecret: false },
  { name: 'ca', inline: 'ca', file: 'caFile', isSecret: false },
  { name: 'crl', inline: undefined, file: 'crlFile', isSecret: false },
] as const;

/** Settings and what belongs to them. The owner wipes the credentials. */
export interface FlashSettings {
  readonly document: SettingsDocument;
  readonly credentials: CredentialFiles;
}

/** How files beside a settings file are read. Both throw HostError CREDENTIAL_*. */
export interface FileReaders {
  /** A file that nobody else may read; the caller owns the octets. */
  readonly secret: (path: string) => Uint8Array;
  /** A file that nobody else may write. */
  readonly trusted: (path: string) => string;
}

/**
 * Takes a settings file apart.
 *
 * @param source its name for messages, and the folder of the files that it names
 * @param kept credentials of the settings in force, for fields that say `flash:…`
 * @throws HostError CONFIG_INVALID for mistakes of the file, CREDENTIAL_* for the files that it names
 */
export function settingsForFlash(
  text: string,
  source: { readonly name: string; readonly folder: string },
  readers: FileReaders,
  kept: CredentialFiles = new Map(),
): FlashSettings {
  parseRouterFile(text, source.name);
  const typed = parseDocument(text, { version: '1.2' }).toJS({ maxAliasCount: 0 }) as {
    readonly credential: Readonly<Record<string, unknown>>;
  }; // the schema has seen it
  const credentials = new Map<string, Uint8Array>();
  const credential: Record<string, unknown> = { ...typed.credential };
  const take = (name: string, value: string, isSecret: boolean): string => {
    if (value.startsWith(prefix)) {
      const octets = kept.get(value.slice(prefix.length));
      if (octets === undefined) {
        throw new HostError(
          'CREDENTIAL_UNREADABLE',
          `${source.name}: credential: the config flash has no ${value.slice(prefix.length)} to go on with`,
        );
      }
      credentials.set(name, Uint8Array.from(octets));
    } else {
      const path = resolve(source.folder, value);
      const octets = isSecret ? readers.secret(path) : new TextEncoder().encode(readers.trusted(path));
      credentials.set(name, octets);
    }
    return prefix + name;
  };
  for (const { name, inline, file, isSecret } of credentialFields) {
    const text = inline === undefined ? undefined : credential[inline];
    const path = credential[file];
    if (inline !== undefined && typeof text === 'string') {
      credentials.set(name, new TextEncoder().encode(text));
      delete credential[inline];
      credential[file] = prefix + name;
    } else if (typeof path === 'string') credential[file] = take(name, path, isSecret);
  }
  const { ppk } = credential;
  if (isRecord(ppk) && typeof ppk.file === 'string') {
    credential.ppk = { ...ppk, file: take('ppk', ppk.file, true) };
  }
  return { document: { ...typed, credential }, credentials };
}

/** The settings as YAML, for people and for `parseRouterFile`. There is no secret in it. */
export function settingsText(document: SettingsDocument): string {
  return stringify(document, { lineWidth: 0 });
}

/** What the router does with them. Throws HostError CONFIG_INVALID, by `name`. */
export function routerSettings(document: SettingsDocument, name: string): RouterSettings {
  return parseRouterFile(settingsText(document), name);
}

/** The name of a credential that a settings field names; undefined where it names a file. */
export function flashName(path: string): string | undefined {
  const at = path.lastIndexOf('/') + 1;
  return path.startsWith(prefix, at) ? path.slice(at + prefix.length) : undefined;
}

/** The same for the same settings and credentials, and says nothing about either. */
export function fingerprint({ document, credentials }: FlashSettings): string {
  const packed = packCredentials(new Map([...credentials].sort(([a], [b]) => (a < b ? -1 : 1))));
  const digest = createHash('sha256').update(settingsText(document)).update(packed).digest('hex');
  packed.fill(0);
  return digest;
}

/** The same for the same credentials. */
export function credentialsFingerprint(credentials: CredentialFiles): string {
  return fingerprint({ document: {}, credentials });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
