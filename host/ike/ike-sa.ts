/**
 * An IKE SA once it has keys, for both roles: protection of messages, message IDs, the window of one request each way,
 * the cached response, retransmission. Does not know what the payloads mean: that is for the exchanges above.
 * RFC 7296 sections 2.1, 2.2 and 2.3.
 */
import type { Instant } from '../model/instant.ts';
import { AeadOpener, AeadSealer } from './crypto/aead.ts';
import { type IkeAlgorithms, type IkeKeys, wipeIkeKeys } from './crypto/key-derivation.ts';
import type { RefusalReason } from './events.ts';
import { Retransmission, type RetransmissionTimes } from './retransmission.ts';
import { openMessage, sealMessage } from './wire/encrypted.ts';
import type { IkeHeader } from './wire/header.ts';
import type { PayloadValue } from './wire/payload-chain.ts';
import { PayloadSet } from './wire/payload-set.ts';
import type { Parsed } from './wire/syntax.ts';

export interface IkeSaParameters {
  readonly role: 'initiator' | 'responder';
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
  readonly algorithms: IkeAlgorithms;
  /** The IKE SA owns them from here and wipes them. */
  readonly keys: IkeKeys;
  readonly retransmission: RetransmissionTimes;
}

/** What a request of ours was for, so that its response can be understood. */
export type Purpose = 'authentication' | 'liveness' | 'delete';

export type Received =
  /** A new, authentic request, which must be answered with `respond`. */
  | {
      readonly kind: 'request';
      readonly exchangeType: number;
      readonly messageId: number;
      readonly payloads: Parsed<PayloadSet>;
    }
  /** The last request again: the same octets go back. */
  | { readonly kind: 'repeated-request'; readonly response: Uint8Array }
  | { readonly kind: 'response'; readonly purpose: Purpose; readonly payloads: Parsed<PayloadSet> }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string };

interface Request {
  readonly messageId: number;
  readonly exchangeType: number;
  readonly purpose: Purpose;
  readonly octets: Uint8Array;
  readonly retransmission: Retransmission;
}

export class IkeSa {
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
  readonly algorithms: IkeAlgorithms;
  readonly keys: IkeKeys;
  readonly #isInitiator: boolean;
  readonly #retransmission: RetransmissionTimes;
  readonly #sealer: AeadSealer;
  readonly #opener: AeadOpener;
  #nextRequestId: number;
  #expectedRequestId: number;
  #outstanding: Request | undefined;
  #lastResponse: Uint8Array | undefined;

  /** Starts behind IKE_SA_INIT, which used message ID 0 of the initiator's requests (RFC 7296 section 2.2). */
  constructor(parameters: IkeSaParameters) {
    const { algorithms, keys } = parameters;
    this.initiatorSpi = parameters.initiatorSpi;
    this.responderSpi = parameters.responderSpi;
    this.algorithms = algorithms;
    this.keys = keys;
    this.#isInitiator = parameters.role === 'initiator';
    this.#retransmission = parameters.retransmission;
    const [outbound, inbound] = this.#isInitiator
      ? [keys.encryptionInitiator, keys.encryptionResponder]
      : [keys.encryptionResponder, keys.encryptionInitiator];
    this.#sealer = new AeadSealer(algorithms.aead, outbound);
    this.#opener = new AeadOpener(algorithms.aead, inbound);
    this.#nextRequestId = this.#isInitiator ? 1 : 0;
    this.#expectedRequestId = this.#isInitiator ? 0 : 1;
  }

  /** What our outstanding request is for. */
  get outstanding(): Purpose | undefined {
    return this.#outstanding?.purpose;
  }

  /** When the outstanding request is to be sent again or given up. */
  get deadline(): Instant | undefined {
    return this.#outstanding?.retransmission.deadline;
  }

