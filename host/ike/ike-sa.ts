/**
 * An IKE SA once it has keys, for both roles: protection and fragmentation of messages, message IDs, the window of one
 * request each way, the cached response, retransmission. Does not know what the payloads mean: that is for the exchanges
 * above. A message of this file's users may be several on the wire. RFC 7296 sections 2.1, 2.2 and 2.3, RFC 7383.
 */
import type { Instant } from '../model/instant.ts';
import { type IkeAlgorithms, type Opener, openerOf, type Sealer, sealerOf } from './crypto/algorithms.ts';
import type { Contents } from './crypto/intermediate.ts';
import { type IkeKeys, wipeIkeKeys } from './crypto/key-derivation.ts';
import type { RefusalReason } from './events.ts';
import { Reassembly } from './reassembly.ts';
import { Retransmission, type RetransmissionTimes } from './retransmission.ts';
import { findEncrypted, innerPayloads, openEncrypted, sealMessages } from './wire/encrypted.ts';
import type { IkeHeader } from './wire/header.ts';
import { payloadTypes } from './wire/iana-numbers.ts';
import type { EncryptedPayload, FragmentPlace, PayloadValue } from './wire/payload-chain.ts';
import { PayloadSet } from './wire/payload-set.ts';
import { type Parsed, syntaxError } from './wire/syntax.ts';

export interface IkeSaParameters {
  readonly role: 'initiator' | 'responder';
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
  readonly algorithms: IkeAlgorithms;
  /** The IKE SA owns them from here and wipes them. */
  readonly keys: IkeKeys;
  readonly retransmission: RetransmissionTimes;
  /**
   * Octets of the longest IKE message that goes out in one piece, if both ends have said that they put fragments
   * together; undefined otherwise.
   */
  readonly longestMessageOctets: number | undefined;
  /** Fresh random octets, for the IVs of ciphers that need them unpredictable. */
  readonly random: (octets: number) => Uint8Array;
  /** Made by CREATE_CHILD_SA and not by IKE_SA_INIT: message IDs of both ends start at 0 (RFC 7296 section 2.18). */
  readonly isRekeyed?: boolean;
  /** In place of the largest message ID that there is: less lets a test see the end. */
  readonly lastMessageId?: number | undefined;
}

/** Message IDs have 32 bits (RFC 7296 section 3.1), and never start over (section 2.2). */
const largestMessageId = 0xffffffff;

/** What a request of ours was for, so that its response can be understood. */
export type Purpose =
  | 'intermediate'
  | 'authentication'
  | 'liveness'
  | 'update-addresses'
  | 'check-routability'
  | 'delete'
  | 'delete-child'
  | 'rekey-child'
  | 'rekey-ike-sa';

export type Received =
  /** A new, authentic request, which must be answered with `respond`. */
  | {
      readonly kind: 'request';
      readonly exchangeType: number;
      readonly messageId: number;
      readonly payloads: Parsed<PayloadSet>;
      readonly contents: Contents;
    }
  /** The last request again: the same octets go back. */
  | { readonly kind: 'repeated-request'; readonly response: readonly Uint8Array[] }
  | {
      readonly kind: 'response';
      readonly purpose: Purpose;
      readonly messageId: number;
      readonly payloads: Parsed<PayloadSet>;
      readonly contents: Contents;
    }
  /** Part of a message that is not whole yet, or a copy of one: nothing is to be done. */
  | { readonly kind: 'fragment' }
  | Refused;

interface Refused {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  readonly message: string;
}

/** What a message amounts to once it is known to be authentic. */
type Opened =
  | { readonly kind: 'whole'; readonly payloads: Parsed<PayloadSet>; readonly contents: Contents }
  | { readonly kind: 'fragment' }
  | Refused;

interface Request {
  readonly messageId: number;
  readonly exchangeType: number;
  readonly purpose: Purpose;
  readonly messages: readonly Uint8Array[];
  readonly retransmission: Retransmission;
}

export class IkeSa {
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
  readonly algorithms: IkeAlgorithms;
  /** As agreed in IKE_SA_INIT; holds for the IKE SAs that replace this one too. */
  readonly longestMessageOctets: number | undefined;
  readonly #random: (octets: number) => Uint8Array;
  readonly #isInitiator: boolean;
  readonly #retransmission: RetransmissionTimes;
  #keys: IkeKeys;
  #sealer: Sealer;
  #opener: Opener;
  /** Keys of before an additional key exchange, under which its request may come again. */
  #previous: { readonly opener: Opener; readonly keys: IkeKeys } | undefined;
  readonly #requestFragments = new Reassembly();
  readonly #responseFragments = new Reassembly();
  readonly #lastMessageId: number;
  #nextRequestId: number;
  #expectedRequestId: number;
  #outstanding: Request | undefined;
  #lastResponse: readonly Uint8Array[] | undefined;

