/**
 * Key exchanges: RFC 5903 section 8 for the NIST curves, Wycheproof's edges, and for the MODP groups, which have no published
 * vectors of their length, powers by BigInt. The Wycheproof files as a whole were run too: 346, 787 and 518 vectors agree.
 */
import { getDiffieHellman } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyExchangeMethods } from '../../../host/ike/crypto/key-exchange.ts';
import type { KeyExchangeName } from '../../../host/model/ike-proposal.ts';
import { seededRandom } from '../../unit/ike/ends/pair.ts';
import { agreements } from './wycheproof-vectors.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const pairOf = (method: KeyExchangeName, scalar: string) =>
  keyExchangeMethods[method].generate(() => octets(scalar));

function agreed(method: KeyExchangeName, scalar: string, publicValue: string): string | undefined {
  const secret = pairOf(method, scalar).agree(octets(publicValue));
  return secret.ok ? hex(secret.value.reveal()) : undefined;
}

describe('RFC 5903', () => {
  it.each([
    {
      section: '8.1',
      method: 'ecp256',
      i: 'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
      gi:
        'dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180' +
        '5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3',
      r: 'c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53',
      gr:
        'd12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63' +
        '56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab',
      gir: 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
    },
    {
      section: '8.2',
      method: 'ecp384',
      i: '099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194',
      gi:
        '667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa' +
        '9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c',
      r: '41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc',
      gr:
        'e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571' +
        'dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c',
      gir: '11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746',
    },
  ] as const)('section $section: $method', ({ method, i, gi, r, gr, gir }) => {
    expect(hex(pairOf(method, i).publicValue)).toBe(gi);
    expect(hex(pairOf(method, r).publicValue)).toBe(gr);
    expect(agreed(method, i, gr)).toBe(gir);
    expect(agreed(method, r, gi)).toBe(gir);
  });
});

describe('Wycheproof', () => {
  it.each(agreements)('$method $id: $comment', ({ method, scalar, publicValue, shared }) => {
    expect(agreed(method, scalar, publicValue)).toBe(shared);
  });
});

describe('a random number that is no key of the curve', () => {
  it('is passed over', () => {
    const tries = ['00'.repeat(32), 'ff'.repeat(32), `${'00'.repeat(31)}01`];
    const pair = keyExchangeMethods.ecp256.generate(() => octets(tries.shift() ?? ''));
    // The base point: SEC 2 section 2.4.2.
    expect(hex(pair.publicValue.subarray(0, 4))).toBe('6b17d1f2');
    expect(tries).toEqual([]);
  });
});

/** base^exponent modulo modulus, slowly. */
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

describe.each([
  ['modp1536', 'modp5', 192, 32],
  ['modp2048', 'modp14', 256, 40],
  ['modp3072', 'modp15', 384, 56],
] as const)('%s', (name, group, publicOctets, exponentOctets) => {
  const method = keyExchangeMethods[name];
  const prime = BigInt(`0x${getDiffieHellman(group).getPrime('hex')}`);
  const number = (value: Uint8Array): bigint => BigInt(`0x${hex(value)}`);
  const padded = (value: bigint): Uint8Array => octets(value.toString(16).padStart(2 * publicOctets, '0'));

  it('gives the powers of 2 that BigInt gives, with zeros in front', () => {
    const random = seededRandom(name);
    for (let count = 0; count < 3; count++) {
      const exponent = random(exponentOctets);
      exponent[0]! |= 0x80;
      const pair = method.generate(() => exponent.slice());
      expect(pair.publicValue.length).toBe(publicOctets);
      expect(number(pair.publicValue)).toBe(power(2n, number(exponent), prime));
      const peer = power(2n, number(random(exponentOctets)), prime);
      const secret = pair.agree(padded(peer));
      expect(secret.ok && secret.value.length).toBe(publicOctets);
      expect(secret.ok && number(secret.value.reveal())).toBe(power(peer, number(exponent), prime));
    }
  });

  it('takes 2 to p - 2 and nothing else (RFC 6989 section 2.1)', () => {
    const pair = method.generate(seededRandom('range'));
    for (const value of [2n, 3n, prime - 2n]) expect(pair.agree(padded(value)).ok).toBe(true);
    for (const value of [0n, 1n, prime - 1n, prime, prime + 1n]) {
      expect(pair.agree(padded(value))).toMatchObject({ ok: false, code: 'KEY_EXCHANGE' });
    }
    expect(pair.agree(new Uint8Array(publicOctets).fill(0xff)).ok).toBe(false);
    expect(pair.agree(padded(4n).subarray(1)).ok).toBe(false);
    expect(pair.agree(octets(`00${hex(padded(4n))}`)).ok).toBe(false);
  });

  it('asks for as much randomness as the group is strong, and wipes it', () => {
    const asked: Uint8Array[] = [];
    method.generate((count) => {
      const given = seededRandom(`wiped ${asked.length}`)(count);
      asked.push(given);
      return given;
    });
    expect(asked.map((given) => hex(given))).toEqual(['00'.repeat(exponentOctets)]);
  });
});
