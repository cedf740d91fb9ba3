/** Every cipher, MAC and hash of the firmware by name. A new one is an entry here, and what it is in a file of its family. */
import { aesEcb } from './aes.ts';
import { aesCbc } from './aes-cbc.ts';
import { aesGcm } from './aes-gcm.ts';
import { hmacSha1, hmacSha256 } from './hmac.ts';
import { sha1, sha256 } from './sha.ts';
import type { Primitive } from './shapes.ts';

export const registry: ReadonlyMap<string, Primitive> = new Map<string, Primitive>(
  [aesGcm, aesCbc, aesEcb, hmacSha1, hmacSha256, sha1, sha256].map((primitive) => [
    primitive.name,
    primitive,
  ]),
);
