/**
 * SIGNATURE_HASH_ALGORITHMS: each end says in IKE_SA_INIT which hashes it verifies signatures with, and the other one may
 * then use AUTH method 14. Only strong ones are said and used. RFC 7427 section 4, RFC 8420 (Identity, for Ed25519).
 */
import type { SignatureHash } from '../../model/signature-scheme.ts';
import { IkeHeader } from '../wire/header.ts';
import { notifyTypes, signatureHashIds } from '../wire/iana-numbers.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import { readUint16, writeUint16 } from '../wire/syntax.ts';
import { parseUnprotected } from './sa-init.ts';

/** `identity` stands for algorithms that hash by themselves. */
export type AnnouncedHash = SignatureHash | 'identity';

const hashes: readonly AnnouncedHash[] = ['sha256', 'sha384', 'sha512', 'identity'];

/** The notification that announces every hash known here. */
export function announceSignatureHashes(): PayloadValue {
  const data = new Uint8Array(hashes.length * 2);
  hashes.forEach((hash, index) => {
    writeUint16(data, index * 2, signatureHashIds[hash]);
  });
  return encodeNotify(notifyTypes.signatureHashAlgorithms, data);
}

/**
 * The hashes known here that the sender of an IKE_SA_INIT message announced.
 *
 * @returns undefined when it announced none at all: then it does not know RFC 7427
 */
export function signatureHashesIn(message: Uint8Array): readonly AnnouncedHash[] | undefined {
  const header = IkeHeader.check(message);
  if (!header.ok) return undefined;
  const payloads = parseUnprotected(header.value, message);
  if (!payloads.ok) return undefined;
  const data = payloads.value.notify(notifyTypes.signatureHashAlgorithms)?.data;
  if (data === undefined) return undefined;
  const announced = new Set<number>();
  for (let at = 0; at + 2 <= data.length; at += 2) announced.add(readUint16(data, at));
  return hashes.filter((hash) => announced.has(signatureHashIds[hash]));
}
