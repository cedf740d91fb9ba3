/** What computes MACs from a secret: GHASH, Poly1305 and HMAC. */
import {
  AES_SCHEDULE_SIZE,
  GCM_CONTEXT_SIZE,
  GCM_ICV_SIZE,
  GCM_NONCE_SIZE,
  HMAC_SHA256_CONTEXT_SIZE,
  SHA256_DIGEST_SIZE,
} from '../../../firmware/abi/crypto-context.ts';
import type { GcmExports } from '../../primitives/aes-gcm.ts';
import { fieldsStart, firmwareExports, octets as memory } from '../../primitives/firmware.ts';
import { hmacSha256 } from '../../primitives/hmac.ts';
import { Stretch, type Subject } from '../subject.ts';

interface MacExports {
  primitive_gmac(context: number, nonce: number, message: number, length: number, icv: number): void;
  primitive_poly1305(key: number, message: number, length: number, tag: number): void;
}

const firmware = firmwareExports<GcmExports & MacExports>(
  'primitive_gcm_setup',
  'primitive_gmac',
  'primitive_poly1305',
);

const messageOctets = 512;

/** The AES schedule, the hash key that is a block encrypted by it, and the tables of its powers. */
function gcmSetup(): Subject {
  const stretch = new Stretch(fieldsStart);
  const [key, context] = [stretch.part(16), stretch.part(GCM_CONTEXT_SIZE)];
  return {
    name: 'AES-GCM set-up',
    classes: ['key zero', 'random'],
    memory,
    stretch,
    calls: 1,
    prepare(second) {
      if (!second) memory.fill(0, key, key + 16);
    },
    call: () => firmware.primitive_gcm_setup(context, key, 16),
  };
}

/** GHASH with no cipher but for one block. A hash key of zero comes of no key, so its tables are made here. */
function ghash(name: string, classes: Subject['classes'], isZero: (part: 'key' | 'message') => boolean) {
  const stretch = new Stretch(fieldsStart);
  const key = stretch.part(16);
  const nonce = stretch.part(GCM_NONCE_SIZE);
  const message = stretch.part(messageOctets);
  const context = stretch.part(GCM_CONTEXT_SIZE);
  const icv = stretch.part(GCM_ICV_SIZE);
  return {
    name,
    classes,
    memory,
    stretch,
    calls: 2,
    prepare(second: boolean) {
      firmware.primitive_gcm_setup(context, key, 16);
      if (second) return;
      if (isZero('key')) memory.fill(0, context + AES_SCHEDULE_SIZE, context + GCM_CONTEXT_SIZE);
      if (isZero('message')) memory.fill(0, message, message + messageOctets);
    },
    call: () => firmware.primitive_gmac(context, nonce, message, messageOctets, icv),
  };
}

/** Zero limbs and full ones: what carries differ in. */
function poly1305(
  name: string,
  classes: Subject['classes'],
  part: 'key' | 'message',
  octet: number,
): Subject {
  const stretch = new Stretch(fieldsStart);
  const [key, message, tag] = [stretch.part(32), stretch.part(messageOctets), stretch.part(16)];
  return {
    name,
    classes,
    memory,
    stretch,
    calls: 4,
    prepare(second) {
      if (second) return;
      if (part === 'key') memory.fill(octet, key, key + 32);
      else memory.fill(octet, message, message + messageOctets);
    },
    call: () => firmware.primitive_poly1305(key, message, messageOctets, tag),
  };
}

function hmac(): Subject {
  const stretch = new Stretch(fieldsStart);
  const key = stretch.part(32);
  const message = stretch.part(256);
  const context = stretch.part(HMAC_SHA256_CONTEXT_SIZE);
  const digest = stretch.part(SHA256_DIGEST_SIZE);
  return {
    name: 'HMAC-SHA-256',
    classes: ['key and message zero', 'random'],
    memory,
    stretch,
    calls: 1,
    prepare(second) {
      if (!second) memory.fill(0, key, message + 256);
      hmacSha256.setup(context, key, 32);
    },
    call: () => hmacSha256.compute(context, message, 256, digest),
  };
}

export const authenticationSubjects: readonly Subject[] = [
  gcmSetup(),
  ghash('GHASH, hash key', ['H zero', 'random'], (part) => part === 'key'),
  ghash('GHASH, message', ['message zero', 'random'], (part) => part === 'message'),
  poly1305('Poly1305, key', ['r and s zero', 'random'], 'key', 0),
  poly1305('Poly1305, message', ['message all ones', 'random'], 'message', 0xff),
  hmac(),
];
