/** Octets of private keys on their way into OpenSSL: no array that held them holds them afterwards. */
import { describe, expect, it, vi } from 'vitest';
import { keyExchangeMethods } from '../../../../host/ike/crypto/key-exchange.ts';
import { keyEncapsulations } from '../../../../host/ike/crypto/mlkem.ts';
import { seededRandom } from '../ends/pair.ts';

const seen = vi.hoisted(() => ({ arrays: [] as Uint8Array[] }));

vi.mock('../../../host/ike/wire/syntax.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../../host/ike/wire/syntax.ts')>();
  const concatenate = (...parts: Uint8Array[]): Uint8Array => {
    const whole = original.concatenate(...parts);
    seen.arrays.push(whole);
    return whole;
  };
  return { ...original, concatenate };
});

vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:crypto')>();
  const createPrivateKey = (input: { key: Buffer; format: 'der'; type: 'pkcs8' }) => {
    seen.arrays.push(input.key);
    return original.createPrivateKey(input);
  };
  return { ...original, createPrivateKey };
});

const methods = [...Object.values(keyExchangeMethods), ...Object.values(keyEncapsulations)];

describe('the private key of a key exchange', () => {
  it.each(methods.map((method) => [method.name, method] as const))(
    'is left in no array with %s',
    (_, method) => {
      seen.arrays.length = 0;
      const drawn: { octets: Uint8Array; end: string }[] = [];
      const random = seededRandom('private key');
      method.generate((count) => {
        const octets = random(count);
        // The first octet may be changed to make a valid key.
        drawn.push({ octets, end: Buffer.from(octets.subarray(1)).toString('hex') });
        return octets;
      });
      expect(drawn.length).toBeGreaterThan(0);
      for (const { octets, end } of drawn) {
        const arrays = [octets, ...seen.arrays];
        expect(arrays.filter((one) => Buffer.from(one).toString('hex').includes(end))).toEqual([]);
      }
    },
  );

  it('goes through arrays that are looked at here', () => {
    seen.arrays.length = 0;
    keyExchangeMethods.x25519.generate(seededRandom('seen'));
    expect(seen.arrays.length).toBeGreaterThan(0);
  });
});
