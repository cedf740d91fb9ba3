/**
 * How long a key may serve, whatever a policy allows: after so many octets or packets an SA stops, and is renewed well before.
 * Limits in seconds are the policy's alone.
 */
import type { Encryption, Proposal } from './proposal.ts';
import type { Lifetime } from './security-association.ts';

/** The most that one key may encrypt; undefined is no limit before the sequence numbers run out. */
export interface KeyLimit {
  readonly octets: bigint | undefined;
  readonly packets: bigint | undefined;
}

const aesBlockOctets = 16n;
const desBlockOctets = 8n;

/**
 * Octets, by how probably two blocks of ciphertext, or of CTR's keystream, tell something of each other. With 2^48 blocks of
 * 128 bits that is 2^-33 (birthday bound); CCM calls the cipher twice for each block. DES and triple DES: SP 800-67 revision 2
 * section 3.3 says 2^20 blocks of 64 bits. ChaCha20's blocks never repeat and give nothing away.
 */
const octetLimits: Readonly<Record<Encryption, bigint | undefined>> = {
  null: undefined,
  'aes-cbc': 2n ** 48n * aesBlockOctets,
  'aes-ctr': 2n ** 48n * aesBlockOctets,
  'aes-gcm': 2n ** 48n * aesBlockOctets,
  'aes-gmac': 2n ** 48n * aesBlockOctets,
  'aes-ccm': 2n ** 47n * aesBlockOctets,
  'chacha20-poly1305': undefined,
  'des-cbc': 2n ** 20n * desBlockOctets,
  '3des-cbc': 2n ** 20n * desBlockOctets,
};

/** GCM with an ICV of 8 octets and packets below 2^17 octets: SP 800-38D appendix C, table 2. */
const shortGcmIcvPackets = 2n ** 23n;

/** SP 800-38B appendix B, for blocks of 128 bits. */
const cmacPackets = 2n ** 48n;

/** Numbers of the sequence space; the last is never reached in 64 bits. */
const sequenceSpace = { extended: 2n ** 64n - 1n, plain: 2n ** 32n - 1n };
/** At any rate that a counter of 32 bits can meet, a sixteenth of it is time enough for a renewal. */
const sequenceReserve = 16n;

export function keyLimit({ encryption, integrity, icvOctets }: Proposal): KeyLimit {
  const isShortGcm = encryption === 'aes-gcm' && icvOctets === 8;
  const isCmac = integrity === 'aes-cmac-96';
  return {
    octets: octetLimits[encryption],
    packets: isShortGcm ? shortGcmIcvPackets : isCmac ? cmacPackets : undefined,
  };
}

/**
 * Hard and soft lifetime of an SA: what was asked for, or less where its key or its sequence numbers end before. Renewal
 * begins at half of a key's limit, and at 15/16 of the sequence numbers.
 *
 * @param firstSequence number of the SA's first packet
 */
export function limitLifetime(
  asked: { readonly soft: Lifetime; readonly hard: Lifetime },
  proposal: Proposal,
  esn: boolean,
  firstSequence: bigint,
): { readonly soft: Lifetime; readonly hard: Lifetime } {
  const key = keyLimit(proposal);
  const space = esn ? sequenceSpace.extended : sequenceSpace.plain;
  const renewalAt = space - space / sequenceReserve;
  const beforeRenewal = renewalAt < firstSequence ? 1n : renewalAt - firstSequence + 1n;
  return {
    soft: {
      seconds: asked.soft.seconds,
      octets: least(asked.soft.octets, half(key.octets)),
      packets: least(asked.soft.packets, half(key.packets), beforeRenewal),
    },
    hard: {
      seconds: asked.hard.seconds,
      octets: least(asked.hard.octets, key.octets),
      packets: least(asked.hard.packets, key.packets),
    },
  };
}

function half(limit: bigint | undefined): bigint | undefined {
  return limit === undefined ? undefined : limit / 2n;
}

function least(...limits: readonly (bigint | undefined)[]): bigint | undefined {
  return limits.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
}
