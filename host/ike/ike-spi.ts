/** SPIs of IKE SAs: eight random octets, never zero. RFC 7296 section 3.1. */

/** A fresh SPI; whether it is in use is for the caller to see. */
export function freshSpi(random: (octets: number) => Uint8Array): bigint {
  for (;;) {
    const octets = random(8);
    const spi = new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0);
    if (spi !== 0n) return spi;
  }
}