  /** Unless it is rekeyed: starts behind IKE_SA_INIT, which used ID 0 of the initiator's requests (RFC 7296 section 2.2). */
  constructor(parameters: IkeSaParameters) {
    const { algorithms, keys } = parameters;
    this.initiatorSpi = parameters.initiatorSpi;
    this.responderSpi = parameters.responderSpi;
    this.algorithms = algorithms;
    this.#keys = keys;
    this.#random = parameters.random;
    this.#isInitiator = parameters.role === 'initiator';
    this.#retransmission = parameters.retransmission;
    const { sealer, opener } = this.#protection(keys);
    this.#sealer = sealer;
    this.#opener = opener;
    this.longestMessageOctets = parameters.longestMessageOctets;
    this.#lastMessageId = parameters.lastMessageId ?? largestMessageId;
    const first = parameters.isRekeyed === true ? 0 : 1;
    this.#nextRequestId = this.#isInitiator ? first : 0;
    this.#expectedRequestId = this.#isInitiator ? 0 : first;
  }

  /** The SPI by which the peer names this IKE SA to this end. */
  get ownSpi(): bigint {
    return this.#isInitiator ? this.initiatorSpi : this.responderSpi;
  }

  get keys(): IkeKeys {
    return this.#keys;
  }

  #protection(keys: IkeKeys): { readonly sealer: Sealer; readonly opener: Opener } {
    const ofInitiator = { encryption: keys.encryptionInitiator, integrity: keys.integrityInitiator };
    const ofResponder = { encryption: keys.encryptionResponder, integrity: keys.integrityResponder };
    const [outbound, inbound] = this.#isInitiator ? [ofInitiator, ofResponder] : [ofResponder, ofInitiator];
    return {
      sealer: sealerOf(this.algorithms, outbound, this.#random),
      opener: openerOf(this.algorithms, inbound),
    };
  }

