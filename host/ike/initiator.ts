/**
 * The initiator of an IKE SA: IKE_SA_INIT (sa-init-request.ts), IKE_AUTH and one tunnel-mode CHILD SA, then whatever
 * established-sa.ts does. One object is one attempt; who wants another makes another. The states are tabled in
 * README.md. RFC 7296 sections 1.2, 2.6, 2.7 and 2.21.
 */
import { earliest, type Instant } from '../model/instant.ts';
import type { Transcript } from './auth/auth-exchange.ts';
import {
  authRequest,
  type InitiatorConfig,
  judgeAuthResponse,
  type Rejection,
} from './auth/auth-initiator.ts';
import { leastEspSpi } from './child-sa.ts';
import { type EstablishedParameters, establishedAction } from './established-parameters.ts';
import { EstablishedSa } from './established-sa.ts';
import {
  type FailureReason,
  type IkeAction,
  type InitiatorEvent,
  type MessageEvent,
  type RefusalCounters,
  type RefusalReason,
  type SaId,
  saIdOf,
  sendAll,
  zeroRefusalCounters,
} from './events.ts';
import { failureIn } from './failure.ts';
import type { IkeSa } from './ike-sa.ts';
import { freshSpi } from './ike-spi.ts';
import type { NatFindings } from './path/nat-detection.ts';
import { Retransmission } from './retransmission.ts';
import {
  type AdditionalOffer,
  acceptAdditional,
  offerAdditional,
} from './sa-init/additional-key-exchange.ts';
import { firstRequest, type InitRequest, judgeInitResponse } from './sa-init/sa-init-request.ts';
import { refuseUnknownCritical } from './wire/critical-payload.ts';
import { IkeHeader } from './wire/header.ts';
import { exchangeTypes, ikeMajorVersion, notifyTypes } from './wire/iana-numbers.ts';
import { encodeNotify } from './wire/notify.ts';
import { plainOctets } from './wire/syntax.ts';

export type { InitiatorConfig };

/**
 * How long an error that anybody could have sent (IKE_SA_INIT is not authenticated) waits for a better answer; ours,
 * so that a forged one does not end an attempt and a true one is known soon. RFC 7296 section 2.21.1.
 */
const refusalGraceMs = 2000;

type Phase =
  | { readonly kind: 'idle' | 'over' }
  | InitSent
  | IntermediateSent
  | ({ readonly kind: 'auth-sent' } & Keyed)
  | { readonly kind: 'established'; readonly sa: EstablishedSa };

/** What stands between IKE_SA_INIT and the proof of who the peer is. */
interface Keyed {
  readonly ikeSa: IkeSa;
  readonly transcript: Transcript;
  readonly nat: NatFindings | undefined;
}

interface IntermediateSent extends Keyed {
  readonly kind: 'intermediate-sent';
  readonly offer: AdditionalOffer;
}

interface InitSent {
  readonly kind: 'init-sent';
  readonly request: InitRequest;
  readonly retransmission: Retransmission;
  /** An unauthenticated error, and until when a better answer may come. */
  readonly refusal?: { readonly reason: FailureReason; readonly message: string; readonly until: Instant };
}

export class Initiator {
  /** Messages that changed nothing or were refused, by reason. */
  readonly counters: RefusalCounters = zeroRefusalCounters();
  readonly #config: InitiatorConfig;
  readonly #spi: bigint;
  #inboundSpi = 0;
  #phase: Phase = { kind: 'idle' };

  constructor(config: InitiatorConfig) {
    this.#config = config;
    this.#spi = freshSpi(config.random);
  }

  /** Name of the IKE SA at this end; a rekeying changes it. */
  get saId(): SaId {
    return this.#phase.kind === 'established' ? this.#phase.sa.saId : saIdOf(this.#spi);
  }

