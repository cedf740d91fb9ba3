/**
 * RFC 3602 section 4, cases 5 to 8: ESP with AES-CBC, two packets in transport mode and two in a tunnel. They have no ICV, which
 * is no SA of ours: the cipher alone decrypts and encrypts the text with its trailer as published, and the packet engine opens
 * the same octets with an ICV of HMAC-SHA-256 behind them, made by node:crypto. Inbound only: our IVs cannot be foreseen.
 */
import { describe, expect, it } from 'vitest';
import { CBC_CONTEXT_SIZE } from '../../../firmware/abi/crypto-context.ts';
import type { Mode } from '../../../host/model/security-association.ts';
import { fromHex, hex, Layout, primitives } from '../../property/crypto/primitives.ts';
import { delivered, reason } from '../../property/dataplane/engines.ts';
import { withIcv } from './node-icv.ts';
import { openWith, type PublishedSa } from './published-sa.ts';

interface PublishedPacket {
  readonly number: number;
  readonly mode: Mode;
  readonly key: string;
  readonly spi: number;
  readonly sequence: bigint;
  readonly source: string;
  readonly destination: string;
  /** Before and after, from the IP header on. */
  readonly original: string;
  readonly packet: string;
  /** Padding, pad length and next header. */
  readonly trailer: string;
}

const packets: readonly PublishedPacket[] = [
  {
    number: 5,
    mode: 'transport',
    key: '90d382b410eeba7ad938c46cec1a82bf',
    spi: 0x4321,
    sequence: 1n,
    source: '192.168.123.3',
    destination: '192.168.123.100',
    original: `
      4500005408f200004001f9fec0a87b03c0a87b6408000ebda70a00008e9c083db95b070008090a0b0c0d0e0f10111213
      1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637`,
    packet: `
      4500007c08f200004032f9a5c0a87b03c0a87b640000432100000001e96e8c08ab465763fd098d45dd3ff893f663c25d
      325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1
      db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6`,
    trailer: '0102030405060708090a0b0c0d0e0e01',
  },
  {
    number: 6,
    mode: 'transport',
    key: '90d382b410eeba7ad938c46cec1a82bf',
    spi: 0x4321,
    sequence: 8n,
    source: '192.168.123.3',
    destination: '192.168.123.100',
    original: `
      4500003008fe00004001fa16c0a87b03c0a87b640800b5e8a80a0500a69c083d0b660e00777777777777777777777777`,
    packet: `
      4500004c08fe00004032f9c9c0a87b03c0a87b64000043210000000869d08df7d203329db093fc4924e5bd80f5199588
      1ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75`,
    trailer: '01020201',
  },
  {
    number: 7,
    mode: 'tunnel',
    key: '0123456789abcdef0123456789abcdef',
    spi: 0x8765,
    sequence: 2n,
    source: '192.168.123.3',
    destination: '192.168.123.200',
    original: `
      45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f10111213
      1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637`,
    packet: `
      4500008c090500004032f91ec0a87b03c0a87bc80000876500000002f4e765244f6407adf13dc1380f673f37773b5241
      a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94
      a859352b8a4d4d2decd136e5c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d`,
    trailer: '0102030405060708090a0a04',
  },
  {
    number: 8,
    mode: 'tunnel',
    key: '0123456789abcdef0123456789abcdef',
    spi: 0x8765,
    sequence: 5n,
    source: '192.168.123.3',
    destination: '192.168.123.200',
    original: `
      45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffffffffffffffff
      ffffffffffffffffffffffffffffffffffffffff`,
    packet: `
      4500007c090d00004032f926c0a87b03c0a87bc8000087650000000585d47224b5f3dd5d2101d4ea8dffab2215b92683
      819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb
      3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0decbb13892`,
    trailer: '0102030405060708090a0a04',
  },
];

const ivAt = 28;
const textAt = 44;

function saOf({ key, ...published }: PublishedPacket): PublishedSa {
  const { mode, spi, sequence, source, destination } = published;
  const ends = { source, destination };
  const authenticationKey = '5a'.repeat(32);
  return {
    proposal: 'aes128-sha256',
    mode,
    spi,
    encryptionKey: key,
    authenticationKey,
    sequence,
    ...ends,
  };
}

describe('RFC 3602 section 4', () => {
  for (const published of packets) {
    const packet = fromHex(published.packet);
    const original = fromHex(published.original);
    const name = `case ${published.number}, ${published.mode} mode`;

    it(`has the text of ${name}, by the cipher alone, both ways`, () => {
      const payload = published.mode === 'tunnel' ? original : original.subarray(20);
      const text = hex(payload) + published.trailer;
      const layout = new Layout();
      const keyField = layout.place(fromHex(published.key));
      const context = layout.room(CBC_CONTEXT_SIZE);
      const ivField = layout.place(packet.subarray(ivAt, textAt));
      const field = layout.place(packet.subarray(textAt));
      primitives.primitive_cbc_setup(context.address, keyField.address, keyField.length);
      primitives.primitive_cbc_decrypt(context.address, ivField.address, field.address, field.length);
      expect(hex(field.read())).toBe(text);
      primitives.primitive_cbc_encrypt(context.address, ivField.address, field.address, field.length);
      expect(hex(field.read())).toBe(hex(packet.subarray(textAt)));
    });

    it(`is opened to the original packet in ${name}, with an ICV of node:crypto`, () => {
      const sa = saOf(published);
      expect(hex(delivered(openWith(sa, withIcv(sa, packet))))).toBe(hex(original));
    });

    it(`is refused without that ICV in ${name}`, () => {
      expect(reason(openWith(saOf(published), packet))).toBe('icv');
    });
  }
});
