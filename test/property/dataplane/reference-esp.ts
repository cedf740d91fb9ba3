/**
 * ESP written from RFC 4303 with the ciphers of reference-ciphers.ts, sharing nothing with the firmware: the stranger that
 * the firmware's packets are opened by and that makes packets for it.
 */
import { timingSafeEqual } from 'node:crypto';
import {
  type ReferenceCipher,
  type ReferenceMac,
  referenceCipher,
  referenceMac,
} from './reference-ciphers.ts';

export interface ReferenceSa {
  readonly proposal: string;
  readonly spi: number;
  readonly encryptionKey: Uint8Array;
  readonly authenticationKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly esn: boolean;
}

interface Suite {
  readonly cipher: ReferenceCipher;
  /** Undefined for combined modes. */
  readonly mac: ReferenceMac | undefined;
}

function suiteOf(sa: ReferenceSa): Suite {
  const [cipher = '', mac] = sa.proposal.split('-');
  return { cipher: referenceCipher(cipher), mac: mac === undefined ? undefined : referenceMac(mac) };
}

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
  const { cipher, mac } = suiteOf(sa);
  const padLength = (cipher.block - ((payload.length + 2) % cipher.block)) % cipher.block;
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
    options.iv ?? Uint8Array.from({ length: cipher.iv }, (_, index) => index * 7 + Number(sequence & 63n));
  const nonce = Buffer.concat([sa.salt, iv]);
  const sealed = cipher.encrypt(sa.encryptionKey, nonce, combinedAad(sa, header, sequence), text);
  const packet = Buffer.concat([header, iv, sealed]);
  return Uint8Array.from(
    mac === undefined ? packet : Buffer.concat([packet, macOf(sa, mac, packet, sequence)]),
  );
}

/** RFC 4303 section 3.4: the payload and its next header, or undefined where the packet is not authentic. */
export function referenceOpen(
  sa: ReferenceSa,
  esp: Uint8Array,
  sequenceHigh = 0n,
): { payload: Uint8Array; nextHeader: number; sequence: bigint; iv: Uint8Array } | undefined {
  const { cipher, mac } = suiteOf(sa);
  const packet = Buffer.from(esp);
  if (packet.readUInt32BE(0) !== sa.spi) return undefined;
  const header = packet.subarray(0, 8);
  const sequence = (sequenceHigh << 32n) | BigInt(packet.readUInt32BE(4));
  const covered = packet.subarray(0, packet.length - (mac?.icv ?? 0));
  const icv = packet.subarray(covered.length);
  if (mac !== undefined && !timingSafeEqual(icv, macOf(sa, mac, covered, sequence))) return undefined;
  const iv = packet.subarray(8, 8 + cipher.iv);
  const nonce = Buffer.concat([sa.salt, iv]);
  const sealed = covered.subarray(8 + cipher.iv);
  const plain = cipher.decrypt(sa.encryptionKey, nonce, combinedAad(sa, header, sequence), sealed);
  if (plain === undefined) return undefined;
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

/** RFC 4303 section 2.2.1: the half of an extended sequence number that is not sent is covered behind the packet. */
function macOf(sa: ReferenceSa, mac: ReferenceMac, covered: Uint8Array, sequence: bigint): Uint8Array {
  const high = Buffer.alloc(sa.esn ? 4 : 0);
  if (sa.esn) high.writeUInt32BE(Number(sequence >> 32n));
  return mac.compute(sa.authenticationKey, Buffer.concat([covered, high]));
}