  /** True for a message that names an IKE SA of this object, also one that a rekeying has replaced. */
  isAddressed(header: IkeHeader): boolean {
    if (this.#phase.kind === 'established') return this.#phase.sa.isAddressed(header);
    return header.initiatorSpi === this.#spi;
  }

  /** The SA is up: `established` was reported and `closed` was not. */
  get isEstablished(): boolean {
    return this.#phase.kind === 'established' && this.#phase.sa.isOpen;
  }

  /** The SA is up, and the peer goes along when our address changes (RFC 4555). */
  get canMove(): boolean {
    return this.#phase.kind === 'established' && this.#phase.sa.isOpen && this.#phase.sa.path.canMove;
  }

  /** Nothing more will come of this object. */
  get isOver(): boolean {
    return this.#phase.kind === 'over';
  }

  /** When `deadline` is to be handled; undefined for never. */
  nextDeadline(): Instant | undefined {
    switch (this.#phase.kind) {
      case 'init-sent':
        return earliest(this.#phase.retransmission.deadline, this.#phase.refusal?.until);
      case 'intermediate-sent':
      case 'auth-sent':
        return this.#phase.ikeSa.deadline;
      case 'established':
        return this.#phase.sa.nextDeadline;
      default:
        return undefined;
    }
  }

  /** Takes `event` in at `now`; the actions are to be carried out in order. */
  handle(event: InitiatorEvent, now: Instant): IkeAction[] {
    const actions = this.#dispatch(event, now);
    for (const action of actions) if (action.kind === 'refused') this.counters[action.reason] += 1;
    if (this.#phase.kind === 'established' && this.#phase.sa.isGone) this.#phase = { kind: 'over' };
    return actions;
  }

  #dispatch(event: InitiatorEvent, now: Instant): IkeAction[] {
    switch (event.kind) {
      case 'start':
        return this.#start(event.inboundSpi, now);
      case 'message':
        return this.#receive({ ...event, bytes: plainOctets(event.bytes) }, now);
      case 'deadline':
        return this.#expire(now);
      case 'check-liveness':
        return this.#phase.kind === 'established' ? this.#phase.sa.checkLiveness(now) : [];
      case 'move':
        return this.#phase.kind === 'established' ? this.#phase.sa.move(event.local, now) : [];
      case 'rekey-child':
        return this.#phase.kind === 'established' ? this.#phase.sa.rekey('child', now) : [];
      case 'rekey-ike-sa':
        return this.#phase.kind === 'established' ? this.#phase.sa.rekey('ike-sa', now) : [];
      case 'child-arrival':
        return this.#phase.kind === 'established' ? this.#phase.sa.noteChildArrival(event.inboundSpi) : [];
      case 'close':
        if (this.#phase.kind === 'established') return this.#phase.sa.close(now);
        return this.#abandon();
      case 'abandon':
        return this.#abandon();
    }
  }

  /** @wipes all keys */
  #abandon(): IkeAction[] {
    if ('ikeSa' in this.#phase) this.#phase.ikeSa.wipe();
    if (this.#phase.kind === 'established') this.#phase.sa.abandon('replaced');
    this.#phase = { kind: 'over' };
    return [];
  }

  #start(inboundSpi: number, now: Instant): IkeAction[] {
    if (this.#phase.kind !== 'idle') return [];
    if (!Number.isInteger(inboundSpi) || inboundSpi < leastEspSpi || inboundSpi > 0xffffffff) {
      throw new RangeError(`expected an SPI of ${leastEspSpi} to 4294967295, found ${inboundSpi}`);
    }
    this.#inboundSpi = inboundSpi;
    return this.#sendInit(firstRequest(this.#config, this.#spi), now);
  }

  #sendInit(request: InitRequest, now: Instant): IkeAction[] {
    const retransmission = new Retransmission(this.#config.retransmission, now);
    this.#phase = { kind: 'init-sent', request, retransmission };
    return this.#send([request.message]);
  }

  #receive(event: MessageEvent, now: Instant): IkeAction[] {
    const refuse = (reason: RefusalReason, message: string): IkeAction[] => [
      { kind: 'refused', reason, message, from: event.from },
    ];
    const checked = IkeHeader.check(event.bytes);
    if (!checked.ok) return refuse('malformed', checked.message);
    const header = checked.value;
    if (!this.isAddressed(header)) return refuse('unknown-spi', 'expected our SPI, found another');
    if (header.majorVersion !== ikeMajorVersion) {
      return refuse('major-version', `expected IKE version 2, found ${header.majorVersion}`);
    }
    switch (this.#phase.kind) {
      case 'init-sent':
        return this.#receiveInit(this.#phase, header, event, now, refuse);
      case 'intermediate-sent':
        if (header.responderSpi !== this.#phase.ikeSa.responderSpi) break;
        return this.#receiveIntermediate(this.#phase, header, event, now, refuse);
      case 'auth-sent':
        if (header.responderSpi !== this.#phase.ikeSa.responderSpi) break;
        return this.#receiveAuth(this.#phase, header, event, now, refuse);
      case 'established':
        return this.#phase.sa.handleMessage(header, event.bytes, event.from, event.to, now);
      default:
        return refuse('unexpected', 'expected no message in this state');
    }
    return refuse('unknown-spi', "expected the responder's SPI, found another");
  }

  #receiveInit(
    phase: InitSent,
    header: IkeHeader,
    event: MessageEvent,
    now: Instant,
    refuse: (reason: RefusalReason, message: string) => IkeAction[],
  ): IkeAction[] {
    const outcome = judgeInitResponse(this.#config, phase.request, header, event);
    switch (outcome.kind) {
      case 'refused':
        return refuse(outcome.reason, outcome.message);
      case 'again':
        return this.#sendInit(outcome.request, now);
      case 'failure': {
        const { reason, message } = outcome.failure;
        const until = phase.refusal?.until ?? now + refusalGraceMs;
        this.#phase = { ...phase, refusal: { reason, message, until } };
        return refuse(outcome.failure.refusal, message);
      }
      case 'agreed':
        return this.#sendIntermediate(outcome, now);
    }
  }

  /** Sends the additional key exchange, if one was chosen. */
  #sendIntermediate({ ikeSa, transcript, nat }: Keyed, now: Instant): IkeAction[] {
    const method = ikeSa.algorithms.additionalKeyExchange;
    if (method === undefined) return this.#sendAuth({ ikeSa, transcript, nat }, now);
    const offer = offerAdditional(method, this.#config.random);
    this.#phase = { kind: 'intermediate-sent', ikeSa, transcript, nat, offer };
    return this.#send(ikeSa.request(exchangeTypes.ikeIntermediate, 'intermediate', offer.payloads, now));
  }

  #receiveIntermediate(
    phase: IntermediateSent,
    header: IkeHeader,
    event: MessageEvent,
    now: Instant,
    refuse: (reason: RefusalReason, message: string) => IkeAction[],
  ): IkeAction[] {
    const { ikeSa, transcript, nat, offer } = phase;
    if (!ikeSa.awaits(header)) return refuse('unexpected', 'expected the response of IKE_INTERMEDIATE');
    const received = ikeSa.receive(header, event.bytes);
    if (received.kind === 'refused') return refuse(received.reason, received.message);
    if (received.kind !== 'response') return [];
    const { payloads } = received;
    if (!payloads.ok) return this.#reject(ikeSa, invalidSyntax(payloads.message), now);
    const critical = refuseUnknownCritical(payloads.value);
    if (critical !== undefined) return this.#reject(ikeSa, critical, now);
    const failure = failureIn(payloads.value);
    if (failure !== undefined) {
      ikeSa.wipe();
      return this.#giveUp(failure.reason, failure.message);
    }
    const completed = acceptAdditional(offer, ikeSa, transcript, { ...received, payloads: payloads.value });
    if (!completed.ok) return this.#reject(ikeSa, invalidSyntax(completed.message), now);
    return this.#sendAuth({ ikeSa, transcript: completed.value, nat }, now);
  }

  #sendAuth({ ikeSa, transcript, nat }: Keyed, now: Instant): IkeAction[] {
    const request = authRequest(this.#config, ikeSa, transcript, this.#inboundSpi);
    if (!request.ok) {
      ikeSa.wipe();
      return this.#giveUp(request.code, request.message);
    }
    this.#phase = { kind: 'auth-sent', ikeSa, transcript, nat };
    return this.#send(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', request.value, now));
  }

  #receiveAuth(
    phase: Extract<Phase, { kind: 'auth-sent' }>,
    header: IkeHeader,
    event: MessageEvent,
    now: Instant,
    refuse: (reason: RefusalReason, message: string) => IkeAction[],
  ): IkeAction[] {
    // Requests of a peer that is not authenticated yet are not even opened; it repeats them.
    if (!phase.ikeSa.awaits(header)) return refuse('unexpected', 'expected the response of IKE_AUTH');
    const received = phase.ikeSa.receive(header, event.bytes);
    if (received.kind === 'refused') return refuse(received.reason, received.message);
    if (received.kind === 'fragment') return [];
    if (received.kind !== 'response') return refuse('unexpected', 'expected the response of IKE_AUTH');
    const { ikeSa, transcript } = phase;
    const { payloads } = received;
    if (!payloads.ok) return this.#reject(ikeSa, invalidSyntax(payloads.message), now);
    const answer = judgeAuthResponse(this.#config, ikeSa, transcript, this.#inboundSpi, payloads.value);
    if (answer.kind === 'rejected') return this.#reject(ikeSa, answer, now);
    if (answer.kind === 'refused') {
      ikeSa.wipe();
      return this.#giveUp(answer.reason, answer.message);
    }
    const { peerIdentity, peerCertificate, isMobile, child } = answer;
    const parameters: EstablishedParameters = {
      ...this.#config,
      role: 'initiator',
      ikeSa,
      peerIdentity,
      peerCertificate,
      isMobile,
      childSa: child.ok ? child.value : undefined,
      freshIkeSpi: () => freshSpi(this.#config.random),
    };
    const sa = new EstablishedSa(parameters);
    this.#phase = { kind: 'established', sa };
    if (child.ok) return [establishedAction(parameters, child.value, phase.nat)];
    const { code: reason, message } = child;
    return [{ kind: 'failed', saId: this.saId, reason, message }, ...sa.close(now)];
  }

  /** Tells the peer once that its answer was not accepted, and is done (RFC 7296 section 2.21.2). */
  #reject(ikeSa: IkeSa, { reason, message, notify }: Rejection, now: Instant): IkeAction[] {
    const messages = ikeSa.request(exchangeTypes.informational, 'delete', [notify], now);
    ikeSa.wipe();
    this.#phase = { kind: 'over' };
    return [...this.#send(messages), { kind: 'failed', saId: this.saId, reason, message }];
  }

  #expire(now: Instant): IkeAction[] {
    const phase = this.#phase;
    if (phase.kind === 'established') return phase.sa.handleDeadline(now);
    if (phase.kind === 'intermediate-sent' || phase.kind === 'auth-sent') {
      const due = phase.ikeSa.expire(now);
      if (due === undefined) return [];
      if (due !== 'no-response') return this.#send(due.resend);
      phase.ikeSa.wipe();
      const exchange = phase.kind === 'auth-sent' ? 'IKE_AUTH' : 'IKE_INTERMEDIATE';
      return this.#giveUp('no-response', `the peer did not answer ${exchange}`);
    }
    if (phase.kind !== 'init-sent') return [];
    if (phase.refusal !== undefined && now >= phase.refusal.until) {
      return this.#giveUp(phase.refusal.reason, phase.refusal.message);
    }
    switch (phase.retransmission.expire(now)) {
      case 'resend':
        return this.#send([phase.request.message]);
      case 'give-up':
        return this.#giveUp('no-response', 'the peer did not answer IKE_SA_INIT');
      case 'wait':
        return [];
    }
  }

  #giveUp(reason: FailureReason, message: string): IkeAction[] {
    this.#phase = { kind: 'over' };
    return [{ kind: 'failed', saId: this.saId, reason, message }];
  }

  #send(messages: readonly Uint8Array[]): IkeAction[] {
    return sendAll(messages, this.#config.local, this.#config.peer);
  }
}

function invalidSyntax(message: string): Rejection {
  return { reason: 'invalid-syntax', message, notify: encodeNotify(notifyTypes.invalidSyntax) };
}
