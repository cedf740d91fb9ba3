/**
 * The rekeying of the CHILD SA at this end: what is wanted, what is under way, what comes of it and of the peer's, also when
 * both are for the same CHILD SA. Says what to request and to answer; established-sa.ts does the exchanges.
 * RFC 7296 sections 1.3.3, 2.8.1 and 2.25.1.
 */
import type { Instant } from '../../model/instant.ts';
import { wipeChildSa } from '../child-sa.ts';
import type { ChildSaAction, ChildSaRecord, ChildSas } from '../child-sas.ts';
import type { Nonces } from '../crypto/key-derivation.ts';
import type { KeyExchangeMethod } from '../crypto/key-exchange.ts';
import type { FailureReason } from '../events.ts';
import type { IkeSa } from '../ike-sa.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { encodeEspNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import {
  acceptChildRekey,
  answerChildRekey,
  type ChildRekeyConfig,
  type ChildRekeyOffer,
  childRekeyRequest,
  demandedChildMethod,
  offerChildRekey,
} from './child-rekey-exchange.ts';
import type { ChildSaOffer } from './create-child-sa.ts';
import { busy, type RekeyAnswer, type RekeyFailure } from './rekey-answer.ts';
import { isRedundant } from './rekey-collision.ts';
import { patienceMs, type RekeyRetry } from './rekey-retry.ts';

/** A rekeying of ours that waits for its answer. */
interface OwnRekey {
  readonly offer: ChildRekeyOffer;
  /** With the key exchange that the peer has asked for: it may ask once. */
  readonly isDemanded: boolean;
  /** What the peer has made of the same CHILD SA meanwhile. */
  rival: { readonly record: ChildSaRecord; readonly nonces: Nonces } | undefined;
}

/** What is to be done after the answer to ours, besides the actions. */
export type ChildRekeyEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly method: KeyExchangeMethod }
  /** The peer does not have the CHILD SA. */
  | { readonly kind: 'lost' }
  | RekeyFailure;

export class ChildRekeying {
  readonly #config: ChildRekeyConfig;
  readonly #children: ChildSas;
  readonly #retry: RekeyRetry;
  #own: OwnRekey | undefined;
  isWanted = false;

  constructor(config: ChildRekeyConfig, children: ChildSas, retry: RekeyRetry) {
    this.#config = config;
    this.#children = children;
    this.#retry = retry;
  }

  get isUnderWay(): boolean {
    return this.#own !== undefined;
  }

