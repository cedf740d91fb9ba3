/**
 * `distribution`, `installed` and `both-installed`: policy and keys go out, and both ends say that they have them. The
 * distribution is the only message with key material; its lengths must be those of its proposal.
 */
import { proposals } from '../model/proposal.ts';
import {
  boolean,
  type Field,
  FieldFault,
  list,
  nullable,
  record,
  secret,
  text,
  unsigned,
  unsigned64,
  word,
  wordOr,
} from './field.ts';
import { endpoint, name, selectors, spi } from './fields-model.ts';
import { maximumDummiesPerSecond, maximumPrecedentSelectors, maximumPrecedents } from './limits.ts';
import type {
  BothInstalled,
  DistributedPolicy,
  DistributedSa,
  Distribution,
  Installed,
  Precedent,
} from './message.ts';
import type { Body, MessageCodec } from './message-codec.ts';

/** Packets in the window: a power of two from 64 to 8192, or 0 for no check (host/model/security-association.ts). */
const replayWindow: Field<number> = powerOfTwo(unsigned(0, 8192));
function powerOfTwo(inner: Field<number>): Field<number> {
  function check(value: number): number {
    if (value !== 0 && (value < 64 || (value & (value - 1)) !== 0)) {
      throw new FieldFault('MESSAGE_FIELD_RANGE', `expected 0 or a power of two from 64, found ${value}`);
    }
    return value;
  }
  return { write: (value) => inner.write(check(value)), read: (wire) => check(inner.read(wire)) };
}

const limit = nullable(unsigned64(1n, 0xffff_ffff_ffff_ffffn));

const policy: Field<DistributedPolicy> = record<DistributedPolicy>({
  revision: unsigned(0, 0xffff_ffff),
  protocol: word('esp', 'ah'),
  mode: word('tunnel', 'transport'),
  proposal: text(/^[a-z0-9-]{1,63}$/, 'a proposal keyword of 1 to 63 characters'),
  esn: boolean,
  replayWindow,
  encapsulation: word('udp', 'raw'),
  dscp: wordOr('copy', unsigned(0, 63)),
  dontFragment: word('copy', 'set', 'clear'),
  tfcPadding: wordOr('mtu', unsigned(0, 65535)),
  dummiesPerSecond: unsigned(0, maximumDummiesPerSecond),
  lifetimeOctets: limit,
  lifetimePackets: limit,
});

const sa: Field<DistributedSa> = record<DistributedSa>({
  spi,
  encryptionKey: secret(0, 8, 16, 24, 32),
  authenticationKey: secret(0, 16, 20, 32, 48, 64),
  salt: secret(0, 3, 4),
});

const precedent: Field<Precedent> = record<Precedent>({
  kind: name,
  precedence: unsigned(0, 0xffff),
  selectors,
});

function checkDistribution(body: Body<Distribution>): void {
  const proposal = proposals.get(body.policy.proposal);
  if (proposal === undefined) {
    throw new FieldFault('MESSAGE_FIELD_RANGE', `expected a known proposal, found ${body.policy.proposal}`);
  }
  const { protocol, encapsulation, tfcPadding, dummiesPerSecond } = body.policy;
  if (!proposal.protocols.includes(protocol)) {
    throw new FieldFault(
      'MESSAGE_FIELD_RANGE',
      `expected a proposal of ${protocol}, found ${proposal.keyword}`,
    );
  }
  if (protocol === 'ah' && encapsulation !== 'raw') {
    throw new FieldFault('MESSAGE_FIELD_RANGE', `expected raw with ah, found ${encapsulation}`);
  }
  if (protocol === 'ah' && (tfcPadding !== 0 || dummiesPerSecond !== 0)) {
    throw new FieldFault('MESSAGE_FIELD_RANGE', 'expected neither TFC padding nor dummies with ah');
  }
  for (const { encryptionKey, authenticationKey, salt } of [body.outbound, body.inbound]) {
    if (
      encryptionKey.length !== proposal.encryptionKeyOctets ||
      authenticationKey.length !== proposal.authenticationKeyOctets ||
      salt.length !== proposal.saltOctets
    ) {
      throw new FieldFault(
        'MESSAGE_FIELD_RANGE',
        `expected keys of ${proposal.encryptionKeyOctets}, ${proposal.authenticationKeyOctets} and a salt of ` +
          `${proposal.saltOctets} octets with ${proposal.keyword}, found ${encryptionKey.length}, ` +
          `${authenticationKey.length} and ${salt.length}`,
      );
    }
  }
  const precedentSelectors = body.precedents.reduce((sum, one) => sum + one.selectors.length, 0);
  if (precedentSelectors > maximumPrecedentSelectors) {
    throw new FieldFault(
      'MESSAGE_FIELD_RANGE',
      `expected at most ${maximumPrecedentSelectors} selectors of precedents, found ${precedentSelectors}`,
    );
  }
}

export const distribution: MessageCodec<Distribution> = {
  type: 'distribution',
  number: 6,
  sender: 'server',
  peer: 'required',
  kind: 'required',
  fields: {
    policy,
    outbound: sa,
    inbound: sa,
    remainingSeconds: unsigned(1, 0xffff_ffff),
    selectors,
    precedence: unsigned(0, 0xffff),
    precedents: list(precedent, 0, maximumPrecedents),
    peerEndpoint: endpoint,
  },
  check: checkDistribution,
};

export const installed: MessageCodec<Installed> = {
  type: 'installed',
  number: 7,
  sender: 'router',
  peer: 'required',
  kind: 'required',
  fields: {},
};

export const bothInstalled: MessageCodec<BothInstalled> = {
  type: 'both-installed',
  number: 8,
  sender: 'server',
  peer: 'required',
  kind: 'required',
  fields: {},
};
