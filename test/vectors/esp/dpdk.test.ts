/**
 * DPDK's packets (`dpdk-packets.ts`): each is opened to the packet inside. Those with an HMAC have reserved SPIs: their published
 * ICV is compared with the firmware's HMAC alone, and the packet engine opens the published ciphertext under an SPI that an SA
 * can have, with an ICV of node:crypto. Inbound only: their IVs are neither their sequence numbers nor ours of CBC.
 */
import { describe, expect, it } from 'vitest';
import { fromHex, hex } from '../../property/crypto/primitives.ts';
import { delivered, reason } from '../../property/dataplane/engines.ts';
import { type DpdkPacket, dpdkPackets } from './dpdk-packets.ts';
import { firmwareIcv } from './firmware-icv.ts';
import { withSpi } from './node-icv.ts';
import { openWith, type PublishedSa } from './published-sa.ts';

const firstLawfulSpi = 0x100;

const espAtOf = (outer: Uint8Array): number => (outer[0]! >> 4 === 4 ? 20 : 40);

function saOf(published: DpdkPacket): PublishedSa {
  const outer = fromHex(published.outer);
  const spi = Buffer.from(outer).readUInt32BE(espAtOf(outer));
  return { ...published, mode: 'tunnel', sequence: 1n, spi };
}

describe.each(dpdkPackets)('$name of DPDK', (published) => {
  const sa = saOf(published);
  const outer = fromHex(published.outer);
  const espAt = espAtOf(outer);

  if (sa.spi >= firstLawfulSpi) {
    it('is opened to the packet inside', () => {
      expect(hex(delivered(openWith(sa, outer)))).toBe(hex(fromHex(published.inner)));
    });

    it('is refused with another ICV', () => {
      expect(reason(openWith(sa, Uint8Array.from([...outer.subarray(0, -1), outer.at(-1)! ^ 1])))).toBe(
        'icv',
      );
    });
    return;
  }

  it('has the ICV of the HMAC', () => {
    const esp = outer.subarray(espAt);
    const icv = firmwareIcv(sa, esp);
    expect(hex(icv)).toBe(hex(esp.subarray(-icv.length)));
  });

  it('is opened to the packet inside under another SPI, with an ICV of node:crypto', () => {
    const lawful = { ...sa, spi: firstLawfulSpi + sa.spi };
    expect(hex(delivered(openWith(lawful, withSpi(lawful, outer, espAt))))).toBe(
      hex(fromHex(published.inner)),
    );
  });
});
