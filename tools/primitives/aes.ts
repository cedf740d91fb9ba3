/** The AES block cipher alone (FIPS 197), block after block: ECB, which nothing but tests and vectors may use. */
import { AES_SCHEDULE_SIZE } from '../../firmware/abi/crypto-context.ts';
import { firmwareExports, octets } from './firmware.ts';
import type { BlockMode } from './shapes.ts';

export interface AesExports {
  primitive_aes_tables(): number;
  primitive_aes_expand(key: number, keyLength: number, schedule: number): void;
  primitive_aes_encrypt(schedule: number, block: number): void;
  primitive_aes_expand_decrypt(key: number, keyLength: number, schedule: number): void;
  primitive_aes_decrypt_eight(schedule: number, blocks: number): void;
}

const aes = firmwareExports<AesExports>(
  'primitive_aes_expand',
  'primitive_aes_encrypt',
  'primitive_aes_expand_decrypt',
  'primitive_aes_decrypt_eight',
);

const block = 16;
/** Decryption takes eight blocks at a time; a shorter rest is decrypted here, behind the schedules. */
const groupOctets = 8 * block;
const groupAt = 2 * AES_SCHEDULE_SIZE;

export const aesEcb: BlockMode = {
  kind: 'block-mode',
  name: 'AES-ECB',
  keyOctets: [16, 24, 32],
  ivOctets: 0,
  blockOctets: block,
  contextOctets: groupAt + groupOctets,
  setup(context, key, keyLength) {
    aes.primitive_aes_expand(key, keyLength, context);
    aes.primitive_aes_expand_decrypt(key, keyLength, context + AES_SCHEDULE_SIZE);
  },
  encrypt(context, _iv, text, textLength) {
    for (let at = text; at < text + textLength; at += block) aes.primitive_aes_encrypt(context, at);
  },
  decrypt(context, _iv, text, textLength) {
    const group = context + groupAt;
    for (let at = text; at < text + textLength; at += groupOctets) {
      const length = Math.min(groupOctets, text + textLength - at);
      octets.copyWithin(group, at, at + length);
      aes.primitive_aes_decrypt_eight(context + AES_SCHEDULE_SIZE, group);
      octets.copyWithin(at, group, group + length);
    }
  },
};
