/** SPIs of IKE SAs: eight random octets, never zero. RFC 7296 section 3.1. */
import { type SaId, saIdOf } from './events.ts';
import type { IkeHeader } from './wire/header.ts';

/** A fresh SPI; whether it is in use is for the caller to see. */
export function freshSpi(random: (octets: number) => Uint8Array): bigint {
  for (;;) {
    const octets = random(8);
    const spi = new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0);
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
