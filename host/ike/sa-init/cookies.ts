/**
 * Stateless cookies of a responder under load: an initiator must show that it receives at the address it sends from
 * before the responder keeps state or computes anything expensive. RFC 7296 section 2.6.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Address } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import { encodeIkeSpi } from '../ike-spi.ts';

/** A secret serves for this long and is accepted for as long again; a handshake takes a fraction of it. */
const secretLifetimeMs = 60_000;

interface CookieSecret {
  readonly version: number;
  readonly octets: Uint8Array;
  readonly until: Instant;
}

export class Cookies {
  readonly #random: (octets: number) => Uint8Array;
  #current: CookieSecret | undefined;
  #previous: CookieSecret | undefined;

  constructor(random: (octets: number) => Uint8Array) {
    this.#random = random;
  }

  /** version | HMAC-SHA-256(secret, Ni | address | SPIi): 33 octets. */
  make(nonce: Uint8Array, address: Address, initiatorSpi: bigint, now: Instant): Uint8Array {
    return cookieOf(this.#secret(now), nonce, address, initiatorSpi);
  }

  /** True when `cookie` is one that `make` gave out for the same nonce, address and SPI not long ago. */
  check(
    cookie: Uint8Array,
    nonce: Uint8Array,
    address: Address,
    initiatorSpi: bigint,
    now: Instant,
  ): boolean {
    const current = this.#secret(now);
    const secret = [current, this.#previous].find((known) => known?.version === cookie[0]);
    if (secret === undefined || now >= secret.until + secretLifetimeMs) return false;
    const expected = cookieOf(secret, nonce, address, initiatorSpi);
    return expected.length === cookie.length && timingSafeEqual(expected, cookie);
  }

  #secret(now: Instant): CookieSecret {
    if (this.#current === undefined || now >= this.#current.until) {
      this.#previous = this.#current;
      this.#current = {
        version: ((this.#previous?.version ?? -1) + 1) & 0xff,
        octets: this.#random(32),
        until: now + secretLifetimeMs,
      };
    }
    return this.#current;
  }
}

function cookieOf(
  secret: CookieSecret,
  nonce: Uint8Array,
  address: Address,
  initiatorSpi: bigint,
): Uint8Array {
  const spi = encodeIkeSpi(initiatorSpi);
  const mac = createHmac('sha256', secret.octets).update(nonce).update(address.octets).update(spi).digest();
  return Uint8Array.of(secret.version, ...mac);
}
