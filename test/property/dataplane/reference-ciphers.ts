/**
 * The ciphers and MACs of ESP by their RFCs and node:crypto, chosen by a proposal's keyword; shares nothing with the firmware.
 * CMAC, which node:crypto does not have, is written out from RFC 4493.
 */
import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** What encrypts; a combined mode also covers `aad` and appends its ICV. `decrypt` gives undefined for a wrong ICV. */
export interface ReferenceCipher {
  readonly iv: number;
  readonly block: number;
  /** Octets of the ICV of a combined mode, 0 for others. */
  readonly icv: number;
  encrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, text: Uint8Array): Buffer;
  decrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, text: Uint8Array): Buffer | undefined;
}

export interface ReferenceMac {
  readonly icv: number;
  compute(key: Uint8Array, message: Uint8Array): Uint8Array;
}

const bits = (key: Uint8Array): number => 8 * key.length;

function combined(icv: number, name: (key: Uint8Array) => string): ReferenceCipher {
  const lengths = { authTagLength: icv };
  return {
    iv: 8,
    block: 4,
    icv,
    encrypt: (key, nonce, aad, text) => {
      const cipher = createCipheriv(name(key) as CipherGCMTypes, key, nonce, lengths);
      cipher.setAAD(aad, { plaintextLength: text.length });
      return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    },
    decrypt: (key, nonce, aad, sealed) => {
      const text = sealed.subarray(0, sealed.length - icv);
      const decipher = createDecipheriv(name(key) as CipherGCMTypes, key, nonce, lengths);
      decipher.setAuthTag(sealed.subarray(sealed.length - icv));
      decipher.setAAD(aad, { plaintextLength: text.length });
      try {
        return Buffer.concat([decipher.update(text), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}

/** RFC 4543 section 3.3: GCM of no text, over SPI, sequence number, IV and the readable payload. */
function gmac(): ReferenceCipher {
  const gcm = combined(16, (key) => `aes-${bits(key)}-gcm`);
  const none = new Uint8Array(0);
  const covered = (nonce: Uint8Array, aad: Uint8Array, text: Uint8Array): Buffer =>
    Buffer.concat([aad, nonce.subarray(4), text]);
  return {
    ...gcm,
    encrypt: (key, nonce, aad, text) =>
      Buffer.concat([text, gcm.encrypt(key, nonce, covered(nonce, aad, text), none)]),
    decrypt: (key, nonce, aad, sealed) => {
      const text = Buffer.from(sealed.subarray(0, sealed.length - 16));
      const icv = sealed.subarray(sealed.length - 16);
      return gcm.decrypt(key, nonce, covered(nonce, aad, text), icv) === undefined ? undefined : text;
    },
  };
}

function plain(
  iv: number,
  block: number,
  name: (key: Uint8Array) => string,
  keyOf = (key: Uint8Array): Uint8Array => key,
  ivOf = (nonce: Uint8Array): Uint8Array => nonce,
): ReferenceCipher {
  return {
    iv,
    block,
    icv: 0,
    encrypt: (key, nonce, _aad, text) => {
      const cipher = createCipheriv(name(key), keyOf(key), ivOf(nonce)).setAutoPadding(false);
      return Buffer.concat([cipher.update(text), cipher.final()]);
    },
    decrypt: (key, nonce, _aad, text) => {
      const decipher = createDecipheriv(name(key), keyOf(key), ivOf(nonce)).setAutoPadding(false);
      return Buffer.concat([decipher.update(text), decipher.final()]);
    },
  };
}

const readable: ReferenceCipher = {
  iv: 0,
  block: 4,
  icv: 0,
  encrypt: (_key, _nonce, _aad, text) => Buffer.from(text),
  decrypt: (_key, _nonce, _aad, text) => Buffer.from(text),
};

/** RFC 3686 section 4: the counter starts at one. */
const counterBlock = (nonce: Uint8Array): Uint8Array => Buffer.concat([nonce, Uint8Array.of(0, 0, 0, 1)]);
const thrice = (key: Uint8Array): Uint8Array => Buffer.concat([key, key, key]);

/** The cipher of a keyword, without a second part that names the MAC. */
export function referenceCipher(name: string): ReferenceCipher {
  const [, mode, icv] = /^aes\d{3}(gcm|ccm)(8|12|16)$/.exec(name) ?? [];
  if (mode !== undefined) return combined(Number(icv), (key) => `aes-${bits(key)}-${mode}`);
  if (name === 'chacha20poly1305') return combined(16, () => 'chacha20-poly1305');
  if (/^aes\d{3}gmac$/.test(name)) return gmac();
  if (/^aes\d{3}ctr$/.test(name))
    return plain(8, 4, (key) => `aes-${bits(key)}-ctr`, undefined, counterBlock);
  if (/^aes\d{3}$/.test(name)) return plain(16, 16, (key) => `aes-${bits(key)}-cbc`);
  if (name === '3des') return plain(8, 8, () => 'des-ede3-cbc');
  // OpenSSL 3 keeps single DES away; three times the same key is the same cipher (RFC 2451 section 2.3).
  if (name === 'des') return plain(8, 8, () => 'des-ede3-cbc', thrice);
  if (name === 'null') return readable;
  throw new RangeError(`no reference for ${name}`);
}

/** RFC 4868 section 2.6, RFC 2404, RFC 2403, RFC 4494. */
const icvs: Readonly<Record<string, number>> = {
  sha1: 12,
  sha256: 16,
  sha384: 24,
  sha512: 32,
  md5: 12,
  aescmac: 12,
};

/** The MAC of a keyword's second part. */
export function referenceMac(name: string): ReferenceMac {
  const icv = icvs[name];
  if (icv === undefined) throw new RangeError(`no reference for ${name}`);
  return {
    icv,
    compute: (key, message) => {
      const whole = name === 'aescmac' ? cmac(key, message) : createHmac(name, key).update(message).digest();
      return whole.subarray(0, icv);
    },
  };
}

/** RFC 4493 section 2.4, by way of CBC whose last block of ciphertext is the MAC. */
function cmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const cbc = (text: Uint8Array): Buffer => {
    const cipher = createCipheriv('aes-128-cbc', key, new Uint8Array(16)).setAutoPadding(false);
    return Buffer.concat([cipher.update(text), cipher.final()]);
  };
  const double = (value: bigint): bigint =>
    ((value << 1n) & (2n ** 128n - 1n)) ^ (value >> 127n === 0n ? 0n : 0x87n);
  const number = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex')}`);
  const first = double(number(cbc(new Uint8Array(16))));
  const isWhole = message.length > 0 && message.length % 16 === 0;
  const text = isWhole
    ? Buffer.from(message)
    : Buffer.concat([message, Uint8Array.of(0x80), new Uint8Array(15 - (message.length % 16))]);
  const last = number(text.subarray(text.length - 16)) ^ (isWhole ? first : double(first));
  text.write(last.toString(16).padStart(32, '0'), text.length - 16, 'hex');
  return cbc(text).subarray(-16);
}
