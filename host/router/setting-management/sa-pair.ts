/**
 * Turns a distribution into the SA pair that the engine installs, or says why it cannot: what the server sent is checked
 * here once, before a key goes anywhere.
 */
import type { SaPair } from '../../dataplane/engine.ts';
import type { DistributedSa, Distribution } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import { parseProposal } from '../../model/proposal.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Lifetime, SecurityAssociation } from '../../model/security-association.ts';
import type { Selector } from '../../model/selector.ts';

export interface PairTerms {
  /** SPD entry that the pair serves. */
  readonly entry: string;
  /** Its place among the pairs of its worker that are in use for the same; 0 unless given. */
  readonly turn?: number;
  /** The distribution's selectors narrowed to the entry's; at least one. */
  readonly selectors: readonly Selector[];
  /** Where this router sends from. */
  readonly local: Endpoint;
  /** Where its packets go. */
  readonly peer: Endpoint;
  /** Soft lifetime as a share of the hard one, between 0 and 1. */
  readonly softShare: number;
  /** Raise `first-authentic`, because outbound waits for it. */
  readonly notifyFirstAuthentic: boolean;
  /** Keywords that this router's firmware has. */
  readonly proposals: ReadonlySet<string>;
}

/**
 * Builds the pair. Its keys are the distribution's own secrets, not copies: whoever installs it wipes them, and the
 * caller wipes them when the result is a failure.
 */
export function saPairOf(distribution: Distribution, terms: PairTerms): Result<SaPair, 'UNUSABLE'> {
  const { policy, inbound, outbound } = distribution;
  const proposal = parseProposal(policy.proposal);
  if (!proposal.ok) return fail('UNUSABLE', proposal.message);
  if (!proposal.value.protocols.includes(policy.protocol)) {
    return fail('UNUSABLE', `${policy.proposal} is no proposal of ${policy.protocol}`);
  }
  if (policy.protocol === 'ah' && policy.encapsulation !== 'raw') {
    return fail('UNUSABLE', `ah does not go by ${policy.encapsulation}`);
  }
  if (!terms.proposals.has(policy.proposal)) {
    return fail('UNUSABLE', `this router's firmware has no proposal ${policy.proposal}`);
  }
  if (![inbound, outbound].every((sa) => hasKeysOf(sa, proposal.value))) {
    return fail('UNUSABLE', `the keys do not have the lengths that ${policy.proposal} needs`);
  }
  if (inbound.spi < 256 || outbound.spi < 256) return fail('UNUSABLE', 'an SPI below 256 is reserved');
  if (distribution.remainingSeconds <= 0) return fail('UNUSABLE', 'its lifetime is over');
  if (terms.local.address.family !== terms.peer.address.family) {
    return fail('UNUSABLE', `the peer has no IPv${terms.local.address.family} address`);
  }
  const hard: Lifetime = {
    seconds: distribution.remainingSeconds,
    octets: policy.lifetimeOctets ?? undefined,
    packets: policy.lifetimePackets ?? undefined,
  };
  const shared = {
    protocol: policy.protocol,
    mode: policy.mode,
    proposal: policy.proposal,
    esn: policy.esn,
    replayWindow: policy.replayWindow,
    encapsulation: policy.encapsulation,
    localAddress: terms.local.address,
    localPort: terms.local.port,
    peer: terms.peer,
    selectors: terms.selectors,
    soft: shareOf(hard, terms.softShare),
    hard,
    dscp: policy.dscp,
    dontFragment: policy.dontFragment,
    tfcPadding: policy.tfcPadding,
    dummiesPerSecond: policy.dummiesPerSecond,
  };
  const sa = (direction: SecurityAssociation['direction'], from: DistributedSa): SecurityAssociation => ({
    ...shared,
    direction,
    spi: from.spi,
    keys: {
      encryptionKey: from.encryptionKey,
      authenticationKey: from.authenticationKey,
      salt: from.salt,
    },
  });
  return ok({
    entry: terms.entry,
    kind: distribution.kind,
    precedence: distribution.precedence,
    turn: terms.turn ?? 0,
    precedents: distribution.precedents,
    inbound: { ...sa('inbound', inbound), notifyFirstAuthentic: terms.notifyFirstAuthentic },
    outbound: sa('outbound', outbound),
    deliver: 'network',
  });
}

/** Overwrites the keys of a distribution that is not installed. */
export function wipeDistribution(distribution: Distribution): void {
  for (const { encryptionKey, authenticationKey, salt } of [distribution.inbound, distribution.outbound]) {
    encryptionKey.wipe();
    authenticationKey.wipe();
    salt.wipe();
  }
}

function hasKeysOf(
  sa: DistributedSa,
  lengths: {
    readonly encryptionKeyOctets: number;
    readonly authenticationKeyOctets: number;
    readonly saltOctets: number;
  },
): boolean {
  return (
    sa.encryptionKey.length === lengths.encryptionKeyOctets &&
    sa.authenticationKey.length === lengths.authenticationKeyOctets &&
    sa.salt.length === lengths.saltOctets
  );
}

function shareOf(hard: Lifetime, share: number): Lifetime {
  // Octets and packets may exceed 2^53: scaled as integers, by a share in 1/65536.
  const scale = BigInt(Math.round(share * 65536));
  return {
    seconds: hard.seconds * share,
    octets: hard.octets === undefined ? undefined : (hard.octets * scale) >> 16n,
    packets: hard.packets === undefined ? undefined : (hard.packets * scale) >> 16n,
  };
}
