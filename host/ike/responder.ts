/**
 * One IKE SA at the responder, from the answer to IKE_SA_INIT on: IKE_AUTH and one tunnel-mode
 * CHILD SA, then whatever established-sa.ts does. Duplicates of IKE_SA_INIT, cookies and limits are the business of
 * responder-set.ts. The states are tabled in README.md. RFC 7296 sections 1.2, 2.15, 2.21.2.
 */
import type { Endpoint } from '../model/address.ts';
import { earliest, type Instant } from '../model/instant.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import { fail, ok, type Result } from '../model/result.ts';
import type { Secret } from '../model/secret.ts';
import type { Transcript } from './auth/auth-exchange.ts';
import { judgeAuthRequest, type ResponderConfig } from './auth/auth-responder.ts';
import type { IkeAlgorithms } from './crypto/algorithms.ts';
import type { KeyPair } from './crypto/key-exchange.ts';
import { type EstablishedParameters, establishedAction } from './established-parameters.ts';
import { EstablishedSa } from './established-sa.ts';
import { type IkeAction, type RefusalReason, type SaId, saIdOf, sendAll } from './events.ts';
import type { IkeSa, Received } from './ike-sa.ts';
import type { NatFindings } from './path/nat-detection.ts';
import { answerAdditional } from './sa-init/additional-key-exchange.ts';
import { keyedIkeSa } from './sa-init/sa-init.ts';
import { refuseUnknownCritical } from './wire/critical-payload.ts';
import type { IkeHeader } from './wire/header.ts';
import { exchangeTypes, notifyTypes } from './wire/iana-numbers.ts';
import { encodeNotify } from './wire/notify.ts';
import type { PayloadValue } from './wire/payload-chain.ts';

export type { ResponderConfig };

/** What IKE_SA_INIT has settled. */
export interface ResponderSetup {
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
  readonly algorithms: IkeAlgorithms;
  readonly keyPair: KeyPair;
  readonly peerPublicValue: Uint8Array;
  readonly transcript: Transcript;
  readonly longestMessageOctets: number | undefined;
  readonly nat: NatFindings | undefined;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** Stands in for the key of an unknown identity, so that it costs as much as a known one. */
  readonly unknownKey: Secret;
  /** An SPI for another IKE SA of this end, which no IKE SA of any peer has. */
  readonly freshIkeSpi: () => bigint;
}

/** What is left of the set-up once the private key has done its work. */
type Agreed = Omit<ResponderSetup, 'keyPair' | 'peerPublicValue'>;

type Phase =
  /** The private key waits for IKE_AUTH: whoever stops after IKE_SA_INIT has not made us multiply. */
  | { readonly kind: 'half-open'; readonly setup: ResponderSetup }
  | { readonly kind: 'keyed'; readonly ikeSa: IkeSa; readonly agreed: Agreed }
  /** IKE_INTERMEDIATE or IKE_AUTH was refused; repetitions of it get the same answer until the deadline. */
  | { readonly kind: 'refused'; readonly ikeSa: IkeSa }
  | { readonly kind: 'established'; readonly sa: EstablishedSa }
  | { readonly kind: 'gone' };

export class Responder {
  readonly #saId: SaId;
  readonly #firstSaIds: readonly SaId[];
  readonly #initiatorSpi: bigint;
  readonly #config: ResponderConfig;
  readonly #deadline: Instant;
  #phase: Phase;
  #hasInitialContact = false;

  constructor(config: ResponderConfig, setup: ResponderSetup, now: Instant) {
    this.#saId = saIdOf(setup.responderSpi);
    this.#config = config;
    this.#initiatorSpi = setup.initiatorSpi;
    this.#firstSaIds = [this.#saId];
    this.#phase = { kind: 'half-open', setup };
    this.#deadline = now + config.halfOpenTimeoutMs;
  }

  /** Name of the IKE SA at this end; a rekeying changes it. */
  get saId(): SaId {
    return this.established?.saId ?? this.#saId;
  }

  /** Names by which messages may reach this object; the same array until it changes. Empty once it is gone. */
  get saIds(): readonly SaId[] {
    return this.#phase.kind === 'established' ? this.#phase.sa.saIds : this.#firstSaIds;
  }