  /**
   * Protects everything from the next message on with `keys`, which the IKE SA owns from here (RFC 9370 section 2.2.2). The
   * old ones open repetitions of the last request until a new one comes, and are wiped then.
   */
  replaceKeys(keys: IkeKeys): void {
    this.#previous = { opener: this.#opener, keys: this.#keys };
    this.#keys = keys;
    const { sealer, opener } = this.#protection(keys);
    this.#sealer = sealer;
    this.#opener = opener;
    if (this.#isInitiator) this.#forgetPrevious();
  }

  /** Takes keys that differ by a PPK; messages are protected as before. @wipes those that they replace */
  adoptPpk(keys: IkeKeys): void {
    const { derivation, authenticationInitiator, authenticationResponder } = this.#keys;
    this.#keys = keys;
    for (const key of [derivation, authenticationInitiator, authenticationResponder]) key.wipe();
  }

  #forgetPrevious(): void {
    if (this.#previous !== undefined) wipeIkeKeys(this.#previous.keys);
    this.#previous = undefined;
  }

  /**
   * How many more requests this end can send, or the other one, whoever has fewer. With none left the IKE SA is of no use any
   * more: it is to be replaced or closed before (RFC 7296 section 2.2).
   */
  get messageIdsLeft(): number {
    return this.#lastMessageId + 1 - Math.max(this.#nextRequestId, this.#expectedRequestId);
  }

  /** What our outstanding request is for. */
  get outstanding(): Purpose | undefined {
    return this.#outstanding?.purpose;
  }

  /** When the outstanding request is to be sent again or given up. */
  get deadline(): Instant | undefined {
    return this.#outstanding?.retransmission.deadline;
  }

  /**
   * Seals a new request and starts its retransmission. The window is one: nothing may be outstanding, and a message ID must be
   * left. Send them all.
   */
  request(
    exchangeType: number,
    purpose: Purpose,
    payloads: readonly PayloadValue[],
    now: Instant,
  ): readonly Uint8Array[] {
    if (this.#outstanding !== undefined) throw new Error('a request is outstanding already');
    const messageId = this.#nextRequestId;
    if (messageId > this.#lastMessageId) throw new Error('the message IDs are used up');
    const messages = this.#seal(exchangeType, messageId, false, payloads);
    const retransmission = new Retransmission(this.#retransmission, now);
    this.#outstanding = { messageId, exchangeType, purpose, messages, retransmission };
    return messages;
  }

  /** Seals the response to the request received last, and keeps it for the case that the request comes again. */
  respond(exchangeType: number, messageId: number, payloads: readonly PayloadValue[]): readonly Uint8Array[] {
    this.#lastResponse = this.#seal(exchangeType, messageId, true, payloads);
    return this.#lastResponse;
  }

  /** What is due `now`: the outstanding request again, or the news that it stayed unanswered. */
  expire(now: Instant): { readonly resend: readonly Uint8Array[] } | 'no-response' | undefined {
    if (this.#outstanding === undefined) return undefined;
    switch (this.#outstanding.retransmission.expire(now)) {
      case 'resend':
        return { resend: this.#outstanding.messages };
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
    const encrypted = findEncrypted(header, octets);
    if (!encrypted.ok) return refused('not-authentic', encrypted.message);
    if (repeated !== undefined) return this.#receiveRepetition(octets, encrypted.value, repeated);
    const opened = this.#open(this.#requestFragments, exchangeType, octets, encrypted.value);
    if (opened.kind !== 'whole') return opened;
    this.#requestFragments.clear();
    this.#expectedRequestId += 1;
    this.#lastResponse = undefined;
    this.#forgetPrevious();
    return {
      kind: 'request',
      exchangeType,
      messageId,
      payloads: opened.payloads,
      contents: opened.contents,
    };
  }

  /** Of a request in fragments only the first one asks for the response again (RFC 7383 section 2.6.1). */
  #receiveRepetition(
    octets: Uint8Array,
    encrypted: EncryptedPayload,
    response: readonly Uint8Array[],
  ): Received {
    const { fragment } = encrypted;
    if (fragment !== undefined && fragment.number !== 1) return { kind: 'fragment' };
    const opener = this.#previous?.opener ?? this.#opener;
    const plaintext = openEncrypted(opener, octets, encrypted);
    if (!plaintext.ok && plaintext.code === 'NOT_AUTHENTIC') {
      return refused('not-authentic', plaintext.message);
    }
    return { kind: 'repeated-request', response };
  }

  #receiveResponse(header: IkeHeader, octets: Uint8Array): Received {
    const request = this.#outstanding;
    if (request === undefined || !this.awaits(header)) {
      return refused('message-id', `expected no response ${header.messageId}, or not of this exchange`);
    }
    const encrypted = findEncrypted(header, octets);
    if (!encrypted.ok) return refused('not-authentic', encrypted.message);
    const opened = this.#open(this.#responseFragments, header.exchangeType, octets, encrypted.value);
    if (opened.kind !== 'whole') return opened;
    this.#responseFragments.clear();
    this.#outstanding = undefined;
    this.#nextRequestId += 1;
    return {
      kind: 'response',
      purpose: request.purpose,
      messageId: request.messageId,
      payloads: opened.payloads,
      contents: opened.contents,
    };
  }

  /** Opens a message, or a fragment, which waits in `reassembly` for the others. Only what is authentic changes anything. */
  #open(
    reassembly: Reassembly,
    exchangeType: number,
    octets: Uint8Array,
    encrypted: EncryptedPayload,
  ): Opened {
    const { fragment } = encrypted;
    if (fragment !== undefined) {
      return this.#openFragment(reassembly, exchangeType, octets, { ...encrypted, fragment });
    }
    const plaintext = openEncrypted(this.#opener, octets, encrypted);
    if (!plaintext.ok) return unopened(plaintext.code, plaintext.message);
    return whole({ innerType: encrypted.innerType, plaintext: plaintext.value });
  }

  #openFragment(
    reassembly: Reassembly,
    exchangeType: number,
    octets: Uint8Array,
    encrypted: EncryptedPayload & { readonly fragment: FragmentPlace },
  ): Opened {
    if (this.longestMessageOctets === undefined) {
      return refused('unexpected', 'expected no fragments, which were not agreed upon, found one');
    }
    const examined = reassembly.examine(encrypted.fragment, exchangeType);
    if (!examined.ok) return refused(examined.code, examined.message);
    if (!examined.value.isNew) return { kind: 'fragment' };
    const part = openEncrypted(this.#opener, octets, encrypted);
    if (!part.ok) return unopened(part.code, part.message);
    const message = reassembly.add(encrypted, exchangeType, part.value);
    if (!message.ok) return refused(message.code, message.message);
    if (message.value === undefined) return { kind: 'fragment' };
    return whole(message.value);
  }

  #seal(
    exchangeType: number,
    messageId: number,
    isResponse: boolean,
    payloads: readonly PayloadValue[],
  ): readonly Uint8Array[] {
    const { initiatorSpi, responderSpi } = this;
    const fromInitiator = this.#isInitiator;
    return sealMessages(
      this.#sealer,
      { initiatorSpi, responderSpi, exchangeType, fromInitiator, isResponse, messageId },
      payloads,
      this.longestMessageOctets,
    );
  }

  /** @wipes all keys; the object must not be used afterwards */
  wipe(): void {
    this.#outstanding = undefined;
    this.#lastResponse = undefined;
    this.#requestFragments.clear();
    this.#responseFragments.clear();
    this.#forgetPrevious();
    wipeIkeKeys(this.#keys);
  }
}

function whole(contents: Contents): Opened {
  const payloads = innerPayloads(contents.innerType, contents.plaintext);
  return { kind: 'whole', payloads: payloads.ok ? PayloadSet.of(payloads.value) : payloads, contents };
}

/** A message that did not open: a stranger's, or an authentic one of which not even the padding can be read. */
function unopened(code: 'NOT_AUTHENTIC' | 'INVALID_SYNTAX', message: string): Opened {
  return code === 'NOT_AUTHENTIC'
    ? refused('not-authentic', message)
    : {
        kind: 'whole',
        payloads: syntaxError(message),
        contents: { innerType: payloadTypes.none, plaintext: new Uint8Array(0) },
      };
}

function refused(reason: RefusalReason, message: string): Refused {
  return { kind: 'refused', reason, message };
}
