/**
 * OpenDataPlane's packets (`odp-packets.ts`). They have a reserved SPI: their published ICV is compared with the firmware's HMAC
 * alone, and for the packet engine they get an SPI that an SA can have and an ICV of node:crypto; every other octet is as
 * published. Inbound opens all of them. Outbound makes those with NULL octet by octet; our IVs of CBC cannot be foreseen.
 *
 * Two more packets are OpenDataPlane's own forms of draft-mcgrew-gcm-test-01: with the next header of what they carry, they travel
 * in tunnel mode from the header to the ICV, SPI and ICV as published.
 */
import { describe, expect, it } from 'vitest';
import { fromHex, hex } from '../../property/crypto/primitives.ts';
import { delivered, reason, sent } from '../../property/dataplane/engines.ts';
import { firmwareIcv } from './firmware-icv.ts';
import { withSpi } from './node-icv.ts';
import { odpPackets } from './odp-packets.ts';
import { openWith, type PublishedSa, sealWith } from './published-sa.ts';

const lawfulSpi = 0x17b;

/**
 * Whether what is before the SPI is as published too. A tunnel's outer header may have another identification, and over IPv6 our
 * UDP checksum is the real one (RFC 8200 section 8.1), not the published 0.
 */
const isSameOutside = (sa: PublishedSa): boolean =>
  sa.mode === 'transport' && (sa.port === undefined || !sa.source.includes(':'));

describe.each(odpPackets)('$name of OpenDataPlane', ({ espAt, original, packet, ...published }) => {
  const sa: PublishedSa = { ...published, spi: lawfulSpi };
  const under = withSpi(sa, fromHex(packet), espAt);

  it('has the ICV of the HMAC', () => {
    const esp = fromHex(packet).subarray(espAt);
    const icv = firmwareIcv(sa, esp);
    expect(hex(icv)).toBe(hex(esp.subarray(-icv.length)));
  });

  it('is opened to the original packet under another SPI, with an ICV of node:crypto', () => {
    expect(hex(delivered(openWith(sa, under)))).toBe(hex(fromHex(original)));
  });

  if (!sa.proposal.startsWith('null-')) return;

  it('is made of the original packet, but for SPI and ICV', () => {
    const { outer, esp } = sent(sealWith(sa, fromHex(original)));
    if (isSameOutside(sa)) expect(hex(outer)).toBe(hex(under));
    else expect(hex(esp)).toBe(hex(under.subarray(espAt)));
  });
});

describe('draft-mcgrew-gcm-test-01 as OpenDataPlane has it', () => {
  const tunnel = { mode: 'tunnel', source: '192.168.1.2', destination: '192.168.1.1' } as const;

  it('opens pkt_mcgrew_gcm_test_15_esp, with AES-GMAC, to the packet inside', () => {
    const sa: PublishedSa = {
      ...tunnel,
      proposal: 'aes128gmac',
      spi: 0x4321,
      encryptionKey: '4c80cdefbb5d10da906ac73c3613a634',
      salt: '22433c64',
      sequence: 7n,
    };
    const inner =
      '45000030da3a00008001df3bc0a80005c0a80001' + '0800c6cd020007006162636465666768696a6b6c6d6e6f7071727374';
    const packet = `45000068698f000080324d81c0a80102c0a80101 0000432100000007 0000000000000000
      ${inner} 01020204 594f4055428d399a9d66c15e77023a98`;
    expect(hex(delivered(openWith(sa, fromHex(packet))))).toBe(inner);
  });

  it('takes pkt_mcgrew_gcm_test_12_esp, with AES-GCM, for a dummy', () => {
    const sa: PublishedSa = {
      ...tunnel,
      proposal: 'aes128gcm16',
      spi: 0x335467ae,
      encryptionKey: '7d773d00c144c525ac619d18c84a3f47',
      salt: 'd9664267',
      sequence: 0xffffffffn,
    };
    // The published header has checksum 4db2, one too many.
    const packet = `45000038698f000080324db1c0a80102c0a80101 335467aeffffffff 43457e9182443bc6
      437f86517ea595d2ca004c33388c46770c590ad6`;
    expect(reason(openWith(sa, fromHex(packet)))).toBe('dummy');
  });
});
