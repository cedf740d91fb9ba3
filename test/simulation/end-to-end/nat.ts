/**
 * A NAT by RFC 4787's words: one outside port for everything that an inside port sends, or one for each destination; and
 * who may send to that port. The one inside port here is the router's.
 */
import { type Address, type Endpoint, formatAddress, formatEndpoint } from '../../../host/model/address.ts';
import { endpoint } from './network.ts';

export interface NatBehaviour {
  /** Of addresses and ports outside: the same for every destination, or another for each. */
  readonly mapping: 'endpoint-independent' | 'address-and-port-dependent';
  /** Who gets in: everybody, whose address was sent to, or whose address and port were. */
  readonly filtering: 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';
}

/** The kinds that people know by other names. */
export const natKinds = {
  'full cone': { mapping: 'endpoint-independent', filtering: 'endpoint-independent' },
  restricted: { mapping: 'endpoint-independent', filtering: 'address-dependent' },
  'port restricted': { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' },
  symmetric: { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' },
} as const satisfies Record<string, NatBehaviour>;

export type NatKind = keyof typeof natKinds;

export class Nat {
  outside: Address;
  readonly #behaviour: NatBehaviour;
  #ports = new Map<string, number>();
  #sentTo = new Map<number, Set<string>>();
  #nextPort = 31_000;

  constructor(kind: NatKind, outside: string) {
    this.#behaviour = natKinds[kind];
    this.outside = endpoint(outside).address;
  }

  /** Where a packet to `to` seems to come from. */
  outward(to: Endpoint): Endpoint {
    const key = this.#behaviour.mapping === 'endpoint-independent' ? '' : formatEndpoint(to);
    const port = this.#ports.get(key) ?? this.#nextPort++;
    this.#ports.set(key, port);
    const sentTo = this.#sentTo.get(port) ?? new Set();
    this.#sentTo.set(port, sentTo.add(formatEndpoint(to)).add(formatAddress(to.address)));
    return { address: this.outside, port };
  }

  /** Whether a packet from `from` to the outside port gets in. */
  lets(from: Endpoint, port: number): boolean {
    const sentTo = this.#sentTo.get(port);
    if (sentTo === undefined) return false;
    switch (this.#behaviour.filtering) {
      case 'endpoint-independent':
        return true;
      case 'address-dependent':
        return sentTo.has(formatAddress(from.address));
      case 'address-and-port-dependent':
        return sentTo.has(formatEndpoint(from));
    }
  }

  /** Forgets every mapping, as in a restart, and has another address from now on where one is given. */
  rebind(outside?: string): void {
    this.#ports = new Map();
    this.#sentTo = new Map();
    this.#nextPort += 1_000;
    if (outside !== undefined) this.outside = endpoint(outside).address;
  }
}
