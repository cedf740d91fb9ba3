/**
 * The Security Association payload: proposals, each a set of transforms to choose from. Reads and writes the structure;
 * which transforms are acceptable is decided in host/ike/proposal-selection.ts. RFC 7296 section 3.3.
 */
import { ok } from '../../model/result.ts';
import { keyLengthAttribute, payloadTypes } from './iana-numbers.ts';
import type { PayloadValue } from './payload-chain.ts';
import { concatenate, type Parsed, readUint16, syntaxError, writeUint16 } from './syntax.ts';

export interface Transform {
  readonly type: number;
  readonly id: number;
  /** Value of the Key Length attribute, if there is one. */
  readonly keyBits: number | undefined;
  /** Carries an attribute that is unknown here: such a transform is never chosen (RFC 7296 section 3.3.6). */
  readonly hasUnknownAttribute: boolean;
}

export interface OfferedProposal {
  readonly number: number;
  readonly protocolId: number;
  /** Empty for the IKE SA in IKE_SA_INIT, 4 octets for ESP. */
  readonly spi: Uint8Array;
  readonly transforms: readonly Transform[];
}

const proposalHeaderOctets = 8;
const transformHeaderOctets = 8;
/** First octet of a substructure: more of its kind follow (RFC 7296 sections 3.3.1 and 3.3.2). */
const moreProposals = 2;
const moreTransforms = 3;

/** Reads an SA payload's body: one proposal or more. Borrows it. */
export function parseSecurityAssociation(body: Uint8Array): Parsed<readonly OfferedProposal[]> {
  const proposals: OfferedProposal[] = [];
  let at = 0;
  for (let more = true; more; ) {
    const available = body.length - at;
    const length = available < proposalHeaderOctets ? 0 : readUint16(body, at + 2);
    const marker = body[at] ?? 0;
    if (length < proposalHeaderOctets || length > available || (marker !== 0 && marker !== moreProposals)) {
      return syntaxError(`expected a proposal within ${available} octets, found a length of ${length}`);
    }
    const proposal = parseProposal(body.subarray(at, at + length));
    if (!proposal.ok) return proposal;
    proposals.push(proposal.value);
    more = marker === moreProposals;
    at += length;
  }
  if (at !== body.length) {
    return syntaxError(
      `expected the last proposal to end the payload, found ${body.length - at} octets more`,
    );
  }
  return ok(proposals);
}

function parseProposal(octets: Uint8Array): Parsed<OfferedProposal> {
  const spiOctets = octets[6] ?? 0;
  const count = octets[7] ?? 0;
  if (octets.length < proposalHeaderOctets + spiOctets) {
    return syntaxError(`expected an SPI of ${spiOctets} octets in a proposal of ${octets.length}`);
  }
  const transforms: Transform[] = [];
  let at = proposalHeaderOctets + spiOctets;
  for (let index = 0; index < count; index++) {
    const available = octets.length - at;
    const length = available < transformHeaderOctets ? 0 : readUint16(octets, at + 2);
    const expectedMarker = index === count - 1 ? 0 : moreTransforms;
    if (length < transformHeaderOctets || length > available || octets[at] !== expectedMarker) {
      return syntaxError(`expected transform ${index + 1} of ${count} within ${available} octets`);
    }
    const transform = parseTransform(octets.subarray(at, at + length));
    if (!transform.ok) return transform;
    transforms.push(transform.value);
    at += length;
  }
  if (at !== octets.length) {
    return syntaxError(
      `expected ${count} transforms to fill the proposal, found ${octets.length - at} octets more`,
    );
  }
  return ok({
    number: octets[4] ?? 0,
    protocolId: octets[5] ?? 0,
    spi: octets.subarray(proposalHeaderOctets, proposalHeaderOctets + spiOctets),
    transforms,
  });
}

function parseTransform(octets: Uint8Array): Parsed<Transform> {
  let keyBits: number | undefined;
  let hasUnknownAttribute = false;
  for (let at = transformHeaderOctets; at < octets.length; ) {
    if (octets.length - at < 4) {
      return syntaxError(`expected an attribute of at least 4 octets, found ${octets.length - at}`);
    }
    // RFC 7296 section 3.3.5: bit 15 set is type/value with a value of 2 octets, clear is type/length/value.
    const type = readUint16(octets, at);
    const isShort = (type & 0x8000) !== 0;
    const attributeOctets = isShort ? 4 : 4 + readUint16(octets, at + 2);
    if (octets.length - at < attributeOctets) {
      return syntaxError(`expected an attribute of ${attributeOctets} octets, found ${octets.length - at}`);
    }
    if (isShort && (type & 0x7fff) === keyLengthAttribute && keyBits === undefined) {
      keyBits = readUint16(octets, at + 2);
    } else {
      hasUnknownAttribute = true;
    }
    at += attributeOctets;
  }
  return ok({ type: octets[4] ?? 0, id: readUint16(octets, 6), keyBits, hasUnknownAttribute });
}

/** A transform to be sent. */
export interface TransformValue {
  readonly type: number;
  readonly id: number;
  readonly keyBits?: number | undefined;
}

export interface ProposalValue {
  readonly number: number;
  readonly protocolId: number;
  readonly spi: Uint8Array;
  readonly transforms: readonly TransformValue[];
}

export function encodeSecurityAssociation(proposals: readonly ProposalValue[]): PayloadValue {
  const parts = proposals.map((proposal, index) =>
    encodeProposal(proposal, index === proposals.length - 1 ? 0 : moreProposals),
  );
  return { type: payloadTypes.securityAssociation, body: concatenate(...parts) };
}

function encodeProposal(proposal: ProposalValue, marker: number): Uint8Array {
  const transforms = proposal.transforms.map((transform, index) =>
    encodeTransform(transform, index === proposal.transforms.length - 1 ? 0 : moreTransforms),
  );
  const header = new Uint8Array(proposalHeaderOctets);
  const octets = concatenate(header, proposal.spi, ...transforms);
  octets[0] = marker;
  writeUint16(octets, 2, octets.length);
  octets[4] = proposal.number;
  octets[5] = proposal.protocolId;
  octets[6] = proposal.spi.length;
  octets[7] = transforms.length;
  return octets;
}

function encodeTransform(transform: TransformValue, marker: number): Uint8Array {
  const octets = new Uint8Array(transformHeaderOctets + (transform.keyBits === undefined ? 0 : 4));
  octets[0] = marker;
  writeUint16(octets, 2, octets.length);
  octets[4] = transform.type;
  writeUint16(octets, 6, transform.id);
  if (transform.keyBits !== undefined) {
    writeUint16(octets, 8, 0x8000 | keyLengthAttribute);
    writeUint16(octets, 10, transform.keyBits);
  }
  return octets;
}
