/**
 * `chunks.json`: the SHA-256 of each MiB of a payload. With it a piece is judged before it is written, and after an
 * interruption what is already in the slot is recognised. It is a target like the payload, so its own hash is signed.
 */
import { createHash } from 'node:crypto';

export const chunkOctets = 1024 * 1024;

export interface ChunkList {
  /** Of the payload, in octets. */
  readonly length: number;
  /** In hexadecimal; the last chunk may be shorter. */
  readonly sha256: readonly string[];
}

/** Octets of chunk `index` of a payload. */
export function octetsOfChunk({ length }: ChunkList, index: number): number {
  return Math.min(chunkOctets, length - index * chunkOctets);
}

export function chunkListText({ length, sha256 }: ChunkList): string {
  return `${JSON.stringify({ chunkOctets, length, sha256 })}\n`;
}

/** Reads `chunks.json`. Throws SyntaxError or TypeError with what was expected. */
export function parseChunkList(octets: Uint8Array, payloadLength: number): ChunkList {
  const value: unknown = JSON.parse(Buffer.from(octets).toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new TypeError('chunks.json: expected an object');
  const { chunkOctets: size, length, sha256 } = value as Record<string, unknown>;
  if (size !== chunkOctets) throw new TypeError(`chunks.json: expected chunks of ${chunkOctets} octets`);
  if (length !== payloadLength) {
    throw new TypeError(`chunks.json is for ${String(length)} octets, and the payload has ${payloadLength}`);
  }
  const count = Math.ceil(payloadLength / chunkOctets);
  if (!Array.isArray(sha256) || sha256.length !== count) {
    throw new TypeError(`chunks.json: expected ${count} hashes`);
  }
  for (const hash of sha256) {
    if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash))
      throw new TypeError('chunks.json: no SHA-256');
  }
  return { length: payloadLength, sha256: sha256 as string[] };
}

export function sha256Hex(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}
