/**
 * The rows of the ESP bench: whole packets of several lengths through several SAs, both ways, and beside each the row of the cipher
 * bench that does no more than its cipher. Data only.
 */
import type { Method, Row } from '../crypto/row.ts';

export type EspDirection = 'outbound' | 'inbound';

export interface EspRow {
  readonly name: string;
  readonly proposal: string;
  readonly direction: EspDirection;
  /** SAs that the packets go through in turn. */
  readonly sas: number;
  readonly size: string;
  /** Octets of the inner packets in turn. */
  readonly lengths: readonly number[];
  /** The cipher alone, on the same texts. */
  readonly cipher: Row;
  /** The most that ESP may cost beside the cipher, as a share of the cipher's time. */
  readonly overheadAtMost?: number;
}

/** Packets of a call of the firmware. */
export const espBatch = 32;

const methods: readonly [name: string, proposal: string, blockOctets: number, method: Method][] = [
  [
    'ChaCha20-Poly1305',
    'chacha20poly1305',
    4,
    { kind: 'aead', algorithm: 'ChaCha20-Poly1305', keyOctets: 32 },
  ],
  ['AES-128-GCM', 'aes128gcm16', 4, { kind: 'aead', algorithm: 'AES-GCM', keyOctets: 16 }],
  ['AES-256-GCM', 'aes256gcm16', 4, { kind: 'aead', algorithm: 'AES-GCM', keyOctets: 32 }],
  [
    'AES-128-CBC + HMAC-SHA-256',
    'aes128-sha256',
    16,
    { kind: 'cbc-hmac', keyOctets: 16, mac: 'HMAC-SHA-256' },
  ],
  ['AES-128-CBC + HMAC-SHA-1', 'aes128-sha1', 16, { kind: 'cbc-hmac', keyOctets: 16, mac: 'HMAC-SHA-1' }],
];

/** IMIX: 7 to 4 to 1, as near as a batch comes. */
const imix = [...Array<number>(19).fill(64), ...Array<number>(10).fill(576), ...Array<number>(3).fill(1400)];
const sizes: readonly [size: string, lengths: readonly number[]][] = [
  ['64', [64]],
  ['576', [576]],
  ['1400', [1400]],
  // Spread, as they come on a line.
  ['IMIX', imix.map((_, index) => imix[(index * 13) % imix.length] ?? 0)],
];

const overheadAtMost = 0.15;
const trailerOctets = 2;

export function meanOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
}

function espRow(
  [name, proposal, blockOctets, method]: (typeof methods)[number],
  [size, lengths]: (typeof sizes)[number],
  sas: number,
  direction: EspDirection,
): EspRow {
  // RFC 4303 section 2.4: what is encrypted is the packet, padding and a trailer of two octets.
  const texts = lengths.map((length) => Math.ceil((length + trailerOctets) / blockOctets) * blockOctets);
  const cipher: Row = {
    name,
    method,
    direction: direction === 'outbound' ? 'encrypt' : 'decrypt',
    batch: espBatch,
    octets: meanOf(texts),
    lengths: texts,
  };
  const row = { name, proposal, direction, sas, size, lengths, cipher };
  return size === '1400' ? { ...row, overheadAtMost } : row;
}

export const espRows: readonly EspRow[] = methods.flatMap((method) =>
  sizes.flatMap((size) =>
    [1, 32, 256].flatMap((sas) =>
      (['outbound', 'inbound'] as const).map((direction) => espRow(method, size, sas, direction)),
    ),
  ),
);

/** "AES-128-GCM outbound, 1400 octets, 32 SAs" */
export function espTitleOf({ name, direction, size, sas }: EspRow): string {
  return `${name} ${direction}, ${size} octets, ${sas} SA${sas === 1 ? '' : 's'}`;
}
