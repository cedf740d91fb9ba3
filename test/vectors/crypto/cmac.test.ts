/** RFC 4493 section 4, SP 800-38B appendix D.2 and D.3: AES-CMAC; and how much of it ESP takes (RFC 4494 section 3.2). */
import { describe, expect, it } from 'vitest';
import { CMAC_CONTEXT_SIZE, CMAC_SIZE } from '../../../firmware/abi/crypto-context.ts';
import { fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';

const message =
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
  '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710';

// name, key, octets of the message, MAC
const cases: [string, string, number, string][] = [
  ['RFC 4493 example 1', '2b7e151628aed2a6abf7158809cf4f3c', 0, 'bb1d6929e95937287fa37d129b756746'],
  ['RFC 4493 example 2', '2b7e151628aed2a6abf7158809cf4f3c', 16, '070a16b46b4d4144f79bdd9dd04a287c'],
  ['RFC 4493 example 3', '2b7e151628aed2a6abf7158809cf4f3c', 40, 'dfa66747de9ae63030ca32611497c827'],
  ['RFC 4493 example 4', '2b7e151628aed2a6abf7158809cf4f3c', 64, '51f0bebf7e3b9d92fc49741779363cfe'],
  [
    'SP 800-38B D.2 example 1',
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
    0,
    'd17ddf46adaacde531cac483de7a9367',
  ],
  [
    'SP 800-38B D.2 example 2',
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
    16,
    '9e99a7bf31e710900662f65e617c5184',
  ],
  [
    'SP 800-38B D.2 example 3',
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
    40,
    '8a1de5be2eb31aad089a82e6ee908b0e',
  ],
  [
    'SP 800-38B D.2 example 4',
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
    64,
    'a1d5df0eed790f794d77589659f39a11',
  ],
  [
    'SP 800-38B D.3 example 1',
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    0,
    '028962f61b7bf89efc6b551f4667d983',
  ],
  [
    'SP 800-38B D.3 example 2',
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    16,
    '28a7023f452e8f82bd4bf28d8c37c35c',
  ],
  [
    'SP 800-38B D.3 example 3',
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    40,
    'aaf3d8f1de5640c232f5b169b9c911e6',
  ],
  [
    'SP 800-38B D.3 example 4',
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    64,
    'e1992190549f6ed5696a2c056c315410',
  ],
];

function cmac(key: Uint8Array, octets: Uint8Array): string {
  const layout = new Layout();
  const keyField = layout.place(key);
  const context = layout.room(CMAC_CONTEXT_SIZE);
  const text = layout.place(octets);
  const out = layout.room(CMAC_SIZE);
  primitives.primitive_cmac_setup(context.address, keyField.address, key.length);
  primitives.primitive_cmac(context.address, text.address, text.length, out.address);
  expect(layout.hasItsCanaries()).toBe(true);
  return hex(out.read());
}

describe('AES-CMAC', () => {
  for (const [name, key, length, mac] of cases) {
    it(`is that of ${name}`, () => {
      expect(cmac(fromHex(key), fromHex(message).subarray(0, length))).toBe(mac);
    });
  }

  it('begins with the 96 bits that ESP takes: RFC 4494 test case 4', () => {
    const mac = cmac(fromHex('2b7e151628aed2a6abf7158809cf4f3c'), fromHex(message));
    expect(mac.slice(0, 24)).toBe('51f0bebf7e3b9d92fc497417');
  });

  it('has the subkeys of RFC 4493 behind its schedule', () => {
    const layout = new Layout();
    const key = layout.place(fromHex('2b7e151628aed2a6abf7158809cf4f3c'));
    const context = layout.room(CMAC_CONTEXT_SIZE);
    primitives.primitive_cmac_setup(context.address, key.address, 16);
    expect(hex(context.read().subarray(CMAC_CONTEXT_SIZE - 32))).toBe(
      'fbeed618357133667c85e08f7236a8de' + 'f7ddac306ae266ccf90bc11ee46d513b',
    );
  });
});