  /** Seals a new request and starts its retransmission. The window is one: nothing may be outstanding. */
  request(
    exchangeType: number,
    purpose: Purpose,
    payloads: readonly PayloadValue[],
    now: Instant,
  ): Uint8Array {
    if (this.#outstanding !== undefined) throw new Error('a request is outstanding already');
    const messageId = this.#nextRequestId;
    const octets = this.#seal(exchangeType, messageId, false, payloads);
    const retransmission = new Retransmission(this.#retransmission, now);
    this.#outstanding = { messageId, exchangeType, purpose, octets, retransmission };
    return octets;
  }

  /** Seals the response to the request received last, and keeps it for the case that the request comes again. */
  respond(exchangeType: number, messageId: number, payloads: readonly PayloadValue[]): Uint8Array {
    this.#lastResponse = this.#seal(exchangeType, messageId, true, payloads);
    return this.#lastResponse;
  }

  /** What is due `now`: the outstanding request again, or the news that it stayed unanswered. */
  expire(now: Instant): { readonly resend: Uint8Array } | 'no-response' | undefined {
    if (this.#outstanding === undefined) return undefined;
    switch (this.#outstanding.retransmission.expire(now)) {
      case 'resend':
        return { resend: this.#outstanding.octets };
      case 'give-up':
        this.#outstanding = undefined;
        return 'no-response';
      case 'wait':
        return undefined;
    }
  }

  /** Stops retransmission: the peer has declared the SA dead. */
  forgetRequest(): void {
    this.#outstanding = undefined;
  }

  /** True for a message that could be the response to our outstanding request, going by its header only. */
  awaits(header: IkeHeader): boolean {
    return (
      header.isResponse &&
      header.messageId === this.#outstanding?.messageId &&
      header.exchangeType === this.#outstanding.exchangeType
    );
  }

  /** Takes in a message of this IKE SA. State changes only if it is authentic and new. */
  receive(header: IkeHeader, octets: Uint8Array): Received {
    if (header.fromInitiator === this.#isInitiator) {
      return refused('unexpected', 'expected a message of the other end, found our own role in its flags');
    }
    return header.isResponse ? this.#receiveResponse(header, octets) : this.#receiveRequest(header, octets);
  }

  #receiveRequest(header: IkeHeader, octets: Uint8Array): Received {
    const { exchangeType, messageId } = header;
    const isNew = messageId === this.#expectedRequestId;
    const repeated = messageId === this.#expectedRequestId - 1 ? this.#lastResponse : undefined;
    if (!isNew && repeated === undefined) {
      return refused('message-id', `expected request ${this.#expectedRequestId}, found ${messageId}`);
    }
    const opened = openMessage(this.#opener, header, octets);
    if (!opened.ok && opened.code === 'NOT_AUTHENTIC') return refused('not-authentic', opened.message);
    if (repeated !== undefined) return { kind: 'repeated-request', response: repeated };
    this.#expectedRequestId += 1;
    this.#lastResponse = undefined;
    return { kind: 'request', exchangeType, messageId, payloads: indexed(opened) };
  }

  #receiveResponse(header: IkeHeader, octets: Uint8Array): Received {
    const request = this.#outstanding;
    if (request === undefined || !this.awaits(header)) {
      return refused('message-id', `expected no response ${header.messageId}, or not of this exchange`);
    }
    const opened = openMessage(this.#opener, header, octets);
    if (!opened.ok && opened.code === 'NOT_AUTHENTIC') return refused('not-authentic', opened.message);
    this.#outstanding = undefined;
    this.#nextRequestId += 1;
    return { kind: 'response', purpose: request.purpose, payloads: indexed(opened) };
  }

  #seal(
    exchangeType: number,
    messageId: number,
    isResponse: boolean,
    payloads: readonly PayloadValue[],
  ): Uint8Array {
    const { initiatorSpi, responderSpi } = this;
    const fromInitiator = this.#isInitiator;
    return sealMessage(
      this.#sealer,
      { initiatorSpi, responderSpi, exchangeType, fromInitiator, isResponse, messageId },
      payloads,
    );
  }

  /** @wipes all keys; the object must not be used afterwards */
  wipe(): void {
    this.#outstanding = undefined;
    this.#lastResponse = undefined;
    wipeIkeKeys(this.keys);
  }
}

function indexed(opened: ReturnType<typeof openMessage>): Parsed<PayloadSet> {
  if (opened.ok) return PayloadSet.of(opened.value);
  return { ...opened, code: 'INVALID_SYNTAX' };
}

function refused(reason: RefusalReason, message: string): Received {
  return { kind: 'refused', reason, message };
}