  /** True when both SPIs of a message are those of an IKE SA of this object. */
  isAddressed(header: IkeHeader): boolean {
    if (this.#phase.kind === 'established') return this.#phase.sa.isAddressed(header);
    return header.initiatorSpi === this.#initiatorSpi && header.fromInitiator;
  }

  /** The answer to IKE_SA_INIT, for a repetition of it; undefined once IKE_AUTH was understood. */
  get initResponse(): Uint8Array | undefined {
    switch (this.#phase.kind) {
      case 'half-open':
        return this.#phase.setup.transcript.responderMessage;
      case 'keyed':
        return this.#phase.agreed.transcript.responderMessage;
      default:
        return undefined;
    }
  }

  /** Not authenticated: counts against the limits. */
  get isHalfOpen(): boolean {
    return this.#phase.kind === 'half-open' || this.#phase.kind === 'keyed' || this.#phase.kind === 'refused';
  }

  /** The initiator asserted in IKE_AUTH that this is its only IKE SA (RFC 7296 section 2.4). */
  get hasInitialContact(): boolean {
    return this.#hasInitialContact;
  }

  get isGone(): boolean {
    return this.#phase.kind === 'gone';
  }

  /** The established SA, also while it is closing. */
  get established(): EstablishedSa | undefined {
    return this.#phase.kind === 'established' ? this.#phase.sa : undefined;
  }

  get nextDeadline(): Instant | undefined {
    if (this.#phase.kind === 'gone') return undefined;
    if (this.#phase.kind !== 'established') return this.#deadline;
    const { sa } = this.#phase;
    return sa.isChildless ? earliest(sa.nextDeadline, this.#deadline) : sa.nextDeadline;
  }

  /** Takes in a message whose header names this SA by both SPIs. */
  handleMessage(
    header: IkeHeader,
    bytes: Uint8Array,
    from: Endpoint,
    to: Endpoint,
    now: Instant,
  ): IkeAction[] {
    const refuse = (reason: RefusalReason, message: string): IkeAction[] => [
      { kind: 'refused', reason, message, from },
    ];
    if (this.#phase.kind === 'gone') return [];
    if (this.#phase.kind === 'established') {
      const actions = this.#phase.sa.handleMessage(header, bytes, from, to, now);
      return this.#settle(actions);
    }
    if (header.isResponse || !this.#expects(header.exchangeType)) {
      return refuse('unexpected', 'expected the next request of the set-up, found another message');
    }
    let phase = this.#phase;
    if (phase.kind === 'half-open') {
      const keyed = this.#derive(phase.setup);
      this.#phase = keyed.ok ? keyed.value : { kind: 'gone' };
      if (!keyed.ok) return refuse('malformed', keyed.message);
      phase = keyed.value;
    }
    const received = phase.ikeSa.receive(header, bytes);
    if (received.kind === 'refused') return refuse(received.reason, received.message);
    if (received.kind === 'repeated-request') {
      return sendAll(received.response, to, from);
    }
    if (received.kind === 'fragment') return [];
    if (received.kind === 'response' || phase.kind === 'refused') {
      return refuse('unexpected', 'expected nothing more after a refused IKE_AUTH, found another message');
    }
    return header.exchangeType === exchangeTypes.ikeIntermediate
      ? this.#exchangeKeys(phase.ikeSa, phase.agreed, received, from, to)
      : this.#authenticate(phase.ikeSa, phase.agreed, received, from, to);
  }

  /**
   * IKE_AUTH; where an additional key exchange was chosen only behind it. A repetition of IKE_INTERMEDIATE may always come.
   */
  #expects(exchangeType: number): boolean {
    if (this.#phase.kind !== 'half-open' && this.#phase.kind !== 'keyed') {
      return exchangeType === exchangeTypes.ikeAuth || exchangeType === exchangeTypes.ikeIntermediate;
    }
    const { algorithms, transcript } =
      this.#phase.kind === 'half-open' ? this.#phase.setup : this.#phase.agreed;
    const isIntermediate = exchangeType === exchangeTypes.ikeIntermediate;
    if (algorithms.additionalKeyExchange === undefined) return exchangeType === exchangeTypes.ikeAuth;
    return (
      isIntermediate || (exchangeType === exchangeTypes.ikeAuth && transcript.intermediate !== undefined)
    );
  }

  /** Answers IKE_INTERMEDIATE under the keys that there are, and goes on under new ones. */
  #exchangeKeys(
    ikeSa: IkeSa,
    agreed: Agreed,
    request: Extract<Received, { kind: 'request' }>,
    from: Endpoint,
    to: Endpoint,
  ): IkeAction[] {
    const { payloads, exchangeType, messageId } = request;
    const refuse = (reason: RefusalReason, message: string, notify: PayloadValue): IkeAction[] => {
      const refusal = ikeSa.respond(exchangeType, messageId, [notify]);
      this.#phase = { kind: 'refused', ikeSa };
      return [{ kind: 'refused', reason, message, from }, ...sendAll(refusal, to, from)];
    };
    const critical = payloads.ok ? refuseUnknownCritical(payloads.value) : undefined;
    if (critical !== undefined) return refuse(critical.reason, critical.message, critical.notify);
    const method = agreed.algorithms.additionalKeyExchange;
    const isDone = agreed.transcript.intermediate !== undefined;
    const answer =
      !payloads.ok || method === undefined || isDone
        ? fail(
            'KEY_EXCHANGE',
            payloads.ok ? 'expected one IKE_INTERMEDIATE, found another' : payloads.message,
          )
        : answerAdditional(method, ikeSa, agreed.transcript, { ...request, payloads: payloads.value });
    if (!answer.ok) return refuse('invalid-syntax', answer.message, encodeNotify(notifyTypes.invalidSyntax));
    const messages = ikeSa.respond(exchangeType, messageId, answer.value.payloads);
    const transcript = answer.value.complete();
    this.#phase = { kind: 'keyed', ikeSa, agreed: { ...agreed, transcript } };
    return sendAll(messages, to, from);
  }

  checkLiveness(now: Instant): IkeAction[] {
    return this.established?.checkLiveness(now) ?? [];
  }

  rekey(what: RekeyWhat, now: Instant): IkeAction[] {
    return this.established?.rekey(what, now) ?? [];
  }

  noteChildArrival(inboundSpi: number): IkeAction[] {
    return this.established?.noteChildArrival(inboundSpi) ?? [];
  }

  close(now: Instant): IkeAction[] {
    return this.established?.close(now) ?? [];
  }

  /** Ends an established SA that the peer has replaced. */
  replace(): IkeAction[] {
    return this.#settle(this.established?.abandon('replaced') ?? []);
  }

  handleDeadline(now: Instant): IkeAction[] {
    if (this.#phase.kind === 'established') {
      const { sa } = this.#phase;
      // Nobody needs an IKE SA without its CHILD SA; one that the peer left behind is cleared away.
      const closing = sa.isChildless && now >= this.#deadline ? sa.abandon('local') : [];
      return this.#settle([...closing, ...sa.handleDeadline(now)]);
    }
    return now < this.#deadline ? [] : this.discard();
  }

  /** Ends an SA that is not authenticated, without a word. @wipes its keys */
  discard(): IkeAction[] {
    if (!this.isHalfOpen) return [];
    if (this.#phase.kind === 'keyed' || this.#phase.kind === 'refused') this.#phase.ikeSa.wipe();
    this.#phase = { kind: 'gone' };
    return [];
  }

  /** Derives the keys, at the first message that needs them, and lets go of the private key. */
  #derive(setup: ResponderSetup): Result<Extract<Phase, { kind: 'keyed' }>, 'KEY_EXCHANGE'> {
    const { keyPair, peerPublicValue, ...agreed } = setup;
    const { initiatorSpi, responderSpi, longestMessageOctets } = agreed;
    const sharedSecret = keyPair.agree(peerPublicValue);
    if (!sharedSecret.ok) return sharedSecret;
    const ikeSa = keyedIkeSa('responder', { ...this.#config, longestMessageOctets }, agreed.algorithms, {
      ...agreed.transcript,
      sharedSecret: sharedSecret.value,
      initiatorSpi,
      responderSpi,
    });
    return ok({ kind: 'keyed', ikeSa, agreed });
  }

  #authenticate(
    ikeSa: IkeSa,
    agreed: Agreed,
    request: Extract<Received, { kind: 'request' }>,
    from: Endpoint,
    to: Endpoint,
  ): IkeAction[] {
    const { transcript, unknownKey, nat } = agreed;
    const verdict = judgeAuthRequest(this.#config, ikeSa, transcript, unknownKey, request.payloads);
    const messages = ikeSa.respond(request.exchangeType, request.messageId, verdict.answer);
    const answer = sendAll(messages, to, from);
    if (verdict.kind === 'refused') {
      this.#phase = { kind: 'refused', ikeSa };
      return [{ kind: 'refused', reason: verdict.reason, message: verdict.message, from }, ...answer];
    }
    const { peerIdentity, peerCertificate, isMobile, child } = verdict;
    const parameters: EstablishedParameters = {
      ...this.#config,
      role: 'responder',
      ikeSa,
      peerIdentity,
      peerCertificate,
      local: to,
      peer: from,
      isMobile,
      childSa: child.ok ? child.value : undefined,
      freshIkeSpi: agreed.freshIkeSpi,
    };
    this.#phase = { kind: 'established', sa: new EstablishedSa(parameters) };
    this.#hasInitialContact = verdict.hasInitialContact;
    if (!child.ok) return [{ kind: 'refused', reason: child.code, message: child.message, from }, ...answer];
    // Established first: the data plane can receive before the peer can send.
    return [establishedAction(parameters, child.value, nat), ...answer];
  }

  #settle(actions: IkeAction[]): IkeAction[] {
    if (this.#phase.kind === 'established' && this.#phase.sa.isGone) this.#phase = { kind: 'gone' };
    return actions;
  }
}
