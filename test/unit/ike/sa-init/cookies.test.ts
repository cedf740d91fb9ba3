import { describe, expect, it } from 'vitest';
import { Cookies } from '../../../../host/ike/sa-init/cookies.ts';
import { endpoint, seededRandom } from '../ends/pair.ts';

describe('cookies', () => {
  const nonce = new Uint8Array(32).fill(1);
  const { address } = endpoint(1);

  it('hold while their secret does and once more as long, not longer', () => {
    const cookies = new Cookies(seededRandom('cookies'));
    const cookie = cookies.make(nonce, address, 5n, 0);
    for (const now of [0, 59_999, 60_000, 119_999]) {
      expect(cookies.check(cookie, nonce, address, 5n, now)).toBe(true);
    }
    expect(cookies.check(cookie, nonce, address, 5n, 120_000)).toBe(false);
  });

  it('do not outlive their time when nobody asked in between', () => {
    const cookies = new Cookies(seededRandom('cookies'));
    const cookie = cookies.make(nonce, address, 5n, 0);
    expect(cookies.check(cookie, nonce, address, 5n, 500_000)).toBe(false);
  });

  it('fit one nonce, address and SPI', () => {
    const cookies = new Cookies(seededRandom('cookies'));
    const cookie = cookies.make(nonce, address, 5n, 0);
    expect(cookies.check(cookie, nonce, address, 6n, 0)).toBe(false);
    expect(cookies.check(cookie, nonce, endpoint(2).address, 5n, 0)).toBe(false);
    expect(cookies.check(cookie, new Uint8Array(32), address, 5n, 0)).toBe(false);
    expect(cookies.check(cookie.subarray(1), nonce, address, 5n, 0)).toBe(false);
    expect(cookies.check(new Uint8Array(0), nonce, address, 5n, 0)).toBe(false);
  });
});
