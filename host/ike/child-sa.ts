/**
 * A CHILD SA of IKE_AUTH or CREATE_CHILD_SA: its payloads, its keys by direction, its selectors as narrowed.
 * RFC 7296 sections 1.2, 1.3, 2.9 and 2.17.
 */
import { ok } from '../model/result.ts';
import { type ChildKeySources, deriveChildKeys } from './crypto/key-derivation.ts';
import type { Prf } from './crypto/prf.ts';
import type { ChildSa } from './events.ts';
import type { ChildAlgorithms, SelectedProposal } from './proposal-selection.ts';
import { payloadTypes } from './wire/iana-numbers.ts';
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

/** SA, TSi and TSr; `undefined` when none of the three is there. */
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

export interface ChildSources extends ChildKeySources {
  /** In the exchange that sets the CHILD SA up, which may not be the one in the IKE SA. */
  readonly role: 'initiator' | 'responder';
  readonly prf: Prf;
  readonly algorithms: ChildAlgorithms;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly localTrafficSelectors: readonly TrafficSelector[];
  readonly remoteTrafficSelectors: readonly TrafficSelector[];
}

/** The CHILD SA with fresh keys, which the caller owns. */
export function createChildSa(sources: ChildSources): ChildSa {
  const { esp, esn } = sources.algorithms;
  const keys = deriveChildKeys(sources.prf, sources, esp);
  const isInitiator = sources.role === 'initiator';
  return {
    inboundSpi: sources.inboundSpi,
    outboundSpi: sources.outboundSpi,
    inbound: isInitiator ? keys.responderToInitiator : keys.initiatorToResponder,
    outbound: isInitiator ? keys.initiatorToResponder : keys.responderToInitiator,
    proposal: esp.keyword,
    esn,
    localTrafficSelectors: sources.localTrafficSelectors,
    remoteTrafficSelectors: sources.remoteTrafficSelectors,
  };
}

/** @wipes the keys of a CHILD SA that is not to be installed */
export function wipeChildSa({ inbound, outbound }: ChildSa): void {
  for (const keys of [inbound, outbound]) {
    keys.encryptionKey.wipe();
    keys.authenticationKey.wipe();
    keys.salt.wipe();
  }
}
