/**
 * IKE_SA_INIT from the initiator's side: the request, first and again with what the responder asked for (a cookie, another
 * key exchange), and what it makes of an answer. Values only; the state machine around them is initiator.ts.
 * RFC 7296 sections 1.2, 2.6, 2.7 and 2.21.1.
 */
import type { Transcript } from '../auth/auth-exchange.ts';
import type { InitiatorConfig } from '../auth/auth-initiator.ts';
import { speaksPpk, usePpkNotify } from '../auth/ppk.ts';
import { type KeyExchangeMethod, type KeyPair, keyExchangeMethods } from '../crypto/key-exchange.ts';
import type { MessageEvent, RefusalReason } from '../events.ts';
import { type Failure, failureIn } from '../failure.ts';
import { fragmentationNotify, longestMessage } from '../fragmentation.ts';
import type { IkeSa } from '../ike-sa.ts';
import { detectNat, type NatFindings, natDetectionNotifies } from '../path/nat-detection.ts';
import {
  acceptableIke,
  checkSelected,
  ikeAlgorithmsOf,
  offeredMethod,
  proposalsOf,
} from '../proposal-selection.ts';
import { refuseUnknownCritical } from '../wire/critical-payload.ts';
import type { IkeHeader } from '../wire/header.ts';
import { exchangeTypes, notifyTypes, payloadTypes } from '../wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from '../wire/key-exchange.ts';
import { encodeNotify, parseInvalidKe } from '../wire/notify.ts';
import { encodeMessage, type PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { encodeSecurityAssociation } from '../wire/security-association.ts';
import { keyedIkeSa, nonceOctets, parseSaInit, parseUnprotected } from './sa-init.ts';
import { announceSignatureHashes } from './signature-hashes.ts';

/** A responder that keeps asking for other cookies or key exchanges is broken or forged; ours. */
const maximumCookies = 3;
const maximumKeyExchanges = 3;

/** A request under way: it can be repeated, and made anew with what the responder wants. */
export interface InitRequest {
  readonly message: Uint8Array;
  readonly initiatorSpi: bigint;
  readonly method: KeyExchangeMethod;
  readonly keyPair: KeyPair;
  readonly nonce: Uint8Array;
  readonly natNotifies: readonly PayloadValue[];
  /** Cookies that the responder has asked back, the last one in `message`. */
  readonly cookies: readonly Uint8Array[];
  /** Key exchanges tried so far, this one included. */
  readonly keyExchanges: number;
}

export type InitOutcome =
  /** Changes nothing. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string }
  /** The responder wants the request in another form. */
  | { readonly kind: 'again'; readonly request: InitRequest }
  /** An error that anybody could have sent. */
  | { readonly kind: 'failure'; readonly failure: Failure }
  /** Both ends have keys. */
  | {
      readonly kind: 'agreed';
      readonly ikeSa: IkeSa;
      readonly transcript: Transcript;
      readonly nat: NatFindings | undefined;
    };

/** The first request: the key exchange preferred most is the guess of what the responder will choose. */
export function firstRequest(config: InitiatorConfig, initiatorSpi: bigint): InitRequest {
  const { local, peer, forceUdpEncapsulation, random } = config;
  const method = firstMethod(config);
  return encode(config, {
    initiatorSpi,
    method,
    keyPair: method.generate(random),
    nonce: random(nonceOctets),
    natNotifies: natDetectionNotifies(
      { initiatorSpi, responderSpi: 0n },
      local,
      peer,
      forceUdpEncapsulation ? random(20) : undefined,
    ),
    cookies: [],
    keyExchanges: 1,
  });
}

function firstMethod(config: InitiatorConfig): KeyExchangeMethod {
  const [first] = config.ikeProposals;
  const name = first?.keyExchanges[0];
  if (name === undefined) throw new RangeError('expected an IKE proposal with a key exchange, found none');
  return keyExchangeMethods[name];
}

/**
 * The request as it goes out. Cookie and key exchange are all that ever differs from the first one: every proposal is
 * offered again, since whoever asked for a change is not authenticated (RFC 7296 section 1.2).
 */
function encode(config: InitiatorConfig, request: Omit<InitRequest, 'message'>): InitRequest {
  const { initiatorSpi, method, keyPair, nonce, natNotifies, cookies } = request;
  const cookie = cookies.at(-1);
  const message = encodeMessage(
    {
      initiatorSpi,
      responderSpi: 0n,
      exchangeType: exchangeTypes.ikeSaInit,
      fromInitiator: true,
      isResponse: false,
      messageId: 0,
    },
    [
      ...(cookie === undefined ? [] : [encodeNotify(notifyTypes.cookie, cookie)]),
      encodeSecurityAssociation(proposalsOf(acceptableIke(config.ikeProposals), new Uint8Array(0))),
      encodeKeyExchange({ method: method.id, data: keyPair.publicValue }),
      encodeNonce(nonce),
      fragmentationNotify(),
      ...(config.credentials.ppk === undefined ? [] : [usePpkNotify()]),
      ...(config.ikeProposals.some(({ additionalKeyExchange }) => additionalKeyExchange !== undefined)
        ? [encodeNotify(notifyTypes.intermediateExchangeSupported)]
        : []),
      ...natNotifies,
      ...(config.credentials.peer.kind === 'certificate' ? [announceSignatureHashes()] : []),
    ],
  );
  return { ...request, message };
}

/** Judges a message whose header is that of a response for this initiator. Copies what it keeps. */
export function judgeInitResponse(
  config: InitiatorConfig,
  request: InitRequest,
  header: IkeHeader,
  event: MessageEvent,
): InitOutcome {
  const { exchangeType, messageId } = header;
  if (
    exchangeType !== exchangeTypes.ikeSaInit ||
    !header.isResponse ||
    header.fromInitiator ||
    messageId !== 0
  ) {
    return refused('unexpected', 'expected the response of IKE_SA_INIT, found another message');
  }
  const payloads = parseUnprotected(header, event.bytes);
  if (!payloads.ok) return refused('malformed', payloads.message);
  const critical = refuseUnknownCritical(payloads.value);
  if (critical !== undefined) return refused(critical.reason, critical.message);
  if (payloads.value.body(payloadTypes.securityAssociation) !== undefined) {
    return accept(config, request, header, payloads.value, event);
  }
  const cookie = payloads.value.notify(notifyTypes.cookie);
  if (cookie !== undefined) return withCookie(config, request, cookie.data);
  const wanted = payloads.value.notify(notifyTypes.invalidKePayload);
  if (wanted !== undefined) return withKeyExchange(config, request, wanted.data, payloads.value);
  const failure = failureIn(payloads.value);
  return failure === undefined
    ? refused('malformed', 'expected SA, KE and Nonce in IKE_SA_INIT, found none')
    : { kind: 'failure', failure };
}

/** The same request with the cookie in front; the same cookie again is a late copy of the demand. */
function withCookie(config: InitiatorConfig, request: InitRequest, cookie: Uint8Array): InitOutcome {
  if (cookie.length < 1 || cookie.length > 64) {
    return refused('malformed', `expected a cookie of 1 to 64 octets, found ${cookie.length}`);
  }
  const isKnown = request.cookies.some((known) => Buffer.compare(known, cookie) === 0);
  if (isKnown || request.cookies.length === maximumCookies) {
    return refused('unexpected', 'expected the response of IKE_SA_INIT, found another demand for a cookie');
  }
  return {
    kind: 'again',
    request: encode(config, { ...request, cookies: [...request.cookies, cookie.slice()] }),
  };
}

/**
 * The same request with the key exchange that the responder names, if it is one that was offered. The nonce stays, and
 * with it the cookie, which may depend on it (RFC 7296 section 2.6.1).
 */
function withKeyExchange(
  config: InitiatorConfig,
  request: InitRequest,
  data: Uint8Array,
  payloads: PayloadSet,
): InitOutcome {
  const id = parseInvalidKe(data);
  if (!id.ok) return refused('malformed', id.message);
  if (id.value === request.method.id) {
    return refused('unexpected', 'expected another answer, found a late demand for this key exchange');
  }
  const method = offeredMethod(acceptableIke(config.ikeProposals), id.value);
  if (method === undefined || request.keyExchanges === maximumKeyExchanges) {
    const failure = failureIn(payloads);
    return failure === undefined ? refused('malformed', 'no error') : { kind: 'failure', failure };
  }
  return {
    kind: 'again',
    request: encode(config, {
      ...request,
      method,
      keyPair: method.generate(config.random),
      keyExchanges: request.keyExchanges + 1,
    }),
  };
}

/** Takes the responder's choice and derives the keys. */
function accept(
  config: InitiatorConfig,
  request: InitRequest,
  header: IkeHeader,
  payloads: PayloadSet,
  event: MessageEvent,
): InitOutcome {
  const { initiatorSpi } = request;
  const { responderSpi } = header;
  const init = parseSaInit(payloads);
  if (!init.ok) return refused('malformed', init.message);
  if (responderSpi === 0n) return refused('malformed', 'expected an SPI of the responder, found 0');
  const selected = checkSelected(acceptableIke(config.ikeProposals), init.value.proposals);
  if (selected === undefined) {
    return refused('no-proposal-chosen', 'expected one of the offered transforms of each type, found others');
  }
  const algorithms = ikeAlgorithmsOf(selected);
  const { keyExchange } = init.value;
  const speaksIntermediate = payloads.notify(notifyTypes.intermediateExchangeSupported) !== undefined;
  if (algorithms.additionalKeyExchange !== undefined && !speaksIntermediate) {
    const message = 'expected IKE_INTERMEDIATE for the additional key exchange chosen, found it unsupported';
    return refused('no-proposal-chosen', message);
  }
  if (algorithms.keyExchange !== request.method || keyExchange.method !== request.method.id) {
    const message = `expected key exchange ${request.method.name} in SA and KE, found another`;
    return refused('invalid-ke-payload', message);
  }
  const sharedSecret = request.keyPair.agree(keyExchange.data);
  if (!sharedSecret.ok) return refused('malformed', sharedSecret.message);
  const transcript: Transcript = {
    initiatorMessage: request.message,
    responderMessage: event.bytes.slice(),
    initiatorNonce: request.nonce,
    responderNonce: init.value.nonce.slice(),
    speaksPpk: config.credentials.ppk !== undefined && speaksPpk(payloads),
  };
  const longestMessageOctets = longestMessage(payloads, config.longestDatagramOctets);
  const ikeSa = keyedIkeSa('initiator', { ...config, longestMessageOctets }, algorithms, {
    ...transcript,
    sharedSecret: sharedSecret.value,
    initiatorSpi,
    responderSpi,
  });
  const nat = detectNat({ initiatorSpi, responderSpi }, payloads, event.from, event.to);
  return { kind: 'agreed', ikeSa, transcript, nat };
}

function refused(reason: RefusalReason, message: string): InitOutcome {
  return { kind: 'refused', reason, message };
}
