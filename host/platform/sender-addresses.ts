/**
 * Addresses of datagrams' senders. Node gives them as text, and reading that text anew for each datagram costs more than
 * opening its ESP, so what was read is remembered.
 */
import { type Address, parseAddress } from '../model/address.ts';

/** More than routers usually are; a flood of made-up senders costs no more memory than this. */
const remembered = 16_384;

export class SenderAddresses {
  readonly #known = new Map<string, Address>();

  /** The address in `text`, with or without an IPv6 zone; undefined where it is none. */
  addressOf(text: string): Address | undefined {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const parsed = parseAddress(text.replace(/%.*$/, ''));
    if (!parsed.ok) return undefined;
    if (this.#known.size >= remembered) this.#known.clear();
    this.#known.set(text, parsed.value);
    return parsed.value;
  }
}
