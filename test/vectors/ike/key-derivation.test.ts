/**
 * NIST CAVP, "Application-Specific Key Derivation Functions", IKEv2: keys of a new IKE SA, of one that is rekeyed, and of CHILD
 * SAs with and without a key exchange of their own, through the functions that the machines call.
 */
import { expect, it } from 'vitest';
import { aeads } from '../../../host/ike/crypto/aead.ts';
import type { IkeAlgorithms } from '../../../host/ike/crypto/algorithms.ts';
import {
  deriveChildKeys,
  deriveIkeKeys,
  deriveRekeyedIkeKeys,
} from '../../../host/ike/crypto/key-derivation.ts';
import { keyExchangeMethods } from '../../../host/ike/crypto/key-exchange.ts';
import { type Prf, prfPlus, prfs } from '../../../host/ike/crypto/prf.ts';
import { Secret } from '../../../host/model/secret.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const secret = (value: string): Secret => new Secret(octets(value));

const withPrf = (prf: Prf): IkeAlgorithms => ({
  cipher: aeads.aes256gcm16,
  integrity: undefined,
  prf,
  keyExchange: keyExchangeMethods.x25519,
});

it.each([
  {
    prf: prfs.prfsha256,
    ni: '3f302be1abcb28e1',
    nr: '8c332ee006064c9b',
    spii: '40dac39e1e1a8640',
    spir: '8619a1cf9a6e4c07',
    gir: '0f4d257d7a58fc4545c7d7a88119eee5d5c9690c5b4c989171d3abbfd99d1d29',
    girNew: '25f3b12d6f282739256e39bf54eda53b60ffcf379bb7bcc90c27b4c4c578616c',
    dkm:
      '0b137d669b0947d7d026d593f0305ad401ff0c471357d695778a9c7f4b4869ece98aca531188d16041b3bb936d2dbb3b4993a6e768a809160de45d0283f273a6' +
      'cdf6854379e31be72b8d3d1fa990cf9c5b015ca9f918a7df6253c958114a09d4e1c19bdcd4db14b29d98db1a74ad405c588662c14a04d0d36aa4ab55e90f8986d12d4aad',
    seedRekey: '2d63f6debc92048b4fef3889c4c99ca67d6496e0fac14a2bca9a2d6566ff2398',
  },
  {
    prf: prfs.prfsha384,
    ni: 'fd1b572a8e735591',
    nr: '6013b0ef88dacd3d',
    spii: '2116ad07ce61f749',
    spir: '24880e55f11a65b7',
    gir: 'd3288cd87565101e88fe3bad918f31939d8dd26ff1071f8b2d7f447524e58d7c',
    girNew: '3358f620539473aee8d07e779764c4c6a9aabddc79a28e136b3bac021dbde44a',
    dkm:
      '4f904c2025c90c817ea5ff9b662a6fdb445a73b57cdf09eacd379b95e1f03cacb04cd6deeda4f952191dd9bc1f7a9502' +
      '471a648d74dc06d38112de48a42501f6b1a3ad55c2099cd9a648e5f17e5bf3e34bf9b5953decb768a34f875fe2b78dca' +
      '0c2fcca81ec1a412006dfaed38fa06882e61f4c148105fb8e231fdb33c4d484c001721d4',
    seedRekey:
      'e0548c1682e13bce454026b3b1bdf42985b24e4e7408095a7c529de38c3d1fcb04c9fe6868042a34c9614c6c99e3fcea',
  },
])('agrees with NIST CAVP on an IKE SA, and on the one that replaces it (%#)', (vector) => {
  const algorithms = withPrf(vector.prf);
  const sources = {
    initiatorNonce: octets(vector.ni),
    responderNonce: octets(vector.nr),
    initiatorSpi: BigInt(`0x${vector.spii}`),
    responderSpi: BigInt(`0x${vector.spir}`),
  };
  const keys = deriveIkeKeys(algorithms, { ...sources, sharedSecret: secret(vector.gir) });
  const joined = [
    keys.derivation,
    keys.encryptionInitiator,
    keys.encryptionResponder,
    keys.authenticationInitiator,
  ]
    .map((one) => hex(one.reveal()))
    .join('');
  const length = Math.min(joined.length, vector.dkm.length);
  expect(length).toBeGreaterThan(200);
  expect(joined.slice(0, length)).toBe(vector.dkm.slice(0, length));

  const old = { prf: vector.prf, derivation: keys.derivation };
  const next = deriveRekeyedIkeKeys(old, algorithms, { ...sources, sharedSecret: secret(vector.girNew) });
  const seed = octets(vector.ni + vector.nr + vector.spii + vector.spir);
  const expected = prfPlus(vector.prf, octets(vector.seedRekey), seed, vector.prf.octets + 36);
  expect(hex(next.derivation.reveal()) + hex(next.encryptionInitiator.reveal())).toBe(hex(expected));
});

it('agrees with NIST CAVP on CHILD SAs (HMAC-SHA-1, which cannot be negotiated)', () => {
  const sha1: Prf = { name: 'prfsha256', id: 2, hash: 'sha1', octets: 20 };
  const sources = {
    initiatorNonce: octets('32b50d5f4a3763f3'),
    responderNonce: octets('9206a04b26564cb1'),
    derivation: secret('a14293677cc80ff8f9cc0eee30d895da9d8f4056'),
  };
  const sizes = { encryptionKeyOctets: 32, saltOctets: 4, authenticationKeyOctets: 30 };
  const keysOf = (sharedSecret?: Secret): string => {
    const { initiatorToResponder, responderToInitiator } = deriveChildKeys(
      sha1,
      { ...sources, sharedSecret },
      sizes,
    );
    return [initiatorToResponder, responderToInitiator]
      .flatMap((one) => [one.encryptionKey, one.salt, one.authenticationKey])
      .map((one) => hex(one.reveal()))
      .join('');
  };
  expect(keysOf()).toBe(
    '8059e3ee8810e6c3a91bc8bcd2a7a41151b8d0e6ae239c7b38093ad85ef4c5811a8e7b5d1cdabd9560b2d5e092d1f24e2d4b85eccdf0ad0dc9abd94b51ee71814c' +
      'a6dbc8bb51b6309f5b9545c7eb35cf5580b1e521a8fe20754a2d883ba0c2cf285f524aea6545b33106bc03e614296d319d41d4b50b3f510b1c0a22f3e664994d234cb4',
  );
  expect(keysOf(secret('863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330'))).toBe(
    'bb43244c1860ad65ee1e211ffe8bb3661750c8f89cb9f547df7f4fa61d37301628190e38c66232eab4b3ab14c400a5197dd3730ed4820a8a10394d51e1c0400052f6' +
      '3ebd36b0e7ef53aaed31eba4a5080d7d4b5666023a8bbb5ffb7857240f9a05884d1b7d2f933708450b7b3288f1fc863ab49fa901227cffc06e27899c7054d56fd74c',
  );
});
