/**
 * The rekeying of the IKE SA at this end: what is wanted, what is under way, what comes of it and of the peer's, also when
 * both happen at once. Says what to request and to answer; established-sa.ts does the exchanges.
 * RFC 7296 sections 1.3.2, 2.8.2, 2.18 and 2.25.2.
 */
import type { Instant } from '../../model/instant.ts';
import type { KeyExchangeMethod } from '../crypto/key-exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import type { SaInit } from '../sa-init/sa-init.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import {
  acceptIkeSaRekey,
  answerIkeSaRekey,
  demandedIkeSaMethod,
  type IkeSaRekeyConfig,
  type IkeSaRekeyOffer,
  ikeSaRekeyRequest,
  offerIkeSaRekey,
} from './ike-sa-rekey-exchange.ts';
import type { IkeSaSuccession, Member } from './ike-sa-succession.ts';
import type { RekeyAnswer, RekeyFailure } from './rekey-answer.ts';
import { isRedundant } from './rekey-collision.ts';
import { patienceMs, type RekeyRetry } from './rekey-retry.ts';

/** What is to be done after the answer to ours. */
export type IkeSaRekeyEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly method: KeyExchangeMethod }
  /** Ours takes the place of the current one, which is to be deleted. */
  | { readonly kind: 'replace'; readonly member: Member }
  /** The peer's takes it; ours, if there is one, is to be deleted. */
  | { readonly kind: 'adopt'; readonly redundant: Member | undefined }
  | RekeyFailure;

export class IkeSaRekeying {
  readonly #config: IkeSaRekeyConfig;
  readonly #ikeSas: IkeSaSuccession;
  readonly #retry: RekeyRetry;
  #own: { readonly offer: IkeSaRekeyOffer; readonly isDemanded: boolean } | undefined;
  isWanted = false;

  constructor(config: IkeSaRekeyConfig, ikeSas: IkeSaSuccession, retry: RekeyRetry) {
    this.#config = config;
    this.#ikeSas = ikeSas;
    this.#retry = retry;
  }

  get isUnderWay(): boolean {
    return this.#own !== undefined;
  }

  /**
   * Payloads of a request of ours.
   *
   * @param demanded what the peer has asked for instead of another key exchange
   */
  start(demanded?: KeyExchangeMethod): readonly PayloadValue[] {
    this.isWanted = false;
    const method = demanded ?? this.#ikeSas.current.ikeSa.algorithms.keyExchange;
    const offer = offerIkeSaRekey(this.#config, method);
    this.#own = { offer, isDemanded: demanded !== undefined };
    return ikeSaRekeyRequest(this.#config, offer);
  }

  /** The peer's request; what it sets up becomes current once the peer uses it. */
  answer(ikeSa: IkeSa, offer: SaInit, now: Instant): RekeyAnswer {
    const rekeyed = answerIkeSaRekey(this.#config, ikeSa, offer);
    if (rekeyed.kind === 'refused') return rekeyed;
    this.#ikeSas.expect(rekeyed.ikeSa, rekeyed.nonces, now + patienceMs);
    return { kind: 'accepted', actions: [], answer: rekeyed.answer };
  }

  /** The answer to ours. A new IKE SA is filed with the others. */
  finish(payloads: PayloadSet, isClosing: boolean, now: Instant): IkeSaRekeyEnd {
    const own = this.#own;
    this.#own = undefined;
    if (own === undefined) return { kind: 'done' };
    const { current, pending } = this.#ikeSas;
    const rekeyed = acceptIkeSaRekey(this.#config, current.ikeSa, own.offer, payloads);
    if (!rekeyed.ok) {
      // The peer has rekeyed the IKE SA itself and not noticed that we did: what it set up stays.
      if (pending !== undefined) return { kind: 'adopt', redundant: undefined };
      if (isClosing) return { kind: 'done' };
      const method = own.isDemanded ? undefined : demandedIkeSaMethod(this.#config, own.offer, payloads);
      if (method !== undefined) return { kind: 'again', method };
      const { code: reason, message } = rekeyed;
      if (reason !== 'temporary-failure' || !this.#retry.again(now))
        return { kind: 'failed', reason, message };
      this.isWanted = true;
      return { kind: 'done' };
    }
    this.#retry.reset();
    const { ikeSa, nonces } = rekeyed.value;
    const member = this.#ikeSas.add(ikeSa);
    return pending !== undefined && isRedundant(nonces, pending.nonces)
      ? { kind: 'adopt', redundant: member }
      : { kind: 'replace', member };
  }

  /** Gives ours up without an answer. */
  forget(): void {
    this.#own = undefined;
  }
}
