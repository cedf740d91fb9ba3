import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkSignature, signAuthentication } from '../../../../host/ike/crypto/signature.ts';
import {
  type AnnouncedHash,
  announceSignatureHashes,
  signatureHashesIn,
} from '../../../../host/ike/sa-init/signature-hashes.ts';
import { encodeNotify } from '../../../../host/ike/wire/notify.ts';
import { encodeMessage } from '../../../../host/ike/wire/payload-chain.ts';
import { schemeOf } from '../../../../host/model/signature-scheme.ts';

const octets = new TextEncoder().encode('what both ends have seen');
const all: readonly AnnouncedHash[] = ['sha256', 'sha384', 'sha512', 'identity'];
const keys = {
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ed25519: generateKeyPairSync('ed25519').privateKey,
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function made(key: KeyObject, announced: readonly AnnouncedHash[] | undefined) {
  const authentication = signAuthentication(key, octets, announced);
  if (!authentication.ok) return { code: authentication.code, method: 0, identifier: '', check: () => '' };
  const { method, data } = authentication.value;
  const check = (publicKey = createPublicKey(key), over = octets): string => {
    const checked = checkSignature(publicKey, over, { method, data });
    return checked.ok ? 'ok' : checked.code;
  };
  return { code: 'ok', method, identifier: hex(data.subarray(1, 1 + data[0]!)), check };
}

describe('the AlgorithmIdentifiers of RFC 7427 appendix A', () => {
  // Octets as the RFC prints them.
  it.each([
    ['300d06092a864886f70d01010b0500', 'rsa-pkcs1-sha256'],
    ['300d06092a864886f70d01010c0500', 'rsa-pkcs1-sha384'],
    ['300d06092a864886f70d01010d0500', 'rsa-pkcs1-sha512'],
    ['300a06082a8648ce3d040302', 'ecdsa-sha256'],
    ['300a06082a8648ce3d040303', 'ecdsa-sha384'],
    ['300a06082a8648ce3d040304', 'ecdsa-sha512'],
    [
      '304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120a303020101',
      'rsa-pss-sha256',
    ],
    // RFC 8410.
    ['300506032b6570', 'ed25519'],
  ])('%s is %s', (identifier, name) => {
    expect(schemeOf(Buffer.from(identifier, 'hex'))?.name).toBe(name);
  });

  it.each([
    ['300d06092a864886f70d0101050500', 'RSA with SHA-1'],
    ['300d06092a864886f70d0101040500', 'RSA with MD5'],
    ['300906072a8648ce3d0401', 'ECDSA with SHA-1'],
    ['300d06092a864886f70d01010a3000', 'RSA-PSS with its defaults, which are SHA-1'],
    ['', 'nothing'],
  ])('%s (%s) is not accepted', (identifier) => {
    expect(schemeOf(Buffer.from(identifier, 'hex'))).toBeUndefined();
  });
});

describe('a signature for a peer that knows RFC 7427', () => {
  it.each([
    ['p256', 'ecdsa-sha256'],
    ['p384', 'ecdsa-sha384'],
    ['ed25519', 'ed25519'],
    ['rsa', 'rsa-pss-sha256'],
  ] as const)('by %s is method 14 with %s', (kind, name) => {
    const { method, identifier, check } = made(keys[kind], all);
    expect(method).toBe(14);
    expect(schemeOf(Buffer.from(identifier, 'hex'))?.name).toBe(name);
    expect(check()).toBe('ok');
    expect(check(undefined, octets.subarray(1))).toBe('authentication-failed');
    const others = Object.entries(keys).filter(([other]) => other !== kind);
    for (const [, other] of others) expect(check(createPublicKey(other))).toBe('authentication-failed');
  });

  it('uses what the peer has, and fails where that is nothing', () => {
    expect(made(keys.p256, ['sha512']).identifier).toBe('300a06082a8648ce3d040304');
    expect(made(keys.rsa, ['sha384', 'identity']).check()).toBe('ok');
    expect(made(keys.ed25519, ['sha256']).code).toBe('certificate-algorithm');
    expect(made(keys.p256, ['identity']).code).toBe('certificate-algorithm');
    expect(made(keys.p256, []).code).toBe('certificate-algorithm');
  });
});

describe('a signature for a peer that does not', () => {
  it.each([
    ['p256', 9],
    ['p384', 10],
    ['rsa', 1],
  ] as const)('by %s is method %i', (kind, expected) => {
    const { method, check } = made(keys[kind], undefined);
    expect(method).toBe(expected);
    expect(check()).toBe('ok');
    expect(check(undefined, octets.subarray(1))).toBe('authentication-failed');
  });

  it('has a form for each of these alone', () => {
    expect(made(keys.ed25519, undefined).code).toBe('certificate-algorithm');
    // RFC 4754: both numbers side by side, 32 octets each.
    const authentication = signAuthentication(keys.p256, octets, undefined);
    expect(authentication.ok && authentication.value.data.length).toBe(64);
  });

  it('is refused with SHA-1, and by a method for another key', () => {
    const data = new Uint8Array(sign('sha1', octets, keys.rsa));
    const wrong = checkSignature(createPublicKey(keys.rsa), octets, { method: 1, data });
    expect(wrong).toMatchObject({ code: 'authentication-failed' });
    const ecdsa = new Uint8Array(sign('sha256', octets, { key: keys.p256, dsaEncoding: 'ieee-p1363' }));
    const p256 = createPublicKey(keys.p256);
    expect(checkSignature(p256, octets, { method: 9, data: ecdsa }).ok).toBe(true);
    for (const method of [1, 10, 11, 3, 200]) {
      expect(checkSignature(p256, octets, { method, data: ecdsa }).ok).toBe(false);
    }
  });
});

describe('hostile AUTH data', () => {
  it.each([
    ['nothing behind its length', '0a'],
    ['a length beyond its end', 'ff300a06082a8648ce3d040302'],
    ['no length', '00'],
    ['SHA-1', '0d300d06092a864886f70d0101050500aabb'],
    ['garbage', '023000aabbcc'],
  ])('with %s is refused', (_, data) => {
    const checked = checkSignature(createPublicKey(keys.rsa), octets, {
      method: 14,
      data: Buffer.from(data, 'hex'),
    });
    expect(checked).toMatchObject({ ok: false, code: 'certificate-algorithm' });
  });

  it('with a weak key, or a signature that is none, is refused', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    expect(checkSignature(weak, octets, { method: 14, data: octets })).toMatchObject({
      code: 'certificate-algorithm',
    });
    const data = Uint8Array.from(Buffer.from('0c300a06082a8648ce3d040302ffff', 'hex'));
    expect(checkSignature(createPublicKey(keys.p256), octets, { method: 14, data })).toMatchObject({
      code: 'authentication-failed',
    });
  });
});

describe('SIGNATURE_HASH_ALGORITHMS', () => {
  const message = (...payloads: Parameters<typeof encodeMessage>[1]): Uint8Array =>
    encodeMessage(
      {
        initiatorSpi: 1n,
        responderSpi: 0n,
        exchangeType: 34,
        fromInitiator: true,
        isResponse: false,
        messageId: 0,
      },
      payloads,
    );

  it('says what we know, and is understood', () => {
    expect(signatureHashesIn(message(announceSignatureHashes()))).toEqual(all);
  });

  it('without a strong hash leaves nothing; absent is another matter', () => {
    expect(signatureHashesIn(message(encodeNotify(16431, Uint8Array.of(0, 1))))).toEqual([]);
    expect(signatureHashesIn(message(encodeNotify(16431, Uint8Array.of(0, 1, 0, 3, 9))))).toEqual(['sha384']);
    expect(signatureHashesIn(message())).toBeUndefined();
    expect(signatureHashesIn(new Uint8Array(5))).toBeUndefined();
  });
});
