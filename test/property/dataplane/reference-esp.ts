/**
 * ESP written from RFC 4303, 4106, 7634, 3602, 2410, 2404 and 4868 with node:crypto, sharing nothing with the firmware: the stranger that
 * the firmware's packets are opened by and that makes packets for it.
 */
import {
  type CipherGCM,
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHmac,
  type DecipherGCM,
  timingSafeEqual,
} from 'node:crypto';

export interface ReferenceSa {
  readonly proposal: string;
  readonly spi: number;
  readonly encryptionKey: Uint8Array;
  readonly authenticationKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly esn: boolean;
}

const combined = { iv: 8, icv: 16, block: 4, hash: '' };

/** RFC 4868 section 2.6, RFC 2404. */
const integrities = { sha1: 12, sha256: 16, sha384: 24, sha512: 32 };

const separate = (name: string, iv: number, block: number) =>
  Object.entries(integrities).map(([hash, icv]) => [`${name}-${hash}`, { iv, icv, block, hash }] as const);

const suites = new Map([
  ['aes128gcm16', combined],
  ['aes256gcm16', combined],
  ['chacha20poly1305', combined],
  ...separate('aes128', 16, 16),
  ...separate('aes192', 16, 16),
  ...separate('aes256', 16, 16),
  ...separate('null', 0, 4),
]);

export const referenceProposals = [...suites.keys()];

export interface SealOptions {
  /** Overrides the pad octets, for packets that a correct sender never makes. */
  readonly padding?: Uint8Array;
  /** Overrides the pad length that the trailer states. */
  readonly padLength?: number;
  readonly iv?: Uint8Array;
}

/** RFC 4303 section 3.3: `sequence` is the full number. */
export function referenceSeal(
  sa: ReferenceSa,
  sequence: bigint,
  payload: Uint8Array,
  nextHeader: number,
  options: SealOptions = {},
): Uint8Array {
  const suite = suites.get(sa.proposal)!;
  const padLength = (suite.block - ((payload.length + 2) % suite.block)) % suite.block;
  const padding = options.padding ?? Uint8Array.from({ length: padLength }, (_, index) => index + 1);
  const text = Buffer.concat([
    payload,
    padding,
    Uint8Array.of(options.padLength ?? padding.length, nextHeader),
  ]);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(sa.spi, 0);
  header.writeUInt32BE(Number(sequence & 0xffffffffn), 4);
  const iv =
    options.iv ?? Uint8Array.from({ length: suite.iv }, (_, index) => index * 7 + Number(sequence & 63n));
  if (suite.hash === '') {
    const cipher = combinedCipher(sa, Buffer.concat([sa.salt, iv]));
    cipher.setAAD(combinedAad(sa, header, sequence), { plaintextLength: text.length });
    return Uint8Array.from(
      Buffer.concat([header, iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]),
    );
  }
  const covered = Buffer.concat([header, iv, isNull(sa) ? text : encryptCbc(sa, iv, text)]);
  return Uint8Array.from(Buffer.concat([covered, hmac(sa, suite, covered, sequence)]));
}

/** RFC 4303 section 3.4: the payload and its next header, or undefined where the packet is not authentic. */
export function referenceOpen(
  sa: ReferenceSa,
  esp: Uint8Array,
  sequenceHigh = 0n,
): { payload: Uint8Array; nextHeader: number; sequence: bigint; iv: Uint8Array } | undefined {
  const suite = suites.get(sa.proposal)!;
  const packet = Buffer.from(esp);
  if (packet.readUInt32BE(0) !== sa.spi) return undefined;
  const header = packet.subarray(0, 8);
  const sequence = (sequenceHigh << 32n) | BigInt(packet.readUInt32BE(4));
  const iv = packet.subarray(8, 8 + suite.iv);
  const text = packet.subarray(8 + suite.iv, packet.length - suite.icv);
  const icv = packet.subarray(packet.length - suite.icv);
  let plain: Buffer;
  if (suite.hash === '') {
    const decipher = combinedDecipher(sa, Buffer.concat([sa.salt, iv]));
    decipher.setAAD(combinedAad(sa, header, sequence), { plaintextLength: text.length }).setAuthTag(icv);
    try {
      plain = Buffer.concat([decipher.update(text), decipher.final()]);
    } catch {
      return undefined;
    }
  } else {
    const covered = packet.subarray(0, packet.length - suite.icv);
    if (!timingSafeEqual(icv, hmac(sa, suite, covered, sequence))) return undefined;
    plain = isNull(sa) ? text : decryptCbc(sa, iv, text);
  }
  const padLength = plain[plain.length - 2]!;
  for (let index = 0; index < padLength; index++) {
    if (plain[plain.length - 2 - padLength + index] !== index + 1)
      throw new Error('padding is not 1, 2, 3, ...');
  }
  return {
    payload: Uint8Array.from(plain.subarray(0, plain.length - 2 - padLength)),
    nextHeader: plain[plain.length - 1]!,
    sequence,
    iv: Uint8Array.from(iv),
  };
}

function combinedAad(sa: ReferenceSa, header: Buffer, sequence: bigint): Buffer {
  if (!sa.esn) return header;
  // RFC 4106 section 5: SPI, then the 64-bit sequence number.
  const aad = Buffer.alloc(12);
  header.copy(aad, 0, 0, 4);
  aad.writeBigUInt64BE(sequence, 4);
  return aad;
}

function hmac(
  sa: ReferenceSa,
  suite: { icv: number; hash: string },
  covered: Buffer,
  sequence: bigint,
): Buffer {
  const mac = createHmac(suite.hash, sa.authenticationKey).update(covered);
  if (sa.esn) {
    const high = Buffer.alloc(4);
    high.writeUInt32BE(Number(sequence >> 32n));
    mac.update(high);
  }
  return mac.digest().subarray(0, suite.icv);
}

function isNull(sa: ReferenceSa): boolean {
  return sa.proposal.startsWith('null');
}

function cbcName(sa: ReferenceSa): string {
  return `aes-${sa.encryptionKey.length * 8}-cbc`;
}

function encryptCbc(sa: ReferenceSa, iv: Uint8Array, text: Uint8Array): Buffer {
  const cipher = createCipheriv(cbcName(sa), sa.encryptionKey, iv).setAutoPadding(false);
  return Buffer.concat([cipher.update(text), cipher.final()]);
}

function decryptCbc(sa: ReferenceSa, iv: Uint8Array, text: Uint8Array): Buffer {
  const decipher = createDecipheriv(cbcName(sa), sa.encryptionKey, iv).setAutoPadding(false);
  return Buffer.concat([decipher.update(text), decipher.final()]);
}

/** By ChaCha20-Poly1305, or AES-GCM with the key's length. */
function combinedCipher(sa: ReferenceSa, nonce: Uint8Array): CipherGCM {
  if (sa.proposal === 'chacha20poly1305')
    return createCipheriv('chacha20-poly1305', sa.encryptionKey, nonce, { authTagLength: 16 });
  return createCipheriv(gcmName(sa), sa.encryptionKey, nonce);
}

function combinedDecipher(sa: ReferenceSa, nonce: Uint8Array): DecipherGCM {
  if (sa.proposal === 'chacha20poly1305')
    return createDecipheriv('chacha20-poly1305', sa.encryptionKey, nonce, { authTagLength: 16 });
  return createDecipheriv(gcmName(sa), sa.encryptionKey, nonce);
}

function gcmName(sa: ReferenceSa): CipherGCMTypes {
  return sa.encryptionKey.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
}
