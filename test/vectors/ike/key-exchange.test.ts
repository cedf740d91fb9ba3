/** RFC 7748 sections 5.2 and 6.1: X25519. */
import { describe, expect, it } from 'vitest';
import { curve25519 } from '../../../host/ike/crypto/curve25519.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const pairOf = (scalar: string) => curve25519.generate(() => octets(scalar));

function agreed(scalar: string, publicValue: string): string {
  const secret = pairOf(scalar).agree(octets(publicValue));
  return secret.ok ? hex(secret.value.reveal()) : secret.code;
}

/** RFC 7748 section 6.1. */
const alice = {
  scalar: '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
  publicValue: '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
};
const bob = {
  scalar: '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
  publicValue: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
};

describe('x25519', () => {
  it.each([
    [
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    ],
    [
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    ],
  ])('agrees with RFC 7748 section 5.2 on scalar %s', (scalar, publicValue, expected) => {
    expect(agreed(scalar, publicValue)).toBe(expected);
  });

  it('agrees with RFC 7748 section 6.1 on both public values and the secret', () => {
    expect(hex(pairOf(alice.scalar).publicValue)).toBe(alice.publicValue);
    expect(hex(pairOf(bob.scalar).publicValue)).toBe(bob.publicValue);
    const secret = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect(agreed(alice.scalar, bob.publicValue)).toBe(secret);
    expect(agreed(bob.scalar, alice.publicValue)).toBe(secret);
  });

  it.each([
    ['zero', '00'.repeat(32)],
    ['one', `01${'00'.repeat(31)}`],
    ['a point of order 8', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'],
    ['p - 1', `ec${'ff'.repeat(30)}7f`],
  ])('refuses %s, whose secret is zero whatever the key (RFC 8031 section 3)', (_, publicValue) => {
    expect(agreed(alice.scalar, publicValue)).toBe('KEY_EXCHANGE');
  });

  it('refuses a public value of another length', () => {
    expect(agreed(alice.scalar, bob.publicValue.slice(2))).toBe('KEY_EXCHANGE');
  });

  it('wipes the random octets that it was given', () => {
    const scalar = octets(alice.scalar);
    curve25519.generate(() => scalar);
    expect(hex(scalar)).toBe('00'.repeat(32));
  });
});
