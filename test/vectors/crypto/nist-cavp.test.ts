/**
 * NIST CAVP: the GCM (GCMVS), CCM (CCMVS), AES-CBC (AESAVS) and SHA (SHAVS) answers that Debian ships in
 * python3-cryptography-vectors. Every case that ESP can have: GCM with a 96-bit IV, CCM with an 88-bit nonce; a tag of a length
 * that ESP does not have is compared as the beginning of ours.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  CBC_CONTEXT_SIZE,
  CCM_CONTEXT_SIZE,
  GCM_CONTEXT_SIZE,
} from '../../../firmware/abi/crypto-context.ts';
import { sha1, sha256, sha384, sha512 } from '../../../tools/primitives/hash.ts';
import { type ResponseCase, responseCases } from '../../../tools/vectors/response-file.ts';
import { fromHex, hex, Layout, octetsAt, primitives } from '../../property/crypto/primitives.ts';
import { describeWith, nistVectors } from '../../requirements.ts';

const casesOf = (file: string): ResponseCase[] => responseCases(file, readFileSync(file, 'latin1'));

function gcmPacket(each: ResponseCase, text: string, icv: string) {
  const layout = new Layout();
  const key = layout.place(fromHex(each.required('KEY')));
  const context = layout.room(GCM_CONTEXT_SIZE);
  primitives.primitive_gcm_setup(context.address, key.address, key.length);
  const nonce = layout.place(fromHex(each.required('IV')));
  const aad = layout.place(fromHex(each.required('AAD')));
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
  casesOf(`${nistVectors}/ciphers/AES/GCM/${file}`).filter((each) => each.required('IVLEN') === '96');

describeWith(['nist vectors'], 'AES-GCM of NIST CAVP', () => {
  for (const bits of [128, 192, 256]) {
    it(`seals as gcmEncryptExtIV${bits} says`, () => {
      const cases = withNonceOfEsp(`gcmEncryptExtIV${bits}.rsp`);
      expect(cases.length).toBe(2625);
      for (const each of cases) {
        const packet = gcmPacket(each, each.required('PT'), '00'.repeat(16));
        primitives.primitive_gcm_seal(...packet.call);
        const tag = each.required('TAG');
        expect(hex(packet.text.read())).toBe(each.required('CT'));
        expect(hex(packet.icv.read()).slice(0, tag.length)).toBe(tag);
      }
    });

    it(`opens or refuses as gcmDecrypt${bits} says`, () => {
      const cases = withNonceOfEsp(`gcmDecrypt${bits}.rsp`).filter((each) =>
        ['64', '96', '128'].includes(each.required('TAGLEN')),
      );
      expect(cases.filter((each) => each.has('FAIL')).length).toBeGreaterThan(100);
      expect(cases.length).toBe(3 * 375);
      for (const each of cases) {
        const packet = gcmPacket(each, each.required('CT'), each.required('TAG'));
        expect(primitives.primitive_gcm_open(...packet.call)).toBe(each.has('FAIL') ? 0 : 1);
        expect(hex(packet.text.read())).toBe(each.required(each.has('FAIL') ? 'CT' : 'PT'));
      }
    });
  }
});

describeWith(['nist vectors'], 'GMAC of NIST CAVP', () => {
  it('is the tag of every case without a text', () => {
    for (const bits of [128, 192, 256]) {
      const cases = withNonceOfEsp(`gcmEncryptExtIV${bits}.rsp`).filter(
        (each) => each.required('PTLEN') === '0',
      );
      expect(cases.length).toBe(525);
      for (const each of cases) {
        const [context, nonce, aad, aadLength, , , icv] = gcmPacket(each, '', '00'.repeat(16)).call;
        primitives.primitive_gmac(context, nonce, aad, aadLength, icv);
        const tag = each.required('TAG');
        expect(hex(octetsAt(icv, 16)).slice(0, tag.length)).toBe(tag);
      }
    }
  });
});

describeWith(['nist vectors'], 'AES-CCM of NIST CAVP', () => {
  it('seals and opens as VNT says for nonces of 11 octets', () => {
    for (const bits of [128, 192, 256]) {
      const all = casesOf(`${nistVectors}/ciphers/AES/CCM/VNT${bits}.rsp`);
      const cases = all.filter((each) => each.get('NLEN') === '11');
      expect(cases.length).toBe(10);
      for (const each of cases) {
        const layout = new Layout();
        const key = fromHex(each.required('KEY'));
        const keyField = layout.place(key);
        const context = layout.room(CCM_CONTEXT_SIZE);
        const nonce = layout.place(fromHex(each.required('NONCE')));
        const aad = layout.place(fromHex(each.required('ADATA')));
        const text = layout.place(fromHex(each.required('PAYLOAD')));
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
        primitives.primitive_ccm_setup(context.address, keyField.address, key.length);
        primitives.primitive_ccm_seal(...packet);
        expect(hex(text.read()) + hex(icv.read())).toBe(each.required('CT'));
        expect(primitives.primitive_ccm_open(...packet)).toBe(1);
        expect(hex(text.read())).toBe(each.required('PAYLOAD'));
      }
    }
  });
});

describeWith(['nist vectors'], 'AES-CBC of NIST CAVP', () => {
  for (const kind of ['GFSbox', 'KeySbox', 'VarKey', 'VarTxt', 'MMT']) {
    it(`encrypts and decrypts as CBC${kind} says`, () => {
      for (const bits of [128, 192, 256]) {
        const cases = casesOf(`${nistVectors}/ciphers/AES/CBC/CBC${kind}${bits}.rsp`);
        expect(cases.length).toBeGreaterThan(5);
        for (const each of cases) {
          const layout = new Layout();
          const key = layout.place(fromHex(each.required('KEY')));
          const context = layout.room(CBC_CONTEXT_SIZE);
          const iv = layout.place(fromHex(each.required('IV')));
          const text = layout.place(fromHex(each.required('PLAINTEXT')));
          primitives.primitive_cbc_setup(context.address, key.address, key.length);
          primitives.primitive_cbc_encrypt(context.address, iv.address, text.address, text.length);
          expect(hex(text.read())).toBe(each.required('CIPHERTEXT'));
          primitives.primitive_cbc_decrypt(context.address, iv.address, text.address, text.length);
          expect(hex(text.read())).toBe(each.required('PLAINTEXT'));
        }
      }
    });
  }
});

describeWith(['nist vectors'], 'the hashes of NIST CAVP', () => {
  for (const [name, folder, { digest, digestOctets }] of [
    ['SHA1', 'SHA1', sha1],
    ['SHA256', 'SHA2', sha256],
    ['SHA384', 'SHA2', sha384],
    ['SHA512', 'SHA2', sha512],
  ] as const) {
    it(`are those of ${name}ShortMsg and ${name}LongMsg`, () => {
      for (const kind of ['ShortMsg', 'LongMsg']) {
        const cases = casesOf(`${nistVectors}/hashes/${folder}/${name}${kind}.rsp`).filter((each) =>
          each.has('MSG'),
        );
        expect(cases.length).toBeGreaterThan(60);
        for (const each of cases) {
          const layout = new Layout();
          // The empty message stands as one octet of zero beside Len = 0.
          const message = layout.place(
            fromHex(each.required('MSG')).subarray(0, Number(each.required('LEN')) / 8),
          );
          const out = layout.room(digestOctets);
          digest(message.address, message.length, out.address);
          expect(hex(out.read())).toBe(each.required('MD'));
        }
      }
    });
  }
});
