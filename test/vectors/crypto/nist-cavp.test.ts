/**
 * NIST CAVP: the GCM (GCMVS), CCM (CCMVS), AES-CBC (AESAVS) and SHA (SHAVS) answers that Debian ships in
 * python3-cryptography-vectors. Every case that ESP can have: GCM with a 96-bit IV, CCM with an 88-bit nonce; a tag of a length
 * that ESP does not have is compared as the beginning of ours.
 */
import { expect, it } from 'vitest';
import {
  CBC_CONTEXT_SIZE,
  CCM_CONTEXT_SIZE,
  GCM_CONTEXT_SIZE,
} from '../../../firmware/abi/crypto-context.ts';
import { aesModes } from '../../property/crypto/aes-modes.ts';
import { hashUnderTest } from '../../property/crypto/hash-primitives.ts';
import { fromHex, hex, Layout, octetsAt, primitives } from '../../property/crypto/primitives.ts';
import { describeWith, nistVectors } from '../../requirements.ts';
import { type ResponseCase, required, responseCases } from './response-file.ts';

function gcmPacket(each: ResponseCase, text: string, icv: string) {
  const layout = new Layout();
  const key = layout.place(fromHex(required(each, 'KEY')));
  const context = layout.room(GCM_CONTEXT_SIZE);
  primitives.primitive_gcm_setup(context.address, key.address, key.length);
  const nonce = layout.place(fromHex(required(each, 'IV')));
  const aad = layout.place(fromHex(required(each, 'AAD')));
  const textField = layout.place(fromHex(text));
  const icvField = layout.place(fromHex(icv));
  const call = [
    context.address,
    nonce.address,
    aad.address,
    aad.length,
    textField.address,
    textField.length,
    icvField.address,
    icvField.length,
  ] as const;
  return { call, text: textField, icv: icvField };
}

const withNonceOfEsp = (file: string): ResponseCase[] =>
  responseCases(`${nistVectors}/ciphers/AES/GCM/${file}`).filter((each) => required(each, 'IVLEN') === '96');

describeWith(['nist vectors'], 'AES-GCM of NIST CAVP', () => {
  for (const bits of [128, 192, 256]) {
    it(`seals as gcmEncryptExtIV${bits} says`, () => {
      const cases = withNonceOfEsp(`gcmEncryptExtIV${bits}.rsp`);
      expect(cases.length).toBe(2625);
      for (const each of cases) {
        const packet = gcmPacket(each, required(each, 'PT'), '00'.repeat(16));
        primitives.primitive_gcm_seal(...packet.call);
        const tag = required(each, 'TAG');
        expect(hex(packet.text.read())).toBe(required(each, 'CT'));
        expect(hex(packet.icv.read()).slice(0, tag.length)).toBe(tag);
      }
    });

    it(`opens or refuses as gcmDecrypt${bits} says`, () => {
      const cases = withNonceOfEsp(`gcmDecrypt${bits}.rsp`).filter((each) =>
        ['64', '96', '128'].includes(required(each, 'TAGLEN')),
      );
      expect(cases.filter((each) => each.has('FAIL')).length).toBeGreaterThan(100);
      expect(cases.length).toBe(3 * 375);
      for (const each of cases) {
        const packet = gcmPacket(each, required(each, 'CT'), required(each, 'TAG'));
        expect(primitives.primitive_gcm_open(...packet.call)).toBe(each.has('FAIL') ? 0 : 1);
        expect(hex(packet.text.read())).toBe(required(each, each.has('FAIL') ? 'CT' : 'PT'));
      }
    });
  }
});

describeWith(['nist vectors'], 'GMAC of NIST CAVP', () => {
  it('is the tag of every case without a text', () => {
    for (const bits of [128, 192, 256]) {
      const cases = withNonceOfEsp(`gcmEncryptExtIV${bits}.rsp`).filter(
        (each) => required(each, 'PTLEN') === '0',
      );
      expect(cases.length).toBe(525);
      for (const each of cases) {
        const [context, nonce, aad, aadLength, , , icv] = gcmPacket(each, '', '00'.repeat(16)).call;
        aesModes.primitive_gmac(context, nonce, aad, aadLength, icv);
        const tag = required(each, 'TAG');
        expect(hex(octetsAt(icv, 16)).slice(0, tag.length)).toBe(tag);
      }
    }
  });
});

