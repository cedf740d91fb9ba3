/**
 * GMAC: the cases without a text of McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, and of C2SP
 * Wycheproof, aes_gmac_test. RFC 4543 has no vectors of its own.
 */
import { describe, expect, it } from 'vitest';
import { GCM_CONTEXT_SIZE, GCM_ICV_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { aesModes } from '../../property/crypto/aes-modes.ts';
import { fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';

// name, key, nonce, message, ICV
const cases: [string, string, string, string, string][] = [
  [
    'McGrew and Viega test case 1',
    '00000000000000000000000000000000',
    '000000000000000000000000',
    '',
    '58e2fccefa7e3061367f1d57a4e7455a',
  ],
  [
    'McGrew and Viega test case 7',
    '000000000000000000000000000000000000000000000000',
    '000000000000000000000000',
    '',
    'cd33b28ac773f74ba00ed1f312572435',
  ],
  [
    'McGrew and Viega test case 13',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000',
    '',
    '530f8afbc74536b9a963b4f1c4cb738b',
  ],
  [
    'Wycheproof tcId 9',
    'c9859c8b39d8d7e811d8ae45d9b85882',
    '110d550119d71a0945bfecbb',
    '36717076748d9351e5a3cc67b9e8833e07',
    'f0b26b17b28ea92708b12b871f3b3071',
  ],
  [
    'Wycheproof tcId 147',
    '364289eccff53efb98da8ee437d6d389775a3cf2b4c970cd',
    '7245a515656a2236c38c85aa',
    '6647b5da47d16983205ce244880ca60519',
    '73b98c9398c70a833e3dbef4556d8fa7',
  ],
  [
    'Wycheproof tcId 285',
    'b5684255463e5788bec2d75c8c463a658c79428d49fb2af5f1256c6bb1711f33',
    '9388c4bf74157c590180e0c1',
    '329f304b5d32e48186822306d6641c090a',
    'ff54ecd26aa94aacd6d92bd9f6323ff9',
  ],
];

describe('GMAC', () => {
  for (const [name, key, nonce, message, icv] of cases) {
    it(`is that of ${name}`, () => {
      const layout = new Layout();
      const keyField = layout.place(fromHex(key));
      const context = layout.room(GCM_CONTEXT_SIZE);
      const nonceField = layout.place(fromHex(nonce));
      const text = layout.place(fromHex(message));
      const out = layout.room(GCM_ICV_SIZE);
      primitives.primitive_gcm_setup(context.address, keyField.address, keyField.length);
      aesModes.primitive_gmac(context.address, nonceField.address, text.address, text.length, out.address);
      expect(hex(out.read())).toBe(icv);
      expect(layout.hasItsCanaries()).toBe(true);
    });
  }
});
