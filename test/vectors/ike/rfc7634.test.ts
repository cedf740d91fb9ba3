/**
 * RFC 7634 appendix B: a whole IKEv2 message under ChaCha20-Poly1305, opened and sealed. RFC 5282 has no vectors for AES-GCM; its
 * framing is the same, and aead.test.ts has the GCM specification's for the cipher.
 */
import { createCipheriv } from 'node:crypto';
import { expect, it } from 'vitest';
import { AeadOpener, aeads } from '../../../host/ike/crypto/aead.ts';
import type { Sealer } from '../../../host/ike/crypto/algorithms.ts';
import {
  findEncrypted,
  innerPayloads,
  openEncrypted,
  sealMessages,
} from '../../../host/ike/wire/encrypted.ts';
import { parseNotify } from '../../../host/ike/wire/notify.ts';
import { Secret } from '../../../host/model/secret.ts';
import { headerOf, whole } from '../../unit/ike/ends/stranger.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

const key = (): Secret =>
  new Secret(octets('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3'));
const message =
  'c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029' +
  '1011121314151617' +
  '610394701f8d017f7c12924889' +
  '6b71bfe25236efd7cdc67066906315b2';

it('opens the INFORMATIONAL request with SET_WINDOW_SIZE 10', () => {
  const bytes = octets(message);
  const encrypted = findEncrypted(headerOf(bytes), bytes);
  if (!encrypted.ok) throw new Error(encrypted.message);
  const opened = openEncrypted(new AeadOpener(aeads.chacha20poly1305, key()), bytes, encrypted.value);
  if (!opened.ok) throw new Error(opened.message);
  expect(hex(opened.value)).toBe('0000000c000040010000000a');
  const payloads = innerPayloads(encrypted.value.innerType, opened.value);
  if (!payloads.ok) throw new Error(payloads.message);
  const notify = parseNotify(payloads.value[0]!.body);
  expect(notify.ok && [notify.value.type, hex(notify.value.data)]).toEqual([16385, '0000000a']);
});

it('frames it to the same octets, with the IV of the RFC where ours would count from 1', () => {
  const sealer: Sealer = {
    blockOctets: 1,
    overheadOctets: 24,
    seal(associated, plaintext) {
      const nonce = octets('a0a1a2a31011121314151617');
      const secret = key().reveal().subarray(0, 32);
      const cipher = createCipheriv('chacha20-poly1305', secret, nonce, { authTagLength: 16 });
      cipher.setAAD(associated, { plaintextLength: plaintext.length });
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Uint8Array.from(Buffer.concat([nonce.subarray(4), ciphertext, cipher.getAuthTag()]));
    },
  };
  const sealed = sealMessages(
    sealer,
    {
      initiatorSpi: 0xc0c1c2c3c4c5c6c7n,
      responderSpi: 0xd0d1d2d3d4d5d6d7n,
      exchangeType: 37,
      fromInitiator: false,
      isResponse: false,
      messageId: 9,
    },
    [{ type: 41, body: octets('000040010000000a') }],
    undefined,
  );
  expect(hex(whole(sealed))).toBe(message);
});
