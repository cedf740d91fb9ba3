/**
 * The rows by node:crypto, in the way that is fastest there: keys made once, one call where there is one, and no copies of ours. A cipher
 * object for each packet cannot be helped. Serves as the contestant, masked or not, and as the oracle for all others.
 */
import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import type { Packet, Workload } from './packet.ts';
import type { Process } from './packet-work.ts';
import type { HashName, Method, Row } from './row.ts';

type Keys = Pick<Workload, 'key' | 'macKey'>;
type MethodOf<Kind extends Method['kind']> = Extract<Method, { kind: Kind }>;

/** Of the ICV that is kept of an HMAC (RFC 2404, RFC 4868). */
export const hmacIcvOctets = { 'HMAC-SHA-1': 12, 'HMAC-SHA-256': 16 } as const;
const icvOctets = 16;
const nothing = new Uint8Array(0);

/** DES alone is not among OpenSSL's default algorithms; triple DES with one key three times gives the same in three times the time. */
export function isFair({ method }: Row): boolean {
  return method.kind !== 'block-mode' || method.algorithm !== 'DES-CBC';
}

/** What node:crypto does with a packet of this row. */
export function nodeCrypto(row: Row, keys: Keys): Process {
  return row.direction === 'decrypt' ? decryptor(row.method, keys) : encryptor(row, keys);
}

/** Encrypts, or computes, whatever the row's direction. */
export function encryptor({ method }: Row, { key, macKey }: Keys): Process {
  switch (method.kind) {
    case 'aead':
      return sealWith(method, createSecretKey(key));
    case 'block-mode':
      return encryptWith(method, key);
    case 'mac':
      return method.algorithm === 'AES-CMAC'
        ? cmacWith(key)
        : hmacWith(method.algorithm, createSecretKey(key));
    case 'nonce-mac':
      return gmacWith(key.length, createSecretKey(key));
    case 'hash':
      return hashWith(nodeName(method.algorithm));
    case 'cbc-hmac':
      return encryptThenMac(method, createSecretKey(key), createSecretKey(macKey));
  }
}

function decryptor(method: Method, { key, macKey }: Keys): Process {
  switch (method.kind) {
    case 'aead':
      return openWith(method, createSecretKey(key));
    case 'block-mode':
      return decryptWith(method, key);
    case 'cbc-hmac':
      return macThenDecrypt(method, createSecretKey(key), createSecretKey(macKey));
    default:
      throw new Error(`expected a method that decrypts, found ${method.algorithm}`);
  }
}

/** "AES-GCM" with 16 octets of key is "aes-128-gcm". node:crypto's types have a signature for each family; GCM's serves all. */
function aeadName({ algorithm, keyOctets }: MethodOf<'aead'>): CipherGCMTypes {
  if (algorithm === 'ChaCha20-Poly1305') return 'chacha20-poly1305' as CipherGCMTypes;
  return `aes-${keyOctets * 8}-${algorithm === 'AES-GCM' ? 'gcm' : 'ccm'}` as CipherGCMTypes;
}

function sealWith(method: MethodOf<'aead'>, key: KeyObject): Process {
  const name = aeadName(method);
  const options = { authTagLength: icvOctets };
  return ({ nonce, aad, text }) => {
    const cipher = createCipheriv(name, key, nonce, options);
    cipher.setAAD(aad, { plaintextLength: text.length });
    const sealed = cipher.update(text);
    cipher.final();
    return { text: sealed, icv: cipher.getAuthTag() };
  };
}

function openWith(method: MethodOf<'aead'>, key: KeyObject): Process {
  const name = aeadName(method);
  const options = { authTagLength: icvOctets };
  return ({ nonce, aad, text, icv }) => {
    const decipher = createDecipheriv(name, key, nonce, options);
    decipher.setAuthTag(icv);
    decipher.setAAD(aad, { plaintextLength: text.length });
    const opened = decipher.update(text);
    decipher.final();
    return { text: opened };
  };
}

/** node:crypto's name, key and IV of a block mode. */
function blockMode({ algorithm, keyOctets }: MethodOf<'block-mode'>, key: Uint8Array) {
  const iv = ({ nonce }: Packet) => nonce;
  if (algorithm === '3DES-CBC') return { name: 'des-ede3-cbc', key: createSecretKey(key), iv };
  if (algorithm === 'DES-CBC')
    return { name: 'des-ede3-cbc', key: createSecretKey(Buffer.concat([key, key, key])), iv };
  if (algorithm === 'AES-CBC') return { name: `aes-${keyOctets * 8}-cbc`, key: createSecretKey(key), iv };
  const counterBlock = Buffer.from([...new Uint8Array(12), 0, 0, 0, 1]);
  const firstCounter = ({ nonce }: Packet) => {
    counterBlock.set(nonce);
    return counterBlock;
  };
  return { name: `aes-${keyOctets * 8}-ctr`, key: createSecretKey(key), iv: firstCounter };
}

