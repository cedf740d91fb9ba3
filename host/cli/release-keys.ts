/** Files of signing keys, as the release commands read and write them. */
import { existsSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import { readCredential, readTrusted, writeFileAtomically } from '../platform/files.ts';
import type { RoleName } from '../release/role.ts';
import {
  isEncrypted,
  makeSigningKey,
  openSigningKey,
  type PublicKey,
  parsePublicKey,
  publicKeyText,
  type SigningKey,
} from '../release/signing-key.ts';
import { type PassphraseOptions, passphraseFor } from './passphrase.ts';

export interface WrittenKey {
  readonly role: RoleName;
  readonly keyId: string;
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
}

/** Makes a key: `file` with mode 600, and `file.pub`. @throws HostError CONFIG_INVALID where there is one already */
export async function writeNewKey(
  role: RoleName,
  file: string,
  options: PassphraseOptions & { readonly passphrase: boolean },
): Promise<WrittenKey> {
  const publicKeyFile = `${file.replace(/\.pem$/, '')}.pub`;
  for (const one of [file, publicKeyFile]) {
    if (existsSync(one))
      throw new HostError('CONFIG_INVALID', `${one} is there already; a key is never overwritten`);
  }
  const passphrase = options.passphrase ? await passphraseFor(file, options, true) : undefined;
  const { privateText, publicKey } = makeSigningKey(role, passphrase);
  passphrase?.fill(0);
  writeFileAtomically(file, privateText, 0o600);
  writeFileAtomically(publicKeyFile, publicKeyText(publicKey), 0o644);
  return { role, keyId: publicKey.keyId, privateKeyFile: file, publicKeyFile };
}

/** Opens keys to sign with. Throws HostError CREDENTIAL_* and USAGE. */
export async function openKeys(files: readonly string[], options: PassphraseOptions): Promise<SigningKey[]> {
  const keys: SigningKey[] = [];
  for (const file of files) {
    const octets = readCredential(file);
    const passphrase = isEncrypted(octets) ? await passphraseFor(file, options, false) : undefined;
    keys.push(openSigningKey(octets, passphrase, file));
    passphrase?.fill(0);
  }
  return keys;
}

/** The public keys in `files`. Throws HostError CREDENTIAL_* and CONFIG_INVALID. */
export function readPublicKeys(files: readonly string[]): PublicKey[] {
  return files.map((file) => parsePublicKey(readTrusted(file), file));
}
