/** Combined modes that refuse a wrong ICV: at which octet it is wrong. */
import { aesCcm } from '../../primitives/aes-ccm.ts';
import { aesGcm } from '../../primitives/aes-gcm.ts';
import { chacha20Poly1305 } from '../../primitives/chacha20-poly1305.ts';
import { fieldsStart, octets as memory } from '../../primitives/firmware.ts';
import type { Aead } from '../../primitives/shapes.ts';
import { Stretch, type Subject } from '../subject.ts';

const aadOctets = 8;
const textOctets = 64;
const icvOctets = 16;

function opening(mode: Aead): Subject {
  const stretch = new Stretch(fieldsStart);
  const keyOctets = mode.keyOctets[0] as number;
  const key = stretch.part(keyOctets);
  const nonce = stretch.part(mode.nonceOctets);
  const aad = stretch.part(aadOctets);
  const text = stretch.part(textOctets);
  const icv = stretch.part(icvOctets);
  const context = stretch.part(mode.contextOctets);
  let opened = 0;
  return {
    name: `${mode.name} opening`,
    classes: ['first octet of ICV wrong', 'last octet wrong'],
    memory,
    stretch,
    // A text whose ICV is wrong stays as it is, so the calls are alike.
    calls: 4,
    prepare(second) {
      mode.setup(context, key, keyOctets);
      mode.seal(context, nonce, aad, aadOctets, text, textOctets, icv, icvOctets);
      const octet = icv + (second ? icvOctets - 1 : 0);
      memory[octet] = (memory[octet] ?? 0) ^ 1;
    },
    call() {
      opened = mode.open(context, nonce, aad, aadOctets, text, textOctets, icv, icvOctets);
    },
    didAsMeant: () => opened === 0,
  };
}

export const openingSubjects: readonly Subject[] = [
  opening(aesGcm),
  opening(aesCcm),
  opening(chacha20Poly1305),
];
