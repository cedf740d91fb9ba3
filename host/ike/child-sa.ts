/**
 * The CHILD SA that comes with IKE_AUTH: its payloads, its keys by direction, its selectors as narrowed.
 * RFC 7296 sections 1.2, 2.9 and 2.17.
 */
import { ok } from '../model/result.ts';
import type { Secret } from '../model/secret.ts';
import { aes256Gcm16 } from './crypto/aead.ts';
import { deriveChildKeys } from './crypto/key-derivation.ts';
import type { Prf } from './crypto/prf.ts';
import type { ChildSa } from './events.ts';
import { type SelectedProposal, selectedId } from './proposal-selection.ts';
import { extendedSequenceNumbersIds, payloadTypes, transformTypes } from './wire/iana-numbers.ts';
import type { PayloadSet } from './wire/payload-set.ts';
import { type OfferedProposal, parseSecurityAssociation } from './wire/security-association.ts';
import { type Parsed, readUint32, syntaxError, writeUint32 } from './wire/syntax.ts';
import { parseTrafficSelectors, type TrafficSelector } from './wire/traffic-selector.ts';

/** RFC 4303 section 2.1: 0..255 are reserved. */
export const leastEspSpi = 256;

export interface ChildPayloads {
  readonly proposals: readonly OfferedProposal[];
  readonly initiatorSelectors: readonly TrafficSelector[];
  readonly responderSelectors: readonly TrafficSelector[];
}

/** SA, TSi and TSr of IKE_AUTH; `undefined` when none of the three is there. */
export function parseChildPayloads(payloads: PayloadSet): Parsed<ChildPayloads | undefined> {
  const association = payloads.body(payloadTypes.securityAssociation);
  const initiator = payloads.body(payloadTypes.trafficSelectorInitiator);
  const responder = payloads.body(payloadTypes.trafficSelectorResponder);
  if (association === undefined && initiator === undefined && responder === undefined) return ok(undefined);
  if (association === undefined || initiator === undefined || responder === undefined) {
    return syntaxError('expected SA, TSi and TSr together, found one of them missing');
  }
  const proposals = parseSecurityAssociation(association);
  if (!proposals.ok) return proposals;
  const initiatorSelectors = parseTrafficSelectors(initiator);
  if (!initiatorSelectors.ok) return initiatorSelectors;
  const responderSelectors = parseTrafficSelectors(responder);
  if (!responderSelectors.ok) return responderSelectors;
  return ok({
    proposals: proposals.value,
    initiatorSelectors: initiatorSelectors.value,
    responderSelectors: responderSelectors.value,
  });
}

/** An ESP SPI as a proposal carries it. */
export function encodeEspSpi(spi: number): Uint8Array {
  const octets = new Uint8Array(4);
  writeUint32(octets, 0, spi);
  return octets;
}

/** The peer's SPI of a selected ESP proposal, unless it is a reserved one. */
export function espSpiOf(proposal: SelectedProposal): number | undefined {
  const spi = readUint32(proposal.spi, 0);
  return spi < leastEspSpi ? undefined : spi;
}

export interface ChildSources {
  readonly role: 'initiator' | 'responder';
  readonly prf: Prf;
  /** SK_d. */
  readonly derivation: Secret;
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
  readonly proposal: SelectedProposal;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly localTrafficSelectors: readonly TrafficSelector[];
  readonly remoteTrafficSelectors: readonly TrafficSelector[];
}

/** The CHILD SA with fresh keys, which the caller owns. */
export function createChildSa(sources: ChildSources): ChildSa {
  const keys = deriveChildKeys(
    sources.prf,
    sources.derivation,
    sources.initiatorNonce,
    sources.responderNonce,
    aes256Gcm16,
  );
  const isInitiator = sources.role === 'initiator';
  return {
    inboundSpi: sources.inboundSpi,
    outboundSpi: sources.outboundSpi,
    inbound: isInitiator ? keys.responderToInitiator : keys.initiatorToResponder,
    outbound: isInitiator ? keys.initiatorToResponder : keys.responderToInitiator,
    proposal: 'aes256gcm16',
    esn:
      selectedId(sources.proposal, transformTypes.extendedSequenceNumbers) === extendedSequenceNumbersIds.yes,
    localTrafficSelectors: sources.localTrafficSelectors,
    remoteTrafficSelectors: sources.remoteTrafficSelectors,
  };
}
