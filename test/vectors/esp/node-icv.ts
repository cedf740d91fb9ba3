/**
 * ICVs by node:crypto, for packets that are published without one, or under an SPI from 1 to 255: those are reserved (RFC 4303
 * section 2.1), and no SA can have them. The rest of a packet stays as published, its ciphertext above all.
 */
import { createHmac } from 'node:crypto';
import { type Integrity, parseProposal } from '../../../host/model/proposal.ts';
import { fromHex } from '../../property/crypto/primitives.ts';
import { internetChecksum } from '../../property/dataplane/packets.ts';
import type { PublishedSa } from './published-sa.ts';

export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

const hashes: Partial<Record<Integrity, HashName>> = {
  'hmac-md5-96': 'md5',
  'hmac-sha1-96': 'sha1',
  'hmac-sha256-128': 'sha256',
  'hmac-sha384-192': 'sha384',
  'hmac-sha512-256': 'sha512',
};

/** As much of an SA as its MAC depends on. */
export type MacOfSa = Pick<PublishedSa, 'proposal' | 'authenticationKey'>;

/** Which HMAC the SA has, and how many octets of it ESP takes. */
export function macOf(sa: MacOfSa): { readonly hash: HashName; readonly icvOctets: number } {
  const proposal = parseProposal(sa.proposal);
  if (!proposal.ok) throw new Error(proposal.message);
  const hash = proposal.value.integrity === null ? undefined : hashes[proposal.value.integrity];
  if (hash === undefined) throw new Error(`${sa.proposal} has no HMAC`);
  return { hash, icvOctets: proposal.value.icvOctets };
}

/** The IPv4 packet with ESP in it, an ICV put behind it, and the header's length and checksum told of that. */
export function withIcv(sa: MacOfSa, packet: Uint8Array): Uint8Array {
  const longer = Buffer.concat([packet, icvOf(sa, packet.subarray(20))]);
  longer.writeUInt16BE(longer.length, 2);
  longer.writeUInt16BE(0, 10);
  longer.writeUInt16BE(internetChecksum(longer.subarray(0, 20)), 10);
  return Uint8Array.from(longer);
}

/**
 * The packet under the SPI of `sa`, and with the ICV for that.
 *
 * @param espAt where its ESP begins
 */
export function withSpi(sa: PublishedSa, packet: Uint8Array, espAt: number): Uint8Array {
  const moved = Buffer.from(packet);
  const icvAt = packet.length - macOf(sa).icvOctets;
  moved.writeUInt32BE(sa.spi, espAt);
  moved.set(icvOf(sa, moved.subarray(espAt, icvAt)), icvAt);
  return Uint8Array.from(moved);
}

function icvOf(sa: MacOfSa, authenticated: Uint8Array): Uint8Array {
  const { hash, icvOctets } = macOf(sa);
  const key = fromHex(sa.authenticationKey ?? '');
  return createHmac(hash, key).update(authenticated).digest().subarray(0, icvOctets);
}
