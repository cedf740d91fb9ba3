/**
 * An IKE SA after IKE_AUTH, for both roles: INFORMATIONAL exchanges (liveness, delete, errors), refusal of what this
 * implementation does not do yet (CREATE_CHILD_SA), and the way to its end. RFC 7296 sections 1.4, 2.4 and 2.21.
 */
import { type Endpoint, equalAddresses } from '../model/address.ts';
import { earliest, type Instant } from '../model/instant.ts';
import { type CloseReason, type IkeAction, type SaId, saIdOf, sendAll } from './events.ts';
import type { IkeSa, Received } from './ike-sa.ts';
import { parseUnprotected } from './sa-init.ts';
import type { IkeHeader } from './wire/header.ts';
import { exchangeTypes, notifyTypes, payloadTypes, protocolIds } from './wire/iana-numbers.ts';
import type { Identity } from './wire/identification.ts';
import { type Delete, encodeDeleteEsp, encodeDeleteIkeSa, encodeNotify, parseDelete } from './wire/notify.ts';
import type { PayloadValue } from './wire/payload-chain.ts';
import type { PayloadSet } from './wire/payload-set.ts';

/**
 * How long an SA that the peer has deleted is kept to answer a repetition of that request; ours, a little more than
 * four seconds' back-off takes for the third try.
 */
export const lingerMs = 30_000;

export interface EstablishedParameters {
  readonly role: 'initiator' | 'responder';
  readonly ikeSa: IkeSa;
  readonly peerIdentity: Identity;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** SPIs of the CHILD SA; undefined when it was refused and only the end of the IKE SA is left to do. */
  readonly childSpis: { readonly inboundSpi: number; readonly outboundSpi: number } | undefined;
}

export class EstablishedSa {
  readonly saId: SaId;
  readonly peerIdentity: Identity;
  /** IKE_AUTH brought no CHILD SA. */
  readonly isChildless: boolean;
  readonly #ikeSa: IkeSa;
  readonly #role: 'initiator' | 'responder';
  #local: Endpoint;
  #peer: Endpoint;
  #childSpis: EstablishedParameters['childSpis'];
  /** open; closing: our delete is under way; lingering: only repeated requests are answered; gone: keys wiped. */
  #phase: 'open' | 'closing' | 'lingering' | 'gone' = 'open';
  #isReported: boolean;
  #closeWhenIdle = false;
  #lingerDeadline: Instant | undefined;

  constructor(parameters: EstablishedParameters) {
    const { ikeSa } = parameters;
    this.saId = saIdOf(parameters.role === 'initiator' ? ikeSa.initiatorSpi : ikeSa.responderSpi);
    this.peerIdentity = parameters.peerIdentity;
    this.#ikeSa = ikeSa;
    this.#role = parameters.role;
    this.#local = parameters.local;
    this.#peer = parameters.peer;
    this.#childSpis = parameters.childSpis;
    this.isChildless = parameters.childSpis === undefined;
    // Without a CHILD SA nobody was told of an establishment, so nobody is told of the end.
    this.#isReported = this.isChildless;
  }

  /** Where the last new authentic message came from. */
  get peer(): Endpoint {
    return this.#peer;
  }

  get isOpen(): boolean {
    return this.#phase === 'open' && !this.#isReported;
  }

  get isGone(): boolean {
    return this.#phase === 'gone';
  }