function encryptWith(method: MethodOf<'block-mode'>, keyOctets: Uint8Array): Process {
  const { name, key, iv } = blockMode(method, keyOctets);
  return (packet) => ({
    text: createCipheriv(name, key, iv(packet)).setAutoPadding(false).update(packet.text),
  });
}

function decryptWith(method: MethodOf<'block-mode'>, keyOctets: Uint8Array): Process {
  const { name, key, iv } = blockMode(method, keyOctets);
  return (packet) => ({
    text: createDecipheriv(name, key, iv(packet)).setAutoPadding(false).update(packet.text),
  });
}

/** "SHA-256" is "sha256". */
function nodeName(name: HashName): string {
  return name.replace('-', '').toLowerCase();
}

function hashWith(name: string): Process {
  return ({ text }) => ({ text: hash(name, text, 'buffer') });
}

function hmacWith(algorithm: string, key: KeyObject): Process {
  const name = nodeName(algorithm.slice('HMAC-'.length) as HashName);
  return ({ text }) => ({ text: createHmac(name, key).update(text).digest() });
}

function gmacWith(keyOctets: number, key: KeyObject): Process {
  const seal = sealWith({ kind: 'aead', algorithm: 'AES-GCM', keyOctets }, key);
  return ({ nonce, text, icv }) => ({ text: seal({ nonce, aad: text, text: nothing, icv }).icv ?? nothing });
}

/** node:crypto has no CMAC: it is the last block of CBC with a subkey in the last text block (RFC 4493 section 2.4). */
function cmacWith(keyOctets: Uint8Array): Process {
  const name = `aes-${keyOctets.length * 8}-cbc`;
  const key = createSecretKey(keyOctets);
  const zero = Buffer.alloc(16);
  const double = (block: bigint) => BigInt.asUintN(128, block << 1n) ^ (block >> 127n ? 0x87n : 0n);
  const cipherOfZero = createCipheriv(name, key, zero).update(zero).toString('hex');
  const subkey1 = double(BigInt(`0x${cipherOfZero}`));
  const asOctets = (block: bigint) => Buffer.from(block.toString(16).padStart(32, '0'), 'hex');
  const whole = asOctets(subkey1);
  const partial = asOctets(double(subkey1));
  let message = Buffer.alloc(0);
  return ({ text }) => {
    const length = Math.max(16, Math.ceil(text.length / 16) * 16);
    if (message.length !== length) message = Buffer.alloc(length);
    message.fill(0, length - 16);
    message.set(text);
    if (text.length < length) message[text.length] = 0x80;
    const subkey = text.length < length ? partial : whole;
    for (let at = 0; at < 16; at++) {
      const place = length - 16 + at;
      message[place] = (message[place] ?? 0) ^ (subkey[at] ?? 0);
    }
    return {
      text: createCipheriv(name, key, zero)
        .setAutoPadding(false)
        .update(message)
        .subarray(length - 16),
    };
  };
}

function encryptThenMac(
  { keyOctets, mac }: MethodOf<'cbc-hmac'>,
  key: KeyObject,
  macKey: KeyObject,
): Process {
  const cipherName = `aes-${keyOctets * 8}-cbc`;
  const hashName = nodeName(mac.slice('HMAC-'.length) as HashName);
  const length = hmacIcvOctets[mac];
  return ({ nonce, aad, text }) => {
    const sealed = createCipheriv(cipherName, key, nonce).setAutoPadding(false).update(text);
    const digest = createHmac(hashName, macKey).update(aad).update(nonce).update(sealed).digest();
    return { text: sealed, icv: digest.subarray(0, length) };
  };
}

function macThenDecrypt(
  { keyOctets, mac }: MethodOf<'cbc-hmac'>,
  key: KeyObject,
  macKey: KeyObject,
): Process {
  const cipherName = `aes-${keyOctets * 8}-cbc`;
  const hashName = nodeName(mac.slice('HMAC-'.length) as HashName);
  const length = hmacIcvOctets[mac];
  return ({ nonce, aad, text, icv }) => {
    const digest = createHmac(hashName, macKey).update(aad).update(nonce).update(text).digest();
    if (!timingSafeEqual(digest.subarray(0, length), icv)) throw new Error('node:crypto refused a packet');
    return { text: createDecipheriv(cipherName, key, nonce).setAutoPadding(false).update(text) };
  };
}
