/**
 * What goes into the IKE machines and what comes out of them, for both roles, with every reason as a literal code.
 * Machines do no I/O: their shell carries out the actions in the order in which they are listed.
 */
import type { Endpoint } from '../model/address.ts';
import { type CertificateValidity, certificateRefusals } from '../model/certificate-trust.ts';
import type { SaKeys } from '../model/security-association.ts';
import type { NatFindings } from './path/nat-detection.ts';
import type { Identity } from './wire/identification.ts';
import type { TrafficSelector } from './wire/traffic-selector.ts';

/** Names an IKE SA at this end: its own SPI, 16 hexadecimal digits. Rekeying changes it. */
export type SaId = string;

/** A whole IKE message, without the non-ESP marker of port 4500; borrowed during the call only. */
export interface MessageEvent {
  readonly kind: 'message';
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  /** The local address and port that it arrived at. */
  readonly to: Endpoint;
}

export type InitiatorEvent =
  /** Starts the handshake. The SPI is where this end will receive ESP; 256..2^32-1. */
  | { readonly kind: 'start'; readonly inboundSpi: number }
  | MessageEvent
  | { readonly kind: 'deadline' }
  | { readonly kind: 'check-liveness' }
  /** Our own address is another one now; `moved` or `move-refused` follows, if the peer understands (RFC 4555). */
  | { readonly kind: 'move'; readonly local: Endpoint }
  /** Replaces the CHILD SA by a fresh one, its keys by fresh ones; with a packet sent at any moment still received. */
  | { readonly kind: 'rekey-child' }
  /** Replaces the IKE SA by a fresh one, which inherits the CHILD SA. */
  | { readonly kind: 'rekey-ike-sa' }
  /** An authentic packet came in on this CHILD SA. Needed once, after a `child-installed` without `use`. */
  | { readonly kind: 'child-arrival'; readonly inboundSpi: number }
  | { readonly kind: 'close' }
  /** Ends at once, without a word to the peer or to the shell: something else has taken the place of this one. */
  | { readonly kind: 'abandon' };

export type ResponderEvent =
  | MessageEvent
  | { readonly kind: 'deadline' }
  | { readonly kind: 'check-liveness'; readonly saId: SaId }
  | { readonly kind: 'rekey-child'; readonly saId: SaId }
  | { readonly kind: 'rekey-ike-sa'; readonly saId: SaId }
  | { readonly kind: 'child-arrival'; readonly saId: SaId; readonly inboundSpi: number }
  | { readonly kind: 'close'; readonly saId: SaId }
  /** Closes every IKE SA of an identity that is not let in any more. */
  | { readonly kind: 'expel'; readonly identity: Identity };

/** Why an IKE SA that was established is gone. */
export const closeReasons = [
  /** At the peer's new address nobody could repeat what was sent there (RFC 4555 section 3.7). */
  'not-routable',
  /** Asked for at this end. */
  'local',
  /** The peer deleted it. */
  'peer-deleted',
  /** The peer deleted the only CHILD SA; the IKE SA follows. */
  'child-deleted',
  /** A request stayed unanswered to the last retransmission. */
  'no-response',
  /** The peer set up a newer one and says that it is the only one, or has too many. */
  'replaced',
  /** One end sent what the other cannot read; fatal by RFC 7296 section 2.21.3. */
  'invalid-syntax',
  /** The peer did not accept our AUTH after all. */
  'authentication-failed',
] as const;
export type CloseReason = (typeof closeReasons)[number];

/** Why no IKE SA with a CHILD SA came about at the initiator, or why an SA could not be rekeyed. */
export const failureReasons = [
  'no-response',
  'no-proposal-chosen',
  'invalid-ke-payload',
  'invalid-major-version',
  'authentication-failed',
  ...certificateRefusals,
  'ts-unacceptable',
  'invalid-syntax',
  'unsupported-critical-payload',
  /** The peer is busy with something that excludes this (RFC 7296 section 2.25), and stayed so. */
  'temporary-failure',
  /** The peer does not have the CHILD SA that was to be rekeyed. */
  'child-sa-not-found',
  /** The peer has no room, or does not rekey. */
  'no-additional-sas',
  /** Any other error notification; its number is in the message. */
  'refused-by-peer',
] as const;
export type FailureReason = (typeof failureReasons)[number];