  get nextDeadline(): Instant | undefined {
    if (this.#phase === 'gone') return undefined;
    return earliest(this.#ikeSa.deadline, this.#lingerDeadline);
  }

  handleMessage(
    header: IkeHeader,
    bytes: Uint8Array,
    from: Endpoint,
    to: Endpoint,
    now: Instant,
  ): IkeAction[] {
    if (this.#phase === 'gone') return [];
    // Both ends may delete at once: then the answer to our own delete comes late, and is no news.
    if (this.#phase === 'lingering' && header.isResponse) return [];
    if (this.#isLostStateHint(header, bytes)) return [{ kind: 'peer-lost-state', saId: this.saId }];
    const received = this.#ikeSa.receive(header, bytes);
    switch (received.kind) {
      case 'refused':
        return [{ ...received, from }];
      case 'repeated-request':
        // RFC 7296 section 2.23: a repetition, which anybody can replay, moves nobody's address.
        return sendAll(received.response, to, from);
      case 'fragment':
        return [];
      case 'request':
        return [...this.#follow(from, to), ...this.#answer(received, from, to, now)];
      case 'response':
        return [...this.#follow(from, to), ...this.#handleResponse(received, now)];
    }
  }

  /** Sends an empty INFORMATIONAL request, unless one of ours is outstanding anyway. */
  checkLiveness(now: Instant): IkeAction[] {
    if (this.#phase !== 'open' || this.#ikeSa.outstanding !== undefined) return [];
    return this.#request('liveness', [], now);
  }

  /** Deletes the IKE SA and with it the CHILD SA; `closed` follows when the peer has answered or stays silent. */
  close(now: Instant): IkeAction[] {
    if (this.#phase !== 'open') return [];
    if (this.#ikeSa.outstanding !== undefined) {
      this.#closeWhenIdle = true; // window of one: after the answer to the request under way
      return [];
    }
    this.#phase = 'closing';
    return this.#request('delete', [encodeDeleteIkeSa()], now);
  }

  /** Ends at once without a word to the peer, who has declared the SA dead itself. */
  abandon(reason: CloseReason): IkeAction[] {
    return [...this.#report(reason), ...this.#end()];
  }

  handleDeadline(now: Instant): IkeAction[] {
    if (this.#phase === 'gone') return [];
    if (this.#lingerDeadline !== undefined && now >= this.#lingerDeadline) return this.#end();
    const due = this.#ikeSa.expire(now);
    if (due === undefined) return [];
    if (due !== 'no-response') return this.#send(due.resend);
    const reason = this.#phase === 'closing' || this.#closeWhenIdle ? 'local' : 'no-response';
    return this.abandon(reason);
  }

  #answer(
    request: Extract<Received, { kind: 'request' }>,
    from: Endpoint,
    to: Endpoint,
    now: Instant,
  ): IkeAction[] {
    const { exchangeType, messageId, payloads } = request;
    const answer = (values: readonly PayloadValue[]): IkeAction[] =>
      sendAll(this.#ikeSa.respond(exchangeType, messageId, values), to, from);
    const invalid = (message: string): IkeAction[] => [
      { kind: 'refused', reason: 'invalid-syntax', message, from },
      ...answer([encodeNotify(notifyTypes.invalidSyntax)]),
      ...this.#report('invalid-syntax'),
      ...this.#linger(now),
    ];
    if (!payloads.ok) return invalid(payloads.message);
    const { unsupportedCritical } = payloads.value;
    if (unsupportedCritical !== undefined) {
      const message = `expected no critical payload of a type unknown here, found ${unsupportedCritical}`;
      return [
        { kind: 'refused', reason: 'unsupported-critical-payload', message, from },
        ...answer([encodeNotify(notifyTypes.unsupportedCriticalPayload, Uint8Array.of(unsupportedCritical))]),
      ];
    }
    if (exchangeType === exchangeTypes.createChildSa) {
      // RFC 7296 section 1.3: what an implementation that keeps to one CHILD SA answers.
      const message = 'expected no CREATE_CHILD_SA, which is not supported, found one';
      return [
        { kind: 'refused', reason: 'no-additional-sas', message, from },
        ...answer([encodeNotify(notifyTypes.noAdditionalSas)]),
      ];
    }
    if (exchangeType !== exchangeTypes.informational) {
      return invalid(`expected an INFORMATIONAL exchange, found type ${exchangeType}`);
    }
    return this.#answerInformational(payloads.value, answer, invalid, now);
  }

  #answerInformational(
    payloads: PayloadSet,
    answer: (values: readonly PayloadValue[]) => IkeAction[],
    invalid: (message: string) => IkeAction[],
    now: Instant,
  ): IkeAction[] {
    const deletes: Delete[] = [];
    for (const body of payloads.bodies(payloadTypes.delete)) {
      const parsed = parseDelete(body);
      if (!parsed.ok) return invalid(parsed.message);
      deletes.push(parsed.value);
    }
    if (deletes.some((one) => one.protocolId === protocolIds.ike)) {
      const reason = this.#phase === 'closing' || this.#closeWhenIdle ? 'local' : 'peer-deleted';
      return [...answer([]), ...this.#report(reason), ...this.#linger(now)];
    }
    const rejection = rejectionIn(payloads);
    if (rejection !== undefined) return [...answer([]), ...this.#report(rejection), ...this.#linger(now)];
    const child = this.#childSpis;
    const isChildDeleted =
      child !== undefined &&
      deletes.some((one) => one.protocolId === protocolIds.esp && one.spis.includes(child.outboundSpi));
    if (!isChildDeleted) return answer([]);
    this.#childSpis = undefined;
    // RFC 7296 section 1.4.1: the answer names the SA of the other direction.
    const actions = [...answer([encodeDeleteEsp([child.inboundSpi])]), ...this.#report('child-deleted')];
    return [...actions, ...this.close(now)];
  }

  #handleResponse(response: Extract<Received, { kind: 'response' }>, now: Instant): IkeAction[] {
    if (response.purpose === 'delete') return this.abandon('local');
    // RFC 7296 section 2.21.3: a response that makes no sense is fatal, and so is INVALID_SYNTAX in one.
    if (!response.payloads.ok || rejectionIn(response.payloads.value) !== undefined) {
      return this.abandon('invalid-syntax');
    }
    const actions: IkeAction[] = this.isOpen ? [{ kind: 'alive', saId: this.saId }] : [];
    return this.#closeWhenIdle ? [...actions, ...this.close(now)] : actions;
  }

  /** Only the responder follows: an end behind a NAT must not, and its peer's address is fixed (RFC 7296 section 2.23). */
  #follow(from: Endpoint, to: Endpoint): IkeAction[] {
    if (this.#role === 'initiator') return [];
    this.#local = to;
    if (from.port === this.#peer.port && equalAddresses(from.address, this.#peer.address)) return [];
    this.#peer = from;
    return [{ kind: 'peer-moved', saId: this.saId, peer: from }];
  }

  /** RFC 7296 section 2.21.4: INVALID_IKE_SPI in the clear, in answer to the request that is outstanding. */
  #isLostStateHint(header: IkeHeader, bytes: Uint8Array): boolean {
    if (!this.#ikeSa.awaits(header) || header.nextPayload !== payloadTypes.notify) return false;
    const payloads = parseUnprotected(header, bytes);
    return payloads.ok && payloads.value.notify(notifyTypes.invalidIkeSpi) !== undefined;
  }

  #request(purpose: 'liveness' | 'delete', payloads: readonly PayloadValue[], now: Instant): IkeAction[] {
    return this.#send(this.#ikeSa.request(exchangeTypes.informational, purpose, payloads, now));
  }

  #send(messages: readonly Uint8Array[]): IkeAction[] {
    return sendAll(messages, this.#local, this.#peer);
  }

  /** `closed`, once. */
  #report(reason: CloseReason): IkeAction[] {
    if (this.#isReported) return [];
    this.#isReported = true;
    return [{ kind: 'closed', saId: this.saId, reason, peerIdentity: this.peerIdentity }];
  }

  #linger(now: Instant): IkeAction[] {
    this.#phase = 'lingering';
    this.#ikeSa.forgetRequest();
    this.#lingerDeadline = now + lingerMs;
    return [];
  }

  #end(): IkeAction[] {
    if (this.#phase !== 'gone') this.#ikeSa.wipe();
    this.#phase = 'gone';
    return [];
  }
}

/** Notifications that end an IKE SA without a Delete payload (RFC 7296 section 2.21.2). */
function rejectionIn(payloads: PayloadSet): CloseReason | undefined {
  if (payloads.notify(notifyTypes.authenticationFailed) !== undefined) return 'authentication-failed';
  if (payloads.notify(notifyTypes.invalidSyntax) !== undefined) return 'invalid-syntax';
  return undefined;
}
