/** Adding one signature to one metadata file, on a machine that has the file and the key and nothing else. */
import { readFileSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { metadataOctets, roleOf } from '../release/metadata.ts';
import { addSignature } from '../release/publication.ts';
import type { RoleName } from '../release/role.ts';
import type { PassphraseOptions } from './passphrase.ts';
import { readMetadata } from './release-folder.ts';
import { openKeys } from './release-keys.ts';
import { contentText } from './release-text.ts';

export interface SignedFile {
  readonly file: string;
  readonly role: RoleName;
  readonly version: number;
  readonly expires: string;
  readonly keyId: string;
  readonly signatures: readonly string[];
}

/** Signs `file` in its place. Throws HostError CONFIG_INVALID for what is no metadata, or a key of another role. */
export async function signFile(
  file: string,
  keyFile: string,
  options: PassphraseOptions,
): Promise<{ readonly result: SignedFile; readonly content: string }> {
  const role = roleOf(readFileSync(file));
  if (role === undefined) {
    throw new HostError(
      'CONFIG_INVALID',
      `${file}: expected metadata of The Update Framework, such as drafts/root.json`,
    );
  }
  const document = readMetadata(role, file);
  const [key] = await openKeys([keyFile], options);
  if (key === undefined) throw new Error('one key was asked for');
  if (key.role !== role) {
    throw new HostError(
      'CONFIG_INVALID',
      `${keyFile} is a key for ${key.role}, and ${file} is ${role} metadata`,
    );
  }
  addSignature(document, key);
  writeFileAtomically(file, metadataOctets(document), 0o644);
  const { version, expires } = document.signed;
  const signatures = Object.keys(document.signatures);
  return {
    result: { file, role, version, expires, keyId: key.keyId, signatures },
    content: contentText(role, document),
  };
}
