/** ChaCha20, and DES with one S-box a lane. */
import {
  CHACHA20_POLY1305_CONTEXT_SIZE,
  DES_CBC_CONTEXT_SIZE,
  DES_SCHEDULE_SIZE,
} from '../../../firmware/abi/crypto-context.ts';
import { fieldsStart, firmwareExports, octets as memory } from '../../primitives/firmware.ts';
import { Stretch, type Subject } from '../subject.ts';

interface CipherExports {
  primitive_chacha20_two(context: number, nonce: number, counter: number, out: number): void;
  primitive_chacha_poly_setup(context: number, key: number): void;
  primitive_des_expand(key: number, keyLength: number, schedule: number): void;
  primitive_des_cbc_setup(context: number, key: number, keyLength: number): void;
  primitive_des_cbc_encrypt(context: number, iv: number, text: number, textLength: number): void;
  primitive_des_cbc_decrypt(context: number, iv: number, text: number, textLength: number): void;
}

const firmware = firmwareExports<CipherExports>(
  'primitive_chacha20_two',
  'primitive_chacha_poly_setup',
  'primitive_des_expand',
  'primitive_des_cbc_setup',
  'primitive_des_cbc_encrypt',
  'primitive_des_cbc_decrypt',
);

function chacha20(): Subject {
  const stretch = new Stretch(fieldsStart);
  const [key, nonce] = [stretch.part(32), stretch.part(12)];
  const [context, out] = [stretch.part(CHACHA20_POLY1305_CONTEXT_SIZE), stretch.part(128)];
  return {
    name: 'ChaCha20',
    classes: ['key and nonce zero', 'random'],
    memory,
    stretch,
    calls: 8,
    prepare(second) {
      if (!second) memory.fill(0, key, nonce + 12);
      firmware.primitive_chacha_poly_setup(context, key);
    },
    call: () => firmware.primitive_chacha20_two(context, nonce, 1, out),
  };
}

function desKeySchedule(): Subject {
  const stretch = new Stretch(fieldsStart);
  const [key, schedule] = [stretch.part(8), stretch.part(DES_SCHEDULE_SIZE)];
  return {
    name: 'DES key schedule',
    classes: ['key zero', 'random'],
    memory,
    stretch,
    calls: 1,
    prepare(second) {
      if (!second) memory.fill(0, key, key + 8);
    },
    call: () => firmware.primitive_des_expand(key, 8, schedule),
  };
}

function tripleDes(
  direction: 'encryption' | 'decryption',
  length: number,
  run: CipherExports['primitive_des_cbc_encrypt'],
): Subject {
  const stretch = new Stretch(fieldsStart);
  const [key, iv, text] = [stretch.part(24), stretch.part(8), stretch.part(length)];
  const context = stretch.part(DES_CBC_CONTEXT_SIZE);
  return {
    name: `3DES-CBC ${direction}`,
    classes: ['keys and text zero', 'random'],
    memory,
    stretch,
    calls: 1,
    prepare(second) {
      if (!second) memory.fill(0, key, text + length);
      firmware.primitive_des_cbc_setup(context, key, 24);
    },
    call: () => run(context, iv, text, length),
  };
}

export const cipherSubjects: readonly Subject[] = [
  chacha20(),
  desKeySchedule(),
  tripleDes('encryption', 16, firmware.primitive_des_cbc_encrypt),
  tripleDes('decryption', 128, firmware.primitive_des_cbc_decrypt),
];
