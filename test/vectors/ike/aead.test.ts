/** The GCM specification (McGrew and Viega), test case 16: AES-256, 60 octets of plaintext, 20 of associated data. */
import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AeadOpener, AeadSealer, aes256Gcm16 } from '../../../host/ike/crypto/aead.ts';
import { Secret } from '../../../host/model/secret.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

const key = 'feffe9928665731c6d6a8f9467308308'.repeat(2);
const salt = 'cafebabe';
const iv = 'facedbaddecaf888';
const associated = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const plaintext =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
const ciphertext =
  '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662';
const icv = '76fc6ece0f4e1768cddf8853bb2d551b';

describe('the Encrypted payload under AES-256-GCM', () => {
  it('opens test case 16, its nonce split into salt and explicit IV (RFC 5282)', () => {
    const opener = new AeadOpener(aes256Gcm16, new Secret(octets(key + salt)));
    const opened = opener.open(octets(associated), octets(iv + ciphertext + icv));
    expect(opened.ok && hex(opened.value)).toBe(plaintext);
  });

  it('does not open it with one bit changed anywhere', () => {
    const opener = new AeadOpener(aes256Gcm16, new Secret(octets(key + salt)));
    const sealed = octets(iv + ciphertext + icv);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice();
      changed[bit >>> 3]! ^= 1 << (bit & 7);
      expect(opener.open(octets(associated), changed).ok).toBe(false);
    }
    expect(opener.open(octets(associated.replace('fe', 'ff')), sealed).ok).toBe(false);
    expect(opener.open(octets(associated), sealed.subarray(0, 23)).ok).toBe(false);
  });

  it('seals as node:crypto does, under an IV that counts from 1', () => {
    const sealer = new AeadSealer(aes256Gcm16, new Secret(octets(key + salt)));
    for (const count of ['0000000000000001', '0000000000000002']) {
      const cipher = createCipheriv('aes-256-gcm', octets(key), octets(salt + count));
      cipher.setAAD(octets(associated));
      const expected = cipher.update(octets(plaintext), undefined, 'hex') + cipher.final('hex');
      const sealed = hex(sealer.seal(octets(associated), octets(plaintext)));
      expect(sealed).toBe(count + expected + cipher.getAuthTag().toString('hex'));
    }
  });
});
