/** That the two ends of each CHILD SA have the same keys for it, whichever is the first to have it. */
import type { ChildSa } from '../../../host/ike/events.ts';

export class SharedKeys {
  /** By the server's inbound SPI. */
  readonly #keys = new Map<number, string>();

  /** True when the server has a CHILD SA on which it receives with this SPI, or a router believes so. */
  has(spiAtServer: number): boolean {
    return this.#keys.has(spiAtServer);
  }

  /** Throws when the other end has other keys. */
  enter(childSa: ChildSa, at: 'server' | 'router'): void {
    const spiAtServer = at === 'server' ? childSa.inboundSpi : childSa.outboundSpi;
    const keys = keysOf(childSa, at);
    const others = this.#keys.get(spiAtServer);
    if (others !== undefined && others !== keys)
      throw new Error('the two ends of a CHILD SA have different keys for it');
    this.#keys.set(spiAtServer, keys);
  }
}

/** Both directions' keys, the one towards the server first. */
function keysOf(childSa: ChildSa, at: 'server' | 'router'): string {
  const directions =
    at === 'server' ? [childSa.inbound, childSa.outbound] : [childSa.outbound, childSa.inbound];
  return directions
    .flatMap(({ encryptionKey, salt }) => [encryptionKey, salt])
    .map((secret) => Buffer.from(secret.reveal()).toString('hex'))
    .join(' ');
}
