/**
 * The packets of a row, the same in every process: octets that depend on the row alone. Each packet has a nonce of its own. What has to
 * be decrypted was encrypted by node:crypto.
 */
import { createHash } from 'node:crypto';
import { encryptor } from './node-crypto.ts';
import type { Packet, Workload } from './packet.ts';
import { type Row, titleOf } from './row.ts';

/** A row of single packets measures so many of them, one by one, so that the clock is not part of the figure. */
const singles = 256;
const aadOctets = 8;

/** How many packets one run of a row works through. */
export function packetsPerRun(row: Row): number {
  return row.batch === 1 ? singles : row.batch;
}

/** @param count packets; without it as many as a run of the row works through */
export function workloadOf(row: Row, count = packetsPerRun(row)): Workload {
  const { method } = row;
  const keyOctets = method.kind === 'hash' ? 0 : method.keyOctets;
  const octets = (what: string, length: number) => sample(`${titleOf(row)} ${what}`, length);
  const keys = {
    key: octets('key', keyOctets),
    macKey: octets('MAC key', method.kind === 'cbc-hmac' ? icvKeyOctets[method.mac] : 0),
  };
  const encrypt = row.direction === 'decrypt' ? encryptor(row, keys) : undefined;
  const packets = Array.from({ length: count }, (_, index): Packet => {
    const packet = {
      nonce: octets(`nonce ${index}`, nonceOctets(row)),
      aad: octets(`AAD ${index}`, aadOctets),
      text: octets(`text ${index}`, row.lengths?.[index % row.lengths.length] ?? row.octets),
      icv: new Uint8Array(0),
    };
    return encrypt === undefined ? packet : { ...packet, ...encrypt(packet) };
  });
  return { ...keys, packets };
}

const icvKeyOctets = { 'HMAC-SHA-1': 20, 'HMAC-SHA-256': 32 };

function nonceOctets({ method }: Row): number {
  if (method.kind === 'mac' || method.kind === 'hash') return 0;
  if (method.kind === 'cbc-hmac') return 16;
  if (method.kind !== 'block-mode') return method.algorithm === 'AES-CCM' ? 11 : 12;
  return { 'AES-CBC': 16, 'AES-CTR': 12, '3DES-CBC': 8, 'DES-CBC': 8 }[method.algorithm];
}

function sample(label: string, length: number): Uint8Array {
  if (length === 0) return new Uint8Array(0);
  return createHash('shake256', { outputLength: length }).update(label).digest();
}
