/** The rows by @noble/ciphers and @noble/hashes: the best known plain JavaScript. It has no CCM and no DES. */
import { timingSafeEqual } from 'node:crypto';
import { cbc, cmac, ctr, gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { hmacIcvOctets } from './node-crypto.ts';
import type { Workload } from './packet.ts';
import type { Process } from './packet-work.ts';
import type { HashName, MacName, Row } from './row.ts';

const hashes = { MD5: md5, 'SHA-1': sha1, 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 };
const unpadded = { disablePadding: true };

/** What noble does with a packet of this row; undefined where it has no such algorithm. */
export function noble({ method, direction }: Row, { key, macKey, packets }: Workload): Process | undefined {
  const encrypts = direction === 'encrypt';
  switch (method.kind) {
    case 'aead': {
      if (method.algorithm === 'AES-CCM') return undefined;
      const aead = method.algorithm === 'AES-GCM' ? gcm : chacha20poly1305;
      if (encrypts) return ({ nonce, aad, text }) => ({ text: aead(key, nonce, aad).encrypt(text) });
      // It takes text and ICV in one piece.
      const sealed = new Map(packets.map((packet) => [packet, Buffer.concat([packet.text, packet.icv])]));
      return (packet) => {
        const both = sealed.get(packet) ?? packet.text;
        return { text: aead(key, packet.nonce, packet.aad).decrypt(both) };
      };
    }
    case 'block-mode': {
      if (method.algorithm === 'AES-CTR') {
        const counterBlock = new Uint8Array(16).fill(1, 15);
        return ({ nonce, text }) => {
          counterBlock.set(nonce);
          return { text: ctr(key, counterBlock).encrypt(text) };
        };
      }
      if (method.algorithm !== 'AES-CBC') return undefined;
      if (encrypts) return ({ nonce, text }) => ({ text: cbc(key, nonce, unpadded).encrypt(text) });
      return ({ nonce, text }) => ({ text: cbc(key, nonce, unpadded).decrypt(text) });
    }
    case 'mac': {
      if (method.algorithm === 'AES-CMAC') return ({ text }) => ({ text: cmac(text, key) });
      const keyed = hmac.create(hashOf(method.algorithm), key);
      return ({ text }) => ({ text: keyed.clone().update(text).digest() });
    }
    case 'nonce-mac':
      return ({ nonce, text, icv }) => ({ text: gcm(key, nonce, text).encrypt(icv) });
    case 'hash': {
      const digest = hashes[method.algorithm];
      return ({ text }) => ({ text: digest(text) });
    }
    case 'cbc-hmac': {
      const keyed = hmac.create(hashOf(method.mac), macKey);
      const length = hmacIcvOctets[method.mac];
      if (encrypts)
        return ({ nonce, aad, text }) => {
          const sealed = cbc(key, nonce, unpadded).encrypt(text);
          const digest = keyed.clone().update(aad).update(nonce).update(sealed).digest();
          return { text: sealed, icv: digest.subarray(0, length) };
        };
      return ({ nonce, aad, text, icv }) => {
        const digest = keyed.clone().update(aad).update(nonce).update(text).digest();
        if (!timingSafeEqual(digest.subarray(0, length), icv)) throw new Error('noble refused a packet');
        return { text: cbc(key, nonce, unpadded).decrypt(text) };
      };
    }
  }
}

function hashOf(mac: Exclude<MacName, 'AES-CMAC'>) {
  return hashes[mac.slice('HMAC-'.length) as HashName];
}