/** Why a message changed nothing, or was answered with an error. Each has a counter. */
export const refusalReasons = [
  'malformed',
  'major-version',
  'unsupported-critical-payload',
  'unknown-spi',
  'not-authentic',
  'message-id',
  /** A NAT that the peer, which moved, does not allow. */
  'unexpected-nat',
  /** A message in more fragments, or of more octets, than anybody needs. */
  'fragment-limit',
  /** Not what this state waits for: wrong exchange, flags, or payloads that make no sense here. */
  'unexpected',
  'cookie-demanded',
  'half-open-limit',
  'no-proposal-chosen',
  'invalid-ke-payload',
  'authentication-failed',
  ...certificateRefusals,
  'ts-unacceptable',
  'no-additional-sas',
  'temporary-failure',
  'child-sa-not-found',
  'invalid-syntax',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export type RefusalCounters = Record<RefusalReason, number>;

/** All refusal counters at zero. */
export function zeroRefusalCounters(): RefusalCounters {
  return Object.fromEntries(refusalReasons.map((reason) => [reason, 0])) as RefusalCounters; // keys are the union
}

/**
 * A CHILD SA in tunnel mode, with its keys. Whoever receives the action owns the secrets: copies them into the data
 * plane and wipes them; the machine keeps no reference.
 */
export interface ChildSa {
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly inbound: SaKeys;
  readonly outbound: SaKeys;
  /** Keyword of host/model/proposal.ts. */
  readonly proposal: string;
  readonly esn: boolean;
  /** As narrowed: inner addresses of this end and of the other. */
  readonly localTrafficSelectors: readonly TrafficSelector[];
  readonly remoteTrafficSelectors: readonly TrafficSelector[];
}

export interface EstablishedAction {
  readonly kind: 'established';
  readonly saId: SaId;
  readonly childSa: ChildSa;
  /** What the IKE SA has settled on: keyword of host/model/ike-proposal.ts. */
  readonly ikeProposal: string;
  readonly peerIdentity: Identity;
  /**
   * How long the certificate holds that the peer has shown; undefined for a pre-shared key. Rekeying does not look again: who
   * carries these actions out closes the IKE SA when that time is over.
   */
  readonly peerCertificate: CertificateValidity | undefined;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** Some NAT lies between the ends, or one of them pretends so to get UDP encapsulation. */
  readonly natDetected: boolean;
  readonly localBehindNat: boolean;
  readonly peerBehindNat: boolean;
}

export interface SendAction {
  readonly kind: 'send';
  /** A whole IKE message without the non-ESP marker; owned by the receiver of the action, who does not write to it. */
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

export interface RefusedAction {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  readonly message: string;
  readonly from: Endpoint;
}

export type IkeAction =
  | SendAction
  | EstablishedAction
  | RefusedAction
  /**
   * A CHILD SA beside the one in use: install both halves now. With `use`, send through it from now on, since the peer
   * receives on it; otherwise go on as before, report what arrives on it by `child-arrival`, and wait for `child-used`.
   */
  | {
      readonly kind: 'child-installed';
      readonly saId: SaId;
      readonly childSa: ChildSa;
      readonly use: boolean;
    }
  /** Send through this CHILD SA from now on. The others go on receiving. */
  | { readonly kind: 'child-used'; readonly saId: SaId; readonly inboundSpi: number }
  /** Nothing will arrive any more: remove the CHILD SA. Its SPI is free again, also that of one that never came about. */
  | { readonly kind: 'child-removed'; readonly saId: SaId; readonly inboundSpi: number }
  /** A fresh IKE SA has taken the place of `replaced`, with its peer and CHILD SAs; its name is `saId` from now on. */
  | { readonly kind: 'ike-sa-rekeyed'; readonly saId: SaId; readonly replaced: SaId }
  /** The SA stays as it is, and so does its lifetime: set up another one beside it. */
  | {
      readonly kind: 'rekey-failed';
      readonly saId: SaId;
      readonly what: 'child' | 'ike-sa';
      readonly reason: FailureReason;
      readonly message: string;
    }
  /** The IKE SA and all its CHILD SAs are gone: stop using them, their SPIs are free. Once for each `established`. */
  | {
      readonly kind: 'closed';
      readonly saId: SaId;
      readonly reason: CloseReason;
      readonly peerIdentity: Identity;
    }
  /** The initiator's handshake came to nothing. */
  | { readonly kind: 'failed'; readonly saId: SaId; readonly reason: FailureReason; readonly message: string }
  /** The peer answered a liveness check. */
  | { readonly kind: 'alive'; readonly saId: SaId }
  /** Authentic messages now come from this address (RFC 7296 section 2.23): answer there. */
  | {
      readonly kind: 'peer-moved';
      readonly saId: SaId;
      readonly peer: Endpoint;
      /** What NATs are on its new way, where it said so itself (RFC 4555). */
      readonly nat?: NatFindings;
    }
  /** The peer has gone along to our new address, or to the one that a NAT gives us now. */
  | { readonly kind: 'moved'; readonly saId: SaId; readonly nat: NatFindings | undefined }
  | { readonly kind: 'move-refused'; readonly saId: SaId; readonly message: string }
  /**
   * Somebody says, unauthenticated, that the peer does not know this IKE SA (RFC 7296 section 2.4): a hint to try a new
   * one beside it, no reason to give this one up.
   */
  | { readonly kind: 'peer-lost-state'; readonly saId: SaId };

/** Sends every message of `messages`, in order: the fragments of one, or the one. */
export function sendAll(messages: readonly Uint8Array[], from: Endpoint, to: Endpoint): SendAction[] {
  return messages.map((bytes) => ({ kind: 'send', bytes, from, to }));
}

/** Text form of an IKE SPI. */
export function saIdOf(spi: bigint): SaId {
  return spi.toString(16).padStart(16, '0');
}
