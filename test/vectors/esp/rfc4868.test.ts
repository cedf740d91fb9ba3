/**
 * RFC 4868 section 2.7.2, with its erratum 1785: HMAC-SHA-256-128, HMAC-SHA-384-192 and HMAC-SHA-512-256 with the keys of ESP, cut
 * to its ICVs. No packets, so it is the firmware's HMAC alone, as long as the proposal says. The other MACs of ESP, RFC 2403,
 * RFC 2404 and RFC 4494, are in `crypto/hmac.test.ts` and `crypto/cmac.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { ascii, fromHex, hex } from '../../property/crypto/primitives.ts';
import { firmwareIcv } from './firmware-icv.ts';

// name, proposal, key, message, ICV
const cases: readonly [string, string, string, Uint8Array, string][] = [
  ['AUTH256-1', 'null-sha256', '0b'.repeat(32), ascii('Hi There'), '198a607eb44bfbc69903a0f1cf2bbdc5'],
  [
    'AUTH256-2',
    'null-sha256',
    hex(ascii('Jefe'.repeat(8))),
    ascii('what do ya want for nothing?'),
    '167f928588c5cc2eef8e3093caa0e87c',
  ],
  ['AUTH256-3', 'null-sha256', 'aa'.repeat(32), fromHex('dd'.repeat(50)), 'cdcb1220d1ecccea91e53aba3092f962'],
  [
    'AUTH256-4',
    'null-sha256',
    '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20',
    fromHex('cd'.repeat(50)),
    '372efcf9b40b35c2115b1346903d2ef4',
  ],
  [
    'AUTH384-1',
    'null-sha384',
    '0b'.repeat(48),
    ascii('Hi There'),
    'b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973',
  ],
  [
    'AUTH384-2',
    'null-sha384',
    hex(ascii('Jefe'.repeat(12))),
    ascii('what do ya want for nothing?'),
    '2c7353974f1842fd66d53c452ca42122b28c0b594cfb184d',
  ],
  [
    'AUTH384-3',
    'null-sha384',
    'aa'.repeat(48),
    fromHex('dd'.repeat(50)),
    '809f439be00274321d4a538652164b53554a508184a0c316',
  ],
  [
    'AUTH384-4',
    'null-sha384',
    '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f200a0b0c0d0e0f10111213141516171819',
    fromHex('cd'.repeat(50)),
    '5b540085c6e6358096532b2493609ed1cb298f774f87bb5c',
  ],
  [
    'AUTH512-1',
    'null-sha512',
    '0b'.repeat(64),
    ascii('Hi There'),
    '637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8',
  ],
  [
    'AUTH512-2',
    'null-sha512',
    hex(ascii('Jefe'.repeat(16))),
    ascii('what do ya want for nothing?'),
    'cb370917ae8a7ce28cfd1d8f4705d6141c173b2a9362c15df235dfb251b15454',
  ],
  [
    'AUTH512-3',
    'null-sha512',
    'aa'.repeat(64),
    fromHex('dd'.repeat(50)),
    '2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8',
  ],
  [
    'AUTH512-4',
    'null-sha512',
    '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40',
    fromHex('cd'.repeat(50)),
    '5e6688e5a3daec826ca32eaea224eff5e700628947470e13ad01302561bab108',
  ],
];

describe('RFC 4868', () => {
  for (const [name, proposal, authenticationKey, message, icv] of cases) {
    it(`has the ICV of ${name}`, () => {
      const esp = Uint8Array.from([...message, ...fromHex(icv)]);
      expect(hex(firmwareIcv({ proposal, authenticationKey }, esp))).toBe(icv);
    });
  }
});
