/**
 * RFC 7634 appendix A: ESP with ChaCha20-Poly1305 in a tunnel, from the outer header to the ICV. Inbound only: its IV is not its
 * sequence number, and ours always are.
 */
import { describe, expect, it } from 'vitest';
import { fromHex, hex } from '../../property/crypto/primitives.ts';
import { delivered, reason } from '../../property/dataplane/engines.ts';
import { openWith, type PublishedSa } from './published-sa.ts';

const sa: PublishedSa = {
  proposal: 'chacha20poly1305',
  mode: 'tunnel',
  spi: 0x01020304,
  encryptionKey: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
  salt: 'a0a1a2a3',
  sequence: 5n,
  source: '203.0.113.153',
  destination: '203.0.113.5',
};
const outerHeader = '4500008c23450000 4032de5b cb007199 cb007105';
const esp = `
  01020304 00000005 1011121314151617
  24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6
  14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3
  cbec163fac469b502773f6fb94e664da9165b82829f641e0
  76aaa8266b7fb0f7b11b369907e1ad43`;
const inner = `
  45000054a6f200004001e778c6336405c0000205
  08005b7a3a080000553bec1000073627
  08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
  202122232425262728292a2b2c2d2e2f3031323334353637`;

describe('the packet of RFC 7634 appendix A', () => {
  it('is opened to the packet inside', () => {
    expect(hex(delivered(openWith(sa, fromHex(outerHeader + esp))))).toBe(hex(fromHex(inner)));
  });

  it('is refused with another ICV', () => {
    expect(reason(openWith(sa, fromHex((outerHeader + esp).replace(/43$/, '42'))))).toBe('icv');
  });
});
