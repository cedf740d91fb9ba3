/**
 * The initiator of an IKE SA: IKE_SA_INIT, IKE_AUTH and one tunnel-mode CHILD SA, then whatever
 * established-sa.ts does. One object is one attempt; who wants another makes another. The states are tabled in
 * README.md. RFC 7296 sections 1.2, 2.6, 2.7 and 2.21.
 */
import { earliest, type Instant } from '../model/instant.ts';
import type { Transcript } from './auth-exchange.ts';
import {
  authRequest,
  type InitiatorConfig,
  judgeAuthResponse,
  type RejectionReason,
} from './auth-initiator.ts';
import { leastEspSpi } from './child-sa.ts';
import { aes256Gcm16 } from './crypto/aead.ts';
import { deriveIkeKeys } from './crypto/key-derivation.ts';
import { curve25519, type KeyPair } from './crypto/key-exchange.ts';
import { prfHmacSha256 } from './crypto/prf.ts';
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
import { fragmentationNotify, longestMessage } from './fragmentation.ts';
import { IkeSa } from './ike-sa.ts';
import { freshSpi } from './ike-spi.ts';
import { detectNat, type NatFindings, natDetectionNotifies } from './nat-detection.ts';
import { acceptableIke, checkSelected, proposalOf } from './proposal-selection.ts';
import { Retransmission } from './retransmission.ts';
import { nonceOctets, parseSaInit, parseUnprotected } from './sa-init.ts';
import { announceSignatureHashes } from './signature-hashes.ts';
import { IkeHeader } from './wire/header.ts';
import { exchangeTypes, ikeMajorVersion, notifyTypes, payloadTypes } from './wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from './wire/key-exchange.ts';
import { encodeNotify } from './wire/notify.ts';
import { encodeMessage, type PayloadValue } from './wire/payload-chain.ts';
import type { PayloadSet } from './wire/payload-set.ts';
import { encodeSecurityAssociation } from './wire/security-association.ts';
import { plainOctets } from './wire/syntax.ts';

export type { InitiatorConfig };

/**
 * How long an error that anybody could have sent (IKE_SA_INIT is not authenticated) waits for a better answer; ours,
 * so that a forged one does not end an attempt and a true one is known soon. RFC 7296 section 2.21.1.
 */
const refusalGraceMs = 2000;

/** A responder that keeps asking for cookies is broken or forged; ours. */
const maximumCookies = 3;

type Phase =
  | { readonly kind: 'idle' | 'over' }
  | InitSent
  | {
      readonly kind: 'auth-sent';
      readonly ikeSa: IkeSa;
      readonly transcript: Transcript;
      readonly nat: NatFindings | undefined;
    }
  | { readonly kind: 'established'; readonly sa: EstablishedSa };

interface InitSent {
  readonly kind: 'init-sent';
  readonly message: Uint8Array;
  readonly keyPair: KeyPair;
  readonly nonce: Uint8Array;
  readonly natNotifies: readonly PayloadValue[];
  readonly retransmission: Retransmission;
  /** Cookies that the responder has asked back, the last one in `message`. */
  readonly cookies: readonly Uint8Array[];
  /** An unauthenticated error, and until when a better answer may come. */
  readonly refusal?: { readonly reason: FailureReason; readonly message: string; readonly until: Instant };
}

export class Initiator {
  readonly saId: SaId;
  /** Messages that changed nothing or were refused, by reason. */
  readonly counters: RefusalCounters = zeroRefusalCounters();
  readonly #config: InitiatorConfig;
  readonly #spi: bigint;
  #inboundSpi = 0;
  #phase: Phase = { kind: 'idle' };

