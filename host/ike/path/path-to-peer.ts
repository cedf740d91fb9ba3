/**
 * Between which addresses and ports the messages of an established IKE SA travel, and what moves them: the newest authentic
 * message (RFC 7296 sections 2.11 and 2.23), and what the two ends say of it (RFC 4555, mobike.ts).
 */
import { type Endpoint, equalEndpoints } from '../../model/address.ts';
import type { EstablishedParameters } from '../established-parameters.ts';
import { type IkeAction, type SaId, type SendAction, sendAll } from '../events.ts';
import type { Purpose } from '../ike-sa.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { Mobility, type MobilityRequest, type Passage } from './mobike.ts';
import type { HeaderSpis } from './nat-detection.ts';

export class PathToPeer {
  /** Only the responder follows: an end behind a NAT must not, and its peer's address is fixed (RFC 7296 section 2.23). */
  readonly #follows: boolean;
  readonly #mobility: Mobility;
  #local: Endpoint;
  #peer: Endpoint;

  constructor(parameters: EstablishedParameters) {
    const { role, local, peer, isMobile } = parameters;
    this.#follows = role === 'responder';
    this.#mobility = new Mobility({ ...parameters, isSupported: isMobile });
    this.#local = local;
    this.#peer = peer;
  }

  /** Where the last new authentic message came from. */
  get peer(): Endpoint {
    return this.#peer;
  }

  /**
   * A new authentic message came the way of `passage`. What is reported, where the peer has moved or says so: nothing if it goes
   * nowhere because a NAT that it forbids is on that way, which `answer` then tells it.
   *
   * @param request what it holds, if it is an INFORMATIONAL request
   */
  follow(passage: Passage, request: PayloadSet | undefined, saId: SaId): IkeAction[] {
    if (!this.#follows) return [];
    const update = request && this.#mobility.judgeUpdate(request, passage);
    if (update?.refusal !== undefined) return [];
    const { local, peer } = passage;
    const isThere = equalEndpoints(peer, this.#peer);
    this.#local = local;
    this.#peer = peer;
    if (update?.nat !== undefined) return [{ kind: 'peer-moved', saId, peer, nat: update.nat }];
    return isThere ? [] : [{ kind: 'peer-moved', saId, peer }];
  }

  /** True when the peer goes along to another address of ours. */
  get canMove(): boolean {
    return this.#mobility.canUpdate;
  }

  /** Messages leave from `local` from now on; `nextRequest` tells the peer, where `canMove`. */
  move(local: Endpoint): void {
    this.#local = local;
    this.#mobility.move();
  }

  /** The INFORMATIONAL request about addresses that is due, if any. */
  nextRequest(spis: HeaderSpis): MobilityRequest | undefined {
    return this.#mobility.nextRequest(this.#passage(spis));
  }

  /** A request of ours will not be answered any more: what it said of addresses is said again. */
  repeat(lost: Purpose | undefined): void {
    if (lost !== undefined) this.#mobility.repeat(lost);
  }

  /** What a liveness check carries, to find out about NATs. */
  livenessPayloads(spis: HeaderSpis): readonly PayloadValue[] {
    return this.#mobility.livenessPayloads(this.#passage(spis));
  }

  /** What is answered to an INFORMATIONAL request that came the way of `passage`, as far as it is about addresses. */
  answer(
    payloads: PayloadSet,
    passage: Passage,
  ): { readonly payloads: readonly PayloadValue[]; readonly actions: readonly IkeAction[] } {
    const { payloads: answer, refusal: message } = this.#mobility.answer(payloads, passage);
    if (message === undefined) return { payloads: answer, actions: [] };
    return {
      payloads: answer,
      actions: [{ kind: 'refused', reason: 'unexpected-nat', message, from: passage.peer }],
    };
  }

  /**
   * What the answer to a request of ours means for the path; nothing for requests about something else. `not-routable`:
   * somebody answers for the peer who did not get our question (RFC 4555 section 3.7).
   */
  accept(
    purpose: Purpose,
    payloads: PayloadSet,
    spis: HeaderSpis,
    saId: SaId,
  ): readonly IkeAction[] | 'not-routable' {
    switch (purpose) {
      case 'liveness':
        this.#mobility.noteLiveness(payloads, spis);
        return [];
      case 'update-addresses': {
        const moved = this.#mobility.acceptUpdate(payloads, this.#passage(spis));
        if (moved.ok) return [{ kind: 'moved', saId, nat: moved.value }];
        return [{ kind: 'move-refused', saId, message: moved.message }];
      }
      case 'check-routability':
        return this.#mobility.acceptCheck(payloads) ? [] : 'not-routable';
      default:
        return [];
    }
  }

  send(messages: readonly Uint8Array[]): SendAction[] {
    return sendAll(messages, this.#local, this.#peer);
  }

  #passage(spis: HeaderSpis): Passage {
    return { spis, local: this.#local, peer: this.#peer };
  }
}
