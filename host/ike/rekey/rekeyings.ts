/**
 * The two kinds of rekeying together, since each stands in the other's way: which is next at this end, and which request of
 * the peer has to wait. RFC 7296 section 2.25.
 */
import type { Instant } from '../../model/instant.ts';
import type { RekeyWhat } from '../../model/rekey-order.ts';
import type { ChildSas } from '../child-sas.ts';
import type { KeyExchangeMethod } from '../crypto/key-exchange.ts';
import type { Purpose } from '../ike-sa.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { ChildRekeyConfig } from './child-rekey-exchange.ts';
import { ChildRekeying } from './child-rekeying.ts';
import type { CreateRequest } from './create-child-sa.ts';
import type { IkeSaRekeyConfig } from './ike-sa-rekey-exchange.ts';
import { IkeSaRekeying } from './ike-sa-rekeying.ts';
import type { IkeSaSuccession, Member } from './ike-sa-succession.ts';
import { busy, type RekeyAnswer, type RekeyFailure } from './rekey-answer.ts';
import { RekeyRetry } from './rekey-retry.ts';

export type RekeyStart =
  | { readonly kind: 'request'; readonly purpose: Purpose; readonly payloads: readonly PayloadValue[] }
  | RekeyFailure;

export class Rekeyings {
  readonly child: ChildRekeying;
  readonly ikeSa: IkeSaRekeying;
  readonly #children: ChildSas;
  readonly #ikeSas: IkeSaSuccession;
  readonly #retry: RekeyRetry;

  constructor(config: ChildRekeyConfig & IkeSaRekeyConfig, children: ChildSas, ikeSas: IkeSaSuccession) {
    this.#children = children;
    this.#ikeSas = ikeSas;
    this.#retry = new RekeyRetry(config.random);
    this.child = new ChildRekeying(config, children, this.#retry);
    this.ikeSa = new IkeSaRekeying(config, ikeSas, this.#retry);
  }

  /** One of ours is wanted, and the peer is not at it. */
  get isNext(): boolean {
    return (this.ikeSa.isWanted || this.child.isWanted) && this.#ikeSas.pending === undefined;
  }

  /** When the wait for another try is over; undefined when there is none. */
  get waitsUntil(): Instant | undefined {
    return this.#retry.waitsUntil;
  }

  want(what: RekeyWhat): void {
    if (what === 'child') {
      if (!this.child.isUnderWay && this.#children.onlyOpen !== undefined) this.child.isWanted = true;
    } else if (!this.ikeSa.isUnderWay && this.#ikeSas.pending === undefined) {
      this.ikeSa.isWanted = true;
    }
  }

  /** The next request of ours, unless it has to wait. */
  start(now: Instant): RekeyStart | undefined {
    if (!this.isNext || this.#retry.holds(now)) return undefined;
    return this.ikeSa.isWanted ? this.startIkeSa() : this.startChild();
  }

  /** @param demanded what the peer has asked for instead of another key exchange */
  startIkeSa(demanded?: KeyExchangeMethod): RekeyStart {
    return { kind: 'request', purpose: 'rekey-ike-sa', payloads: this.ikeSa.start(demanded) };
  }

  startChild(demanded?: KeyExchangeMethod): RekeyStart | undefined {
    const started = this.child.start(demanded);
    if (started === undefined || 'kind' in started) return started;
    return { kind: 'request', purpose: 'rekey-child', payloads: started };
  }

  /** Ours came to nothing, or the peer's has taken its place: whoever wants another begins with short waits. */
  giveUp(): void {
    this.#retry.reset();
  }

  /** The peer's request on `member`. */
  answer(member: Member, asked: CreateRequest, now: Instant): RekeyAnswer {
    switch (asked.kind) {
      case 'rekey-ike-sa': {
        // A new request on the old IKE SA: the peer has our answer to the one before, and did not take what it set up.
        if (member === this.#ikeSas.current && !this.ikeSa.isUnderWay) this.#ikeSas.dropPending(now);
        const message = this.#excludes(member) ?? this.#excludesIkeSa();
        return message === undefined ? this.ikeSa.answer(member.ikeSa, asked.offer, now) : busy(message);
      }
      case 'rekey-child': {
        const message = this.#excludes(member) ?? this.#excludesChild();
        return message === undefined
          ? this.child.answer(member.ikeSa, asked.spi, asked.offer, now)
          : busy(message);
      }
      case 'rekey-other':
        return {
          kind: 'refused',
          reason: 'child-sa-not-found',
          message: 'expected the rekeying of an ESP SA, found that of another protocol',
          notify: encodeNotify(notifyTypes.childSaNotFound),
        };
      case 'new-child':
        return {
          kind: 'refused',
          reason: 'no-additional-sas',
          message: 'expected the rekeying of the one CHILD SA, found a request for another',
          notify: encodeNotify(notifyTypes.noAdditionalSas),
        };
    }
  }

  #excludes(member: Member): string | undefined {
    if (member === this.#ikeSas.current && this.#ikeSas.pending === undefined) return undefined;
    return 'expected no rekeying on an IKE SA that was rekeyed already';
  }

  /** RFC 7296 section 2.25.2. */
  #excludesIkeSa(): string | undefined {
    if (this.child.isUnderWay || this.#children.deleting.length > 0) {
      return 'expected no rekeying of the IKE SA while its CHILD SA is being rekeyed or closed';
    }
    return this.#ikeSas.isFull ? 'expected fewer rekeyings within so short a time' : undefined;
  }

  /** RFC 7296 section 2.25.1. */
  #excludesChild(): string | undefined {
    if (!this.ikeSa.isUnderWay) return undefined;
    return 'expected no rekeying of a CHILD SA while the IKE SA is being rekeyed';
  }
}