describeWith(['nist vectors'], 'AES-CCM of NIST CAVP', () => {
  it('seals and opens as VNT says for nonces of 11 octets', () => {
    for (const bits of [128, 192, 256]) {
      const all = responseCases(`${nistVectors}/ciphers/AES/CCM/VNT${bits}.rsp`);
      const cases = all.filter((each) => each.get('NLEN') === '11');
      // The key stands alone before the cases that share it.
      const key = fromHex(required(cases[0]!, 'KEY'));
      expect(cases.length).toBe(11);
      for (const each of cases.slice(1)) {
        const layout = new Layout();
        const keyField = layout.place(key);
        const context = layout.room(CCM_CONTEXT_SIZE);
        const nonce = layout.place(fromHex(required(each, 'NONCE')));
        const aad = layout.place(fromHex(required(each, 'ADATA')));
        const text = layout.place(fromHex(required(each, 'PAYLOAD')));
        const icv = layout.room(16);
        const packet = [
          context.address,
          nonce.address,
          aad.address,
          aad.length,
          text.address,
          text.length,
          icv.address,
          icv.length,
        ] as const;
        aesModes.primitive_ccm_setup(context.address, keyField.address, key.length);
        aesModes.primitive_ccm_seal(...packet);
        expect(hex(text.read()) + hex(icv.read())).toBe(required(each, 'CT'));
        expect(aesModes.primitive_ccm_open(...packet)).toBe(1);
        expect(hex(text.read())).toBe(required(each, 'PAYLOAD'));
      }
    }
  });
});

describeWith(['nist vectors'], 'AES-CBC of NIST CAVP', () => {
  for (const kind of ['GFSbox', 'KeySbox', 'VarKey', 'VarTxt', 'MMT']) {
    it(`encrypts and decrypts as CBC${kind} says`, () => {
      for (const bits of [128, 192, 256]) {
        const cases = responseCases(`${nistVectors}/ciphers/AES/CBC/CBC${kind}${bits}.rsp`);
        expect(cases.length).toBeGreaterThan(5);
        for (const each of cases) {
          const layout = new Layout();
          const key = layout.place(fromHex(required(each, 'KEY')));
          const context = layout.room(CBC_CONTEXT_SIZE);
          const iv = layout.place(fromHex(required(each, 'IV')));
          const text = layout.place(fromHex(required(each, 'PLAINTEXT')));
          primitives.primitive_cbc_setup(context.address, key.address, key.length);
          primitives.primitive_cbc_encrypt(context.address, iv.address, text.address, text.length);
          expect(hex(text.read())).toBe(required(each, 'CIPHERTEXT'));
          primitives.primitive_cbc_decrypt(context.address, iv.address, text.address, text.length);
          expect(hex(text.read())).toBe(required(each, 'PLAINTEXT'));
        }
      }
    });
  }
});

describeWith(['nist vectors'], 'the hashes of NIST CAVP', () => {
  for (const [name, folder, { hash, digestLength }] of [
    ['SHA1', 'SHA1', hashUnderTest('sha1')],
    ['SHA256', 'SHA2', hashUnderTest('sha256')],
    ['SHA384', 'SHA2', hashUnderTest('sha384')],
    ['SHA512', 'SHA2', hashUnderTest('sha512')],
  ] as const) {
    it(`are those of ${name}ShortMsg and ${name}LongMsg`, () => {
      for (const kind of ['ShortMsg', 'LongMsg']) {
        const cases = responseCases(`${nistVectors}/hashes/${folder}/${name}${kind}.rsp`).filter((each) =>
          each.has('MSG'),
        );
        expect(cases.length).toBeGreaterThan(60);
        for (const each of cases) {
          const layout = new Layout();
          // The empty message stands as one octet of zero beside Len = 0.
          const message = layout.place(
            fromHex(required(each, 'MSG')).subarray(0, Number(required(each, 'LEN')) / 8),
          );
          const out = layout.room(digestLength);
          hash(message.address, message.length, out.address);
          expect(hex(out.read())).toBe(required(each, 'MD'));
        }
      }
    });
  }
});
