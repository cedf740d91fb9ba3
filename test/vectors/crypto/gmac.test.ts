/**
 * GMAC: the cases without a text of McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, and of C2SP
 * Wycheproof, aes_gmac_test. RFC 4543 has no vectors of its own.
 */
import { describe, expect, it } from 'vitest';
import { GCM_CONTEXT_SIZE, GCM_ICV_SIZE } from '../../../firmware/abi/crypto-context.ts';
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
  [
    'Wycheproof tcId 11',
    '46c33fff8898c4a4985599ccc05d0571',
    '01da1ca72e26f6d6fa9ce281',
    '038537bf94e1d7e14f68b8d5458241e34f5158dea6f8052049b9dad8fb66cb6e0ba6cc223f675614e95d1527c746e650e9fc6aca69e682d9e30ac06e0a48c0a042' +
      '8ec1ae23739d82fc246e4cd6bc27cd1d54c0e630c1624fe3dbd0a8cea3b7c8f2d7c1cca8b8e086cab02153be762d59e49c533cb39e65ab37f6cad2290d0dfe2a',
    'feeec6276f89393b5a5222e0ebb160fd',
  ],
  [
    'Wycheproof tcId 149',
    '2261962365e2eb22e12002e053950b142953a6ce602d1959',
    '35cbde01e07a10da05ba2a34',
    '442160c28d0c0832873219df81f19323342bd51b566845aa3bff39d302db3f0985c916f7c77c6d6387d93cbcdc40bd6e458d67ea5e793ac6da122d323149f1b84b' +
      '8cd994b6d8bf015dfacf475fc9c509ec20adae683e57c2b9968a64cf56de90cbac6b85b9679296a3097dfc76fbfd67cbc337697f9315c23fe0a4c0d44d79c473',
    '54b10f53a304fd1bee6f9fb246ca40ef',
  ],
  [
    'Wycheproof tcId 287',
    'e2a72f64301e4db6e8c05c312f2cea92fb8b063eb7fec23ea4e98c46fd0484d6',
    '8998ac05e11c964f22090ce7',
    'c70fb43de3aff11dbcab9b6c267c4b5b35cd9c08ec6999419a6771bcc734ae8650a56a4299c2105b32be02181eaaebe79f0747761573959d2bd71b0874de54ec2f' +
      'd17bfd871acd766d5313cbffbe26ced083f5224f2777cd65ac4d2db08f213c0f7a5bccbc19b9bd42ab64116142f4d94b09280ee584744055f81e2fef291b36ae',
    '54548320e2801dad4568329756586706',
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
      primitives.primitive_gmac(context.address, nonceField.address, text.address, text.length, out.address);
      expect(hex(out.read())).toBe(icv);
      expect(layout.hasItsCanaries()).toBe(true);
    });
  }
});