  constructor(config: InitiatorConfig) {
    this.#config = config;
    this.#spi = freshSpi(config.random);
    this.saId = saIdOf(this.#spi);
  }

  /** The SA is up: `established` was reported and `closed` was not. */
  get isEstablished(): boolean {
    return this.#phase.kind === 'established' && this.#phase.sa.isOpen;
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
      case 'close':
        if (this.#phase.kind === 'established') return this.#phase.sa.close(now);
        if (this.#phase.kind === 'auth-sent') this.#phase.ikeSa.wipe();
        this.#phase = { kind: 'over' };
        return [];
    }
  }

  #start(inboundSpi: number, now: Instant): IkeAction[] {
    if (this.#phase.kind !== 'idle') return [];
    if (!Number.isInteger(inboundSpi) || inboundSpi < leastEspSpi || inboundSpi > 0xffffffff) {
      throw new RangeError(`expected an SPI of ${leastEspSpi} to 4294967295, found ${inboundSpi}`);
    }
    const { local, peer, forceUdpEncapsulation, random } = this.#config;
    this.#inboundSpi = inboundSpi;
    const spis = { initiatorSpi: this.#spi, responderSpi: 0n };
    return this.#sendInit(
      {
        keyPair: curve25519.generate(random),
        nonce: random(nonceOctets),
        natNotifies: natDetectionNotifies(spis, local, peer, forceUdpEncapsulation ? random(20) : undefined),
        cookies: [],
      },
      now,
    );
  }

  /** Sends IKE_SA_INIT, behind a cookie if the responder has asked for one (RFC 7296 section 2.6). */
  #sendInit(
    init: Pick<InitSent, 'keyPair' | 'nonce' | 'natNotifies' | 'cookies'>,
    now: Instant,
  ): IkeAction[] {
    const { keyPair, nonce, natNotifies, cookies } = init;
    const cookie = cookies.at(-1);
    const message = encodeMessage(
      {
        initiatorSpi: this.#spi,
        responderSpi: 0n,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: true,
        isResponse: false,
        messageId: 0,
      },
      [
        ...(cookie === undefined ? [] : [encodeNotify(notifyTypes.cookie, cookie)]),
        encodeSecurityAssociation([proposalOf(acceptableIke, new Uint8Array(0))]),
        encodeKeyExchange({ method: curve25519.id, data: keyPair.publicValue }),
        encodeNonce(nonce),
        fragmentationNotify(),
        ...natNotifies,
        ...(this.#config.credentials.peer.kind === 'certificate' ? [announceSignatureHashes()] : []),
      ],
    );
    const retransmission = new Retransmission(this.#config.retransmission, now);
    this.#phase = { kind: 'init-sent', message, retransmission, keyPair, nonce, natNotifies, cookies };
    return this.#send([message]);
  }

  #receive(event: MessageEvent, now: Instant): IkeAction[] {
    const refuse = (reason: RefusalReason, message: string): IkeAction[] => [
      { kind: 'refused', reason, message, from: event.from },
    ];
    const checked = IkeHeader.check(event.bytes);
    if (!checked.ok) return refuse('malformed', checked.message);
    const header = checked.value;
    if (header.initiatorSpi !== this.#spi) return refuse('unknown-spi', 'expected our SPI, found another');
    if (header.majorVersion !== ikeMajorVersion) {
      return refuse('major-version', `expected IKE version 2, found ${header.majorVersion}`);
    }
    switch (this.#phase.kind) {
      case 'init-sent':
        return this.#receiveInit(this.#phase, header, event, now, refuse);
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
    const { exchangeType, messageId } = header;
    if (
      exchangeType !== exchangeTypes.ikeSaInit ||
      !header.isResponse ||
      header.fromInitiator ||
      messageId !== 0
    ) {
      return refuse('unexpected', 'expected the response of IKE_SA_INIT, found another message');
    }
    const payloads = parseUnprotected(header, event.bytes);
    if (!payloads.ok) return refuse('malformed', payloads.message);
    if (payloads.value.unsupportedCritical !== undefined) {
      return refuse('unsupported-critical-payload', `found type ${payloads.value.unsupportedCritical}`);
    }
    const cookie = payloads.value.notify(notifyTypes.cookie);
    const hasAssociation = payloads.value.body(payloadTypes.securityAssociation) !== undefined;
    if (cookie !== undefined && !hasAssociation) {
      return this.#sendCookie(phase, cookie.data, now, refuse);
    }
    const failure = hasAssociation ? undefined : failureIn(payloads.value);
    if (failure !== undefined) {
      const { reason, message } = failure;
      const until = phase.refusal?.until ?? now + refusalGraceMs;
      this.#phase = { ...phase, refusal: { reason, message, until } };
      return refuse(failure.refusal, message);
    }
    return this.#acceptInit(phase, header, payloads.value, event, now, refuse);
  }

  /** Starts IKE_SA_INIT over with the cookie in front; the same one again is a late copy of the demand. */
  #sendCookie(
    phase: InitSent,
    cookie: Uint8Array,
    now: Instant,
    refuse: (reason: RefusalReason, message: string) => IkeAction[],
  ): IkeAction[] {
    if (cookie.length < 1 || cookie.length > 64) {
      return refuse('malformed', `expected a cookie of 1 to 64 octets, found ${cookie.length}`);
    }
    const isKnown = phase.cookies.some((known) => Buffer.compare(known, cookie) === 0);
    if (isKnown || phase.cookies.length === maximumCookies) {
      return refuse('unexpected', 'expected the response of IKE_SA_INIT, found another demand for a cookie');
    }
    return this.#sendInit({ ...phase, cookies: [...phase.cookies, cookie.slice()] }, now);
  }

  /** Takes the responder's choice, derives the keys and sends IKE_AUTH. */
  #acceptInit(
    phase: InitSent,
    header: IkeHeader,
    payloads: PayloadSet,
    event: MessageEvent,
    now: Instant,
    refuse: (reason: RefusalReason, message: string) => IkeAction[],
  ): IkeAction[] {
    const { responderSpi } = header;
    const init = parseSaInit(payloads);
    if (!init.ok) return refuse('malformed', init.message);
    if (responderSpi === 0n) return refuse('malformed', 'expected an SPI of the responder, found 0');
    if (checkSelected(acceptableIke, init.value.proposals) === undefined) {
      return refuse(
        'no-proposal-chosen',
        'expected one of the offered transforms of each type, found others',
      );
    }
    if (init.value.keyExchange.method !== curve25519.id) {
      return refuse('invalid-ke-payload', `expected key exchange method ${curve25519.id}, found another`);
    }
    const sharedSecret = phase.keyPair.agree(init.value.keyExchange.data);
    if (!sharedSecret.ok) return refuse('malformed', sharedSecret.message);
    const transcript: Transcript = {
      initiatorMessage: phase.message,
      responderMessage: event.bytes.slice(),
      initiatorNonce: phase.nonce,
      responderNonce: init.value.nonce.slice(),
    };
    const algorithms = { prf: prfHmacSha256, aead: aes256Gcm16 };
    const keys = deriveIkeKeys(algorithms, {
      ...transcript,
      sharedSecret: sharedSecret.value,
      initiatorSpi: this.#spi,
      responderSpi,
    });
    sharedSecret.value.wipe();
    const ikeSa = new IkeSa({
      role: 'initiator',
      initiatorSpi: this.#spi,
      responderSpi,
      algorithms,
      keys,
      retransmission: this.#config.retransmission,
      longestMessageOctets: longestMessage(payloads, this.#config.longestDatagramOctets),
    });
    const nat = detectNat({ initiatorSpi: this.#spi, responderSpi }, payloads, event.from, event.to);
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
    if (!received.payloads.ok) return this.#reject(ikeSa, 'invalid-syntax', received.payloads.message, now);
    const answer = judgeAuthResponse(
      this.#config,
      ikeSa,
      transcript,
      this.#inboundSpi,
      received.payloads.value,
    );
    if (answer.kind === 'rejected') return this.#reject(ikeSa, answer.reason, answer.message, now);
    if (answer.kind === 'refused') {
      ikeSa.wipe();
      return this.#giveUp(answer.reason, answer.message);
    }
    const { peerIdentity, child } = answer;
    const { local, peer } = this.#config;
    const childSpis = child.ok ? child.value : undefined;
    const sa = new EstablishedSa({ role: 'initiator', ikeSa, peerIdentity, local, peer, childSpis });
    this.#phase = { kind: 'established', sa };
    if (!child.ok) {
      const { code: reason, message } = child;
      return [{ kind: 'failed', saId: this.saId, reason, message }, ...sa.close(now)];
    }
    const localBehindNat = phase.nat?.localBehindNat ?? false;
    const peerBehindNat = phase.nat?.peerBehindNat ?? false;
    return [
      {
        kind: 'established',
        saId: this.saId,
        childSa: child.value,
        peerIdentity,
        local,
        peer,
        natDetected: localBehindNat || peerBehindNat,
        localBehindNat,
        peerBehindNat,
      },
    ];
  }

  /** Tells the peer once that its IKE_AUTH was not accepted, and is done (RFC 7296 section 2.21.2). */
  #reject(ikeSa: IkeSa, reason: RejectionReason, message: string, now: Instant): IkeAction[] {
    const notify =
      reason === 'invalid-syntax'
        ? notifyTypes.invalidSyntax
        : reason === 'unsupported-critical-payload'
          ? notifyTypes.unsupportedCriticalPayload
          : notifyTypes.authenticationFailed;
    const messages = ikeSa.request(exchangeTypes.informational, 'delete', [encodeNotify(notify)], now);
    ikeSa.wipe();
    this.#phase = { kind: 'over' };
    return [...this.#send(messages), { kind: 'failed', saId: this.saId, reason, message }];
  }

  #expire(now: Instant): IkeAction[] {
    const phase = this.#phase;
    if (phase.kind === 'established') return phase.sa.handleDeadline(now);
    if (phase.kind === 'auth-sent') {
      const due = phase.ikeSa.expire(now);
      if (due === undefined) return [];
      if (due !== 'no-response') return this.#send(due.resend);
      phase.ikeSa.wipe();
      return this.#giveUp('no-response', 'the peer did not answer IKE_AUTH');
    }
    if (phase.kind !== 'init-sent') return [];
    if (phase.refusal !== undefined && now >= phase.refusal.until) {
      return this.#giveUp(phase.refusal.reason, phase.refusal.message);
    }
    switch (phase.retransmission.expire(now)) {
      case 'resend':
        return this.#send([phase.message]);
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
