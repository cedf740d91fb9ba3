/** Every cipher, MAC and hash of the firmware by name. A new one is an entry here, and what it is in a file of its family. */
import { aesEcb } from './aes.ts';
import { aesCbc } from './aes-cbc.ts';
import { aesCcm } from './aes-ccm.ts';
import { aesCmac } from './aes-cmac.ts';
import { aesCtr } from './aes-ctr.ts';
import { aesGcm } from './aes-gcm.ts';
import { aesGmac } from './aes-gmac.ts';
import { chacha20Poly1305 } from './chacha20-poly1305.ts';
import { desCbc, tripleDesCbc } from './des-cbc.ts';
import { md5, sha1, sha256, sha384, sha512 } from './hash.ts';
import { hmacMd5, hmacSha1, hmacSha256, hmacSha384, hmacSha512 } from './hmac.ts';
import type { Primitive } from './shapes.ts';

const primitives: readonly Primitive[] = [
  chacha20Poly1305,
  aesGcm,
  aesCcm,
  aesCbc,
  aesCtr,
  aesEcb,
  tripleDesCbc,
  desCbc,
  aesGmac,
  aesCmac,
  hmacMd5,
  hmacSha1,
  hmacSha256,
  hmacSha384,
  hmacSha512,
  md5,
  sha1,
  sha256,
  sha384,
  sha512,
];

export const registry: ReadonlyMap<string, Primitive> = new Map(
  primitives.map((primitive) => [primitive.name, primitive]),
);
