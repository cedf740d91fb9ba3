/** One IKE SA of a router's channel, from its set-up to its end, with the SPIs that are taken for it. */
import { Initiator } from '../ike/initiator.ts';
import { fqdnIdentity } from '../ike/wire/identification.ts';
import { trafficSelectorOf } from '../ike/wire/traffic-selector.ts';
import type { Address, Endpoint } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import type { RouterChannelOptions } from './router-channel-events.ts';
import type { ChannelTimers } from './timers.ts';

/** Inner addresses of the channel. */
export interface InnerAddresses {
  readonly local: Address;
  readonly server: Address;
}

export class RouterAttempt {
  readonly ike: Initiator;
  /** Every SPI that it has: of the pair in use, and around a rekeying of its predecessor and successor. */
  readonly spis = new Set<Spi>();
  /** The pair through which setting messages are sent. */
  spi: Spi;
  readonly #options: RouterChannelOptions;

  /** @param first the SPI of its first pair, taken already */
  constructor(
    options: RouterChannelOptions,
    timers: ChannelTimers,
    local: Endpoint,
    inner: InnerAddresses,
    first: Spi,
  ) {
    this.#options = options;
    this.spi = first;
    this.spis.add(first);
    this.ike = new Initiator({
      identity: fqdnIdentity(options.name),
      peerIdentity: fqdnIdentity(options.serverIdentity),
      credentials: options.credentials,
      ikeProposals: options.settings.proposals.ike,
      espProposals: options.settings.proposals.esp,
      local,
      peer: options.server,
      localTrafficSelectors: [trafficSelectorOf({ address: inner.local, length: 128 })],
      remoteTrafficSelectors: [trafficSelectorOf({ address: inner.server, length: 128 })],
      random: options.random,
      // One channel a router: a new one takes the place of whatever the server still has.
      initialContact: true,
      // The server asks for UDP encapsulation; this end says honestly whether it is behind a NAT.
      forceUdpEncapsulation: false,
      longestDatagramOctets: options.settings.datagramOctets,
      allocateSpi: () => this.#allocate(),
      retransmission: timers.retransmission,
    });
  }

  /** Lets go of it without a word; returns the SPIs that it had. */
  abandon(now: Instant): Spi[] {
    this.ike.handle({ kind: 'abandon' }, now);
    const spis = [...this.spis];
    for (const spi of spis) this.release(spi);
    return spis;
  }

  release(spi: Spi): void {
    this.spis.delete(spi);
    this.#options.releaseSpi(spi);
  }

  #allocate(): Spi | undefined {
    const spi = this.#options.allocateSpi();
    if (spi !== undefined) this.spis.add(spi);
    return spi;
  }
}
