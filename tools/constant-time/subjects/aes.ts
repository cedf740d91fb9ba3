/** AES alone, its key schedule, and the modes that ESP uses it in. */
import {
  AES_SCHEDULE_SIZE,
  CBC_CONTEXT_SIZE,
  CBC_JOB_IV,
  CBC_JOB_LENGTH,
  CBC_JOB_SCHEDULE,
  CBC_JOB_SIZE,
  CBC_JOB_TEXT,
  CBC_LANES,
  CTR_CONTEXT_SIZE,
  CTR_NONCE_SIZE,
} from '../../../firmware/abi/crypto-context.ts';
import type { AesExports } from '../../primitives/aes.ts';
import { fieldsStart, firmwareExports, octets as memory } from '../../primitives/firmware.ts';
import { Stretch, type Subject } from '../subject.ts';

interface ModeExports {
  primitive_cbc_setup(context: number, key: number, keyLength: number): void;
  primitive_cbc_encrypt_lanes(jobs: number, count: number): void;
  primitive_ctr_setup(context: number, key: number, keyLength: number): void;
  primitive_ctr_encrypt(context: number, nonce: number, text: number, textLength: number): void;
}

const firmware = firmwareExports<AesExports & ModeExports>(
  'primitive_aes_expand',
  'primitive_aes_encrypt',
  'primitive_aes_expand_decrypt',
  'primitive_aes_decrypt_eight',
  'primitive_cbc_setup',
  'primitive_cbc_encrypt_lanes',
  'primitive_ctr_setup',
  'primitive_ctr_encrypt',
);

const keyOctets = 16;
const view = new DataView(memory.buffer);

function keySchedule(): Subject {
  const stretch = new Stretch(fieldsStart);
  const [key, schedule] = [stretch.part(keyOctets), stretch.part(AES_SCHEDULE_SIZE)];
  return {
    name: 'AES key schedule',
    classes: ['key zero', 'random'],
    memory,
    stretch,
    calls: 8,
    prepare(second) {
      if (!second) memory.fill(0, key, key + keyOctets);
    },
    call: () => firmware.primitive_aes_expand(key, keyOctets, schedule),
  };
}

function encryption(name: string, classes: Subject['classes'], isFixed: (part: 'key' | 'text') => boolean) {
  const stretch = new Stretch(fieldsStart);
  const [key, block, schedule] = [stretch.part(keyOctets), stretch.part(16), stretch.part(AES_SCHEDULE_SIZE)];
  return {
    name,
    classes,
    memory,
    stretch,
    calls: 16,
    prepare(second: boolean) {
      if (!second && isFixed('key')) memory.fill(0, key, key + keyOctets);
      if (!second && isFixed('text')) memory.fill(0x5a, block, block + 16);
      firmware.primitive_aes_expand(key, keyOctets, schedule);
    },
    call: () => firmware.primitive_aes_encrypt(schedule, block),
  };
}

function decryption(): Subject {
  const stretch = new Stretch(fieldsStart);
  const length = 8 * 16;
  const [key, blocks, schedule] = [
    stretch.part(keyOctets),
    stretch.part(length),
    stretch.part(AES_SCHEDULE_SIZE),
  ];
  return {
    name: 'AES decryption, eight blocks',
    classes: ['key and blocks zero', 'random'],
    memory,
    stretch,
    calls: 8,
    prepare(second) {
      if (!second) memory.fill(0, key, blocks + length);
      firmware.primitive_aes_expand_decrypt(key, keyOctets, schedule);
    },
    call: () => firmware.primitive_aes_decrypt_eight(schedule, blocks),
  };
}

function counterMode(): Subject {
  const stretch = new Stretch(fieldsStart);
  const length = 512;
  const [key, nonce, text, context] = [
    stretch.part(keyOctets),
    stretch.part(CTR_NONCE_SIZE),
    stretch.part(length),
    stretch.part(CTR_CONTEXT_SIZE),
  ];
  return {
    name: 'AES-CTR',
    classes: ['key and text zero', 'random'],
    memory,
    stretch,
    calls: 2,
    prepare(second) {
      if (!second) memory.fill(0, key, text + length);
      firmware.primitive_ctr_setup(context, key, keyOctets);
    },
    call: () => firmware.primitive_ctr_encrypt(context, nonce, text, length),
  };
}

function chainsSideBySide(): Subject {
  const stretch = new Stretch(fieldsStart);
  const length = 128;
  const jobs = stretch.part(CBC_LANES * CBC_JOB_SIZE);
  const key = stretch.part(keyOctets);
  const ivs = stretch.part(16);
  const texts = stretch.part(CBC_LANES * length);
  const context = stretch.part(CBC_CONTEXT_SIZE);
  return {
    name: 'AES-CBC encryption, eight packets',
    classes: ['key and texts zero', 'random'],
    memory,
    stretch,
    calls: 1,
    prepare(second) {
      if (!second) memory.fill(0, key, texts + CBC_LANES * length);
      for (let lane = 0; lane < CBC_LANES; lane++) {
        const job = jobs + lane * CBC_JOB_SIZE;
        view.setUint32(job + CBC_JOB_IV, ivs, true);
        view.setUint32(job + CBC_JOB_TEXT, texts + lane * length, true);
        view.setUint32(job + CBC_JOB_LENGTH, length, true);
        view.setUint32(job + CBC_JOB_SCHEDULE, context, true);
      }
      firmware.primitive_cbc_setup(context, key, keyOctets);
    },
    call: () => firmware.primitive_cbc_encrypt_lanes(jobs, CBC_LANES),
  };
}

export const aesSubjects: readonly Subject[] = [
  keySchedule(),
  encryption('AES block, text', ['text fixed', 'random'], (part) => part === 'text'),
  encryption('AES block, key', ['key zero', 'random'], (part) => part === 'key'),
  decryption(),
  counterMode(),
  chainsSideBySide(),
];