  /**
   * Payloads of a request of ours; undefined when there is nothing to rekey any more.
   *
   * @param demanded what the peer has asked for instead of another key exchange
   */
  start(demanded?: KeyExchangeMethod): readonly PayloadValue[] | RekeyFailure | undefined {
    this.isWanted = false;
    const replaced = this.#children.onlyOpen;
    if (replaced === undefined) return undefined;
    const inboundSpi = this.#config.allocateSpi();
    if (inboundSpi === undefined) {
      const message = 'no place is left for another SA at this end';
      return { kind: 'failed', reason: 'no-additional-sas', message };
    }
    const offer = offerChildRekey(this.#config, replaced, inboundSpi, demanded);
    this.#own = { offer, isDemanded: demanded !== undefined, rival: undefined };
    return childRekeyRequest(this.#config, offer);
  }

  /** The peer's request, for the CHILD SA on which it receives with `spi`. */
  answer(ikeSa: IkeSa, spi: number, offer: ChildSaOffer, now: Instant): RekeyAnswer {
    const replaced = this.#children.withOutboundSpi(spi);
    if (replaced === undefined) {
      return {
        kind: 'refused',
        reason: 'child-sa-not-found',
        message: `expected the SPI of a CHILD SA known here, found 0x${spi.toString(16)}`,
        notify: encodeEspNotify(notifyTypes.childSaNotFound, spi),
      };
    }
    if (replaced.state === 'deleting') return busy('expected no rekeying of a CHILD SA that is being closed');
    const { replacement } = replaced;
    if (replacement?.record.isReady)
      return busy('expected the delete of a CHILD SA that was rekeyed already');
    if (this.#children.isFull) return busy('expected fewer rekeyings within so short a time');
    const rekeyed = answerChildRekey(this.#config, ikeSa, replaced, offer);
    if (rekeyed.kind === 'refused') return rekeyed;
    // A new request for the same one: the peer has our answer to the one before, and did not take what it set up.
    const dropped = replacement === undefined ? [] : this.#children.markDeleted(replacement.record, now);
    const { record, actions } = this.#children.install(rekeyed.childSa, false);
    replaced.replacement = { record, deleteAt: now + patienceMs };
    this.isWanted = false;
    this.#retry.reset();
    const own = this.#own;
    if (own?.offer.replaced === replaced) own.rival = { record, nonces: rekeyed.nonces };
    return { kind: 'accepted', actions: [...dropped, ...actions], answer: rekeyed.answer };
  }

  /** The answer to ours. While the IKE SA is being closed it changes nothing. */
  finish(
    ikeSa: IkeSa,
    payloads: PayloadSet,
    isClosing: boolean,
    now: Instant,
  ): { readonly actions: readonly ChildSaAction[]; readonly end: ChildRekeyEnd } {
    const own = this.#own;
    this.#own = undefined;
    if (own === undefined) return { actions: [], end: { kind: 'done' } };
    const { offer, rival } = own;
    const released: ChildSaAction[] = [{ kind: 'child-removed', inboundSpi: offer.inboundSpi }];
    const rekeyed = acceptChildRekey(this.#config, ikeSa, offer, payloads);
    if (!rekeyed.ok) {
      const end = isClosing
        ? ({ kind: 'done' } as const)
        : this.#endOf(own, rekeyed.code, rekeyed.message, payloads, now);
      return { actions: released, end };
    }
    this.#retry.reset();
    const { childSa, nonces } = rekeyed.value;
    if (isClosing) {
      wipeChildSa(childSa);
      return { actions: released, end: { kind: 'done' } };
    }
    if (rival !== undefined && isRedundant(nonces, rival.nonces)) {
      // It receives until the peer has heard of its end; nothing is sent through it.
      const { record, actions } = this.#children.install(childSa, false);
      return { actions: [...actions, ...this.#children.startDeleting(record)], end: { kind: 'done' } };
    }
    const { actions } = this.#children.install(childSa, true);
    // What arrives on the peer's redundant one is no reason to send through it.
    if (rival !== undefined) rival.record.isReady = true;
    return {
      actions: [...actions, ...this.#children.startDeleting(offer.replaced)],
      end: { kind: 'done' },
    };
  }

  #endOf(
    { offer, rival, isDemanded }: OwnRekey,
    reason: FailureReason,
    message: string,
    payloads: PayloadSet,
    now: Instant,
  ): ChildRekeyEnd {
    // The peer has rekeyed the same CHILD SA and not noticed that we did: its successor stays.
    if (rival !== undefined || offer.replaced.state !== 'open') return { kind: 'done' };
    const method = isDemanded ? undefined : demandedChildMethod(this.#config, offer, payloads);
    if (method !== undefined) return { kind: 'again', method };
    if (reason === 'child-sa-not-found') return { kind: 'lost' };
    if (reason !== 'temporary-failure' || !this.#retry.again(now)) return { kind: 'failed', reason, message };
    this.isWanted = true;
    return { kind: 'done' };
  }

  /** Gives ours up without an answer. An SPI that no `child-installed` has named is not covered by `closed`. */
  forget(): ChildSaAction[] {
    const own = this.#own;
    this.#own = undefined;
    return own === undefined ? [] : [{ kind: 'child-removed', inboundSpi: own.offer.inboundSpi }];
  }
}
