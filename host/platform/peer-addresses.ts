/**
 * Addresses of peers as Node's sockets want them: text. Reading that text, and writing it, anew for each datagram costs more
 * than opening its ESP, so both are remembered.
 */
import { type Address, formatAddress, parseAddress } from '../model/address.ts';

/** More than routers usually are; a flood of made-up senders costs no more memory than this. */
const remembered = 16_384;

export class PeerAddresses {
  readonly #addresses = new Map<string, Address>();
  readonly #texts = new WeakMap<Address, string>();

  /** The address in `text`, with or without an IPv6 zone; undefined where it is none. */
  addressOf(text: string): Address | undefined {
    const known = this.#addresses.get(text);
    if (known !== undefined) return known;
    const parsed = parseAddress(text.replace(/%.*$/, ''));
    if (!parsed.ok) return undefined;
    if (this.#addresses.size >= remembered) this.#addresses.clear();
    this.#addresses.set(text, parsed.value);
    return parsed.value;
  }

  /** The address as text, without a zone. */
  textOf(address: Address): string {
    const known = this.#texts.get(address);
    if (known !== undefined) return known;
    const text = formatAddress(address);
    this.#texts.set(address, text);
    return text;
  }
}
