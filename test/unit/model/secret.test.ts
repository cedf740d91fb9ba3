import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../host/model/secret.ts';

const secretOf = (...octets: number[]): Secret => new Secret(Uint8Array.from(octets));

describe('a secret', () => {
  it('shows itself nowhere', () => {
    const secret = secretOf(222, 173, 190, 239);
    const shown = [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ deep: [secret] }),
      String(new Error(`${secret}`)),
    ];
    for (const text of shown) {
      expect(text).toContain('[secret]');
      expect(text).not.toMatch(/222|173|dead|beef/i);
    }
    expect(Object.keys(secret)).toEqual([]);
  });

  it('is compared by its octets', () => {
    expect(secretOf(1, 2, 3).equals(secretOf(1, 2, 3))).toBe(true);
    expect(secretOf(1, 2, 3).equals(secretOf(1, 2, 4))).toBe(false);
    expect(secretOf(1, 2, 3).equals(secretOf(1, 2))).toBe(false);
    expect(secretOf().equals(secretOf())).toBe(true);
  });

  it('is zeros after it was wiped, for everybody who borrowed it', () => {
    const secret = secretOf(1, 2, 3);
    const borrowed = secret.reveal();
    secret.wipe();
    expect([...borrowed]).toEqual([0, 0, 0]);
  });
});
