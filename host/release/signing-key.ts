/**
 * Keys of the roles: Ed25519, a file for each. The private part is PKCS#8 in PEM, as OpenSSL reads it, with a line before it that
 * says whose it is. It is encrypted under a passphrase by PBES2 with scrypt (RFC 8018, RFC 7914), because Node's own
 * export would have derived the key by 2048 rounds of PBKDF2 only, which is little against guessing.
 */
import {
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scryptSync,
  sign,
} from 'node:crypto';
import { Key } from '@tufjs/models';
import { HostError } from '../model/host-error.ts';
import { isRoleName, type RoleName } from './role.ts';

/** A private key, ready to sign. */
export interface SigningKey {
  readonly role: RoleName;
  readonly keyId: string;
  sign(octets: Uint8Array): Uint8Array;
}

/** The public part, as its file has it. */
export interface PublicKey {
  readonly role: RoleName;
  readonly keyId: string;
  /** Of Ed25519, in hexadecimal. */
  readonly public: string;
}

/** A new key: text of its private file, and its public part. */
export function makeSigningKey(
  role: RoleName,
  passphrase: Uint8Array | undefined,
): { readonly privateText: string; readonly publicKey: PublicKey } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  const publicKey = publicPart(role, privateKey);
  const body =
    passphrase === undefined
      ? pem('PRIVATE KEY', der)
      : pem('ENCRYPTED PRIVATE KEY', encrypted(der, passphrase));
  der.fill(0);
  return { privateText: `sekisho release key, role: ${role}\nkey: ${publicKey.keyId}\n${body}`, publicKey };
}

export function publicKeyText({ role, keyId, public: value }: PublicKey): string {
  return `${JSON.stringify({ role, keyid: keyId, keytype: 'ed25519', scheme: 'ed25519', keyval: { public: value } }, null, 2)}\n`;
}

/** Reads a `.pub` file. @throws HostError CONFIG_INVALID with what was expected */
export function parsePublicKey(text: string, file: string): PublicKey {
  let value: Record<string, unknown> = {};
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Said below.
  }
  const { role, keyid, keyval } = value;
  const octets = (keyval as { public?: unknown } | undefined)?.public;
  if (
    typeof role !== 'string' ||
    !isRoleName(role) ||
    typeof octets !== 'string' ||
    !/^[0-9a-f]{64}$/.test(octets)
  ) {
    throw new HostError('CONFIG_INVALID', `${file}: expected a .pub file of \`sekisho release keygen\``);
  }
  if (keyid !== keyIdOf(octets)) {
    throw new HostError('CONFIG_INVALID', `${file}: its keyid is not that of its key; the file was changed`);
  }
  return { role, keyId: keyid, public: octets };
}

/** Whether the file's key needs a passphrase. */
export function isEncrypted(privateOctets: Uint8Array): boolean {
  return Buffer.from(privateOctets).includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
}

/**
 * Reads a private key.
 *
 * @wipes `privateOctets`
 * @throws HostError CREDENTIAL_UNREADABLE when it is none, or the passphrase is another
 */
export function openSigningKey(
  privateOctets: Uint8Array,
  passphrase: Uint8Array | undefined,
  file: string,
): SigningKey {
  const text = Buffer.from(privateOctets.buffer, privateOctets.byteOffset, privateOctets.byteLength);
  try {
    const [, role = ''] = /^sekisho release key, role: (\w+)$/m.exec(text.toString('latin1')) ?? [];
    if (!isRoleName(role)) {
      throw new HostError(
        'CREDENTIAL_UNREADABLE',
        `${file}: expected a private key of \`sekisho release keygen\``,
      );
    }
    const key = createPrivateKey({
      key: text.subarray(text.indexOf('-----BEGIN')),
      format: 'pem',
      ...(passphrase === undefined ? {} : { passphrase: Buffer.from(passphrase) }),
    });
    if (key.asymmetricKeyType !== 'ed25519') {
      throw new HostError('CREDENTIAL_UNREADABLE', `${file}: expected an Ed25519 key`);
    }
    const { keyId } = publicPart(role, key);
    return { role, keyId, sign: (octets) => sign(null, octets, key) };
  } catch (cause) {
    if (cause instanceof HostError) throw cause;
    throw new HostError('CREDENTIAL_UNREADABLE', `${file}: the passphrase is wrong, or the file is damaged`);
  } finally {
    text.fill(0);
  }
}

/** The key as metadata has it. */
export function tufKey({ keyId, public: value }: PublicKey): Key {
  return new Key({ keyID: keyId, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: value } });
}

function publicPart(role: RoleName, privateKey: KeyObject): PublicKey {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  // RFC 8410 section 4: the key is the last 32 octets.
  const value = spki.subarray(-32).toString('hex');
  return { role, keyId: keyIdOf(value), public: value };
}

/** SHA-256 of the key in canonical JSON (specification section 4.2): fields in the order of their names, no spaces. */
function keyIdOf(publicHex: string): string {
  const canonical = `{"keytype":"ed25519","keyval":{"public":"${publicHex}"},"scheme":"ed25519"}`;
  return createHash('sha256').update(canonical).digest('hex');
}

/** Memory of 16 MiB, which is what OpenSSL allows by itself, and four times the work. */
const scrypt = { N: 16384, r: 8, p: 4, maxmem: 64 * 1024 * 1024 };

/** EncryptedPrivateKeyInfo (RFC 5958 section 3). */
function encrypted(pkcs8: Uint8Array, passphrase: Uint8Array): Uint8Array {
  const [salt, iv] = [randomBytes(16), randomBytes(16)];
  const key = scryptSync(passphrase, salt, 32, scrypt);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const content = Buffer.concat([cipher.update(pkcs8), cipher.final()]);
  key.fill(0);
  const derivation = sequence(
    objectIdentifier('06092b06010401da47040b'),
    sequence(octetString(salt), integer(scrypt.N), integer(scrypt.r), integer(scrypt.p), integer(32)),
  );
  const encryption = sequence(objectIdentifier('060960864801650304012a'), octetString(iv));
  const pbes2 = sequence(objectIdentifier('06092a864886f70d01050d'), sequence(derivation, encryption));
  return sequence(pbes2, octetString(content));
}

/** DER, of contents below 64 KiB. */
function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(0x30, Buffer.concat(parts));
}

function octetString(octets: Uint8Array): Uint8Array {
  return der(0x04, octets);
}

function integer(value: number): Uint8Array {
  const hex = value.toString(16);
  const octets = Buffer.from(hex.padStart(hex.length + (hex.length & 1), '0'), 'hex');
  return der(0x02, (octets[0] ?? 0) < 0x80 ? octets : Buffer.concat([Buffer.from([0]), octets]));
}

/** 1.3.6.1.4.1.11591.4.11 scrypt, 2.16.840.1.101.3.4.1.42 AES-256-CBC, 1.2.840.113549.1.5.13 PBES2: whole, in hexadecimal. */
function objectIdentifier(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

function pem(label: string, octets: Uint8Array): string {
  const lines =
    Buffer.from(octets)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
