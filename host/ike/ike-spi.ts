/** SPIs of IKE SAs: eight random octets, never zero. RFC 7296 section 3.1. */
import { type SaId, saIdOf } from './events.ts';
import type { IkeHeader } from './wire/header.ts';

const spiOctets = 8;

/** The SPI as it stands in messages and in what is signed or hashed: fresh octets in network order. */
export function encodeIkeSpi(spi: bigint): Uint8Array {
  const octets = new Uint8Array(spiOctets);
  new DataView(octets.buffer).setBigUint64(0, spi);
  return octets;
}

/** The SPI that eight octets hold. */
export function spiOf(octets: Uint8Array): bigint {
  return new DataView(octets.buffer, octets.byteOffset, spiOctets).getBigUint64(0);
}

/** A fresh SPI; whether it is in use is for the caller to see. */
export function freshSpi(random: (octets: number) => Uint8Array): bigint {
  for (;;) {
    const spi = spiOf(random(spiOctets));
    if (spi !== 0n) return spi;
  }
}

/**
 * The receiver's own SPI in a message's header. Which of the two it is depends on who has set this IKE SA up, and a
 * rekeying may turn the roles round.
 */
export function addressedSaId(header: IkeHeader): SaId {
  return saIdOf(header.fromInitiator ? header.responderSpi : header.initiatorSpi);
}
