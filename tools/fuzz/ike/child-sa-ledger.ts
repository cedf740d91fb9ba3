/**
 * Which CHILD SAs one end has with one peer, going by the actions of its machine alone, as a data plane would carry them out.
 * Throws when an action makes no sense: what is not installed is used, what is in use is removed, what is over goes on.
 */
import type { ChildSa, IkeAction } from '../../../host/ike/events.ts';

export class ChildSaLedger {
  /** Outbound SPI by inbound SPI. */
  readonly #installed = new Map<number, number>();
  #used: number | undefined;
  #isOver = false;

  /** The pair through which this end sends: where it receives, and where the peer does. */
  get used(): { readonly inboundSpi: number; readonly outboundSpi: number } | undefined {
    const outboundSpi = this.#used === undefined ? undefined : this.#installed.get(this.#used);
    return this.#used === undefined || outboundSpi === undefined
      ? undefined
      : { inboundSpi: this.#used, outboundSpi };
  }

  get size(): number {
    return this.#installed.size;
  }

  receivesOn(spi: number): boolean {
    return this.#installed.has(spi);
  }

  apply(action: IkeAction): void {
    switch (action.kind) {
      case 'established':
        this.#install(action.childSa, true);
        break;
      case 'child-installed':
        this.#install(action.childSa, action.use);
        break;
      case 'child-used':
        this.#hold(this.#installed.has(action.inboundSpi), 'a CHILD SA was used that is not installed');
        this.#used = action.inboundSpi;
        break;
      case 'child-removed':
        this.#hold(this.#used !== action.inboundSpi, 'the CHILD SA in use was removed');
        this.#installed.delete(action.inboundSpi);
        break;
      case 'ike-sa-rekeyed':
      case 'rekey-failed':
        this.#refuseAfterEnd();
        break;
      case 'closed':
        this.#refuseAfterEnd();
        this.#isOver = true;
        break;
    }
  }

  #install({ inboundSpi, outboundSpi }: ChildSa, use: boolean): void {
    this.#hold(!this.#installed.has(inboundSpi), 'an inbound SPI was installed twice');
    this.#installed.set(inboundSpi, outboundSpi);
    if (use) this.#used = inboundSpi;
  }

  #hold(condition: boolean, what: string): void {
    this.#refuseAfterEnd();
    if (!condition) throw new Error(what);
  }

  #refuseAfterEnd(): void {
    if (this.#isOver) throw new Error('something became of an IKE SA that was closed');
  }
}
