/**
 * SAs with the keys that a source publishes, in an engine of their own, and whole packets through them. What is published is in
 * the test files, one a source; nothing here computes what a test expects.
 */
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { Outcome } from '../../../host/dataplane/engine.ts';
import { parseProposal } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { Mode, SaKeys, SecurityAssociation, Spi } from '../../../host/model/security-association.ts';
import { fromHex } from '../../property/crypto/primitives.ts';
import { address, dataplane, pseudoRandom, selector } from '../../property/dataplane/engines.ts';

export interface PublishedSa {
  /** Keyword of host/model/proposal.ts. */
  readonly proposal: string;
  readonly mode: Mode;
  readonly spi: Spi;
  /** Keys are hexadecimal, as they are published. */
  readonly encryptionKey: string;
  readonly authenticationKey?: string;
  readonly salt?: string;
  readonly esn?: boolean;
  /** Of the packet, all 64 bits with ESN: where outbound starts, and where inbound's window begins. */
  readonly sequence: bigint;
  /** Outer addresses of the packet. */
  readonly source: string;
  readonly destination: string;
  /** UDP port of both ends; raw ESP without. */
  readonly port?: number;
}

/** The other half of a pair has to be there, and is never used. */
const unusedSpi: Spi = 0xfeed;

/** What inbound makes of a whole packet, outer IP header first. */
export function openWith(sa: PublishedSa, packet: Uint8Array): Outcome {
  const engine = engineWith(
    association(sa, 'inbound', sa.spi, publishedKeys(sa)),
    association(sa, 'outbound', unusedSpi, unusedKeys(sa)),
  );
  const outcome = engine.inboundWhole(packet, 0);
  engine.close();
  return outcome;
}

/** What outbound makes of a packet from the protected side, as the first of the SA. */
export function sealWith(sa: PublishedSa, packet: Uint8Array): Outcome {
  const engine = engineWith(
    association(sa, 'inbound', unusedSpi, unusedKeys(sa)),
    association(sa, 'outbound', sa.spi, publishedKeys(sa)),
  );
  const outcome = engine.outboundThrough(unusedSpi, packet, 0);
  engine.close();
  return outcome;
}

function engineWith(inbound: SecurityAssociation, outbound: SecurityAssociation): Dataplane {
  const engine = dataplane();
  const pair = {
    entry: '',
    kind: '',
    precedence: 0,
    precedents: [],
    deliver: 'network',
    inbound,
    outbound,
  } as const;
  engine.change({ install: [{ pair, use: true }] }, 0);
  return engine;
}

function association(
  sa: PublishedSa,
  direction: 'inbound' | 'outbound',
  spi: Spi,
  keys: SaKeys,
): SecurityAssociation {
  const isOutbound = direction === 'outbound';
  const [source, destination] = [address(sa.source), address(sa.destination)];
  const port = sa.port ?? 0;
  const unlimited = { seconds: 1e9, octets: undefined, packets: undefined };
  return {
    direction,
    spi,
    protocol: 'esp',
    mode: sa.mode,
    proposal: sa.proposal,
    keys,
    esn: sa.esn ?? false,
    replayWindow: 64,
    encapsulation: sa.port === undefined ? 'raw' : 'udp',
    localAddress: isOutbound ? source : destination,
    localPort: port,
    peer: { address: isOutbound ? destination : source, port },
    selectors: [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')],
    soft: unlimited,
    hard: unlimited,
    dscp: 'copy',
    dontFragment: 'copy',
    firstSequence: sa.sequence,
  };
}

function publishedKeys(sa: PublishedSa): SaKeys {
  const secret = (digits: string | undefined): Secret => new Secret(fromHex(digits ?? ''));
  return {
    encryptionKey: secret(sa.encryptionKey),
    authenticationKey: secret(sa.authenticationKey),
    salt: secret(sa.salt),
  };
}

function unusedKeys(sa: PublishedSa): SaKeys {
  const proposal = parseProposal(sa.proposal);
  if (!proposal.ok) throw new Error(proposal.message);
  const secret = (octets: number): Secret => new Secret(pseudoRandom('the unused half', octets));
  return {
    encryptionKey: secret(proposal.value.encryptionKeyOctets),
    authenticationKey: secret(proposal.value.authenticationKeyOctets),
    salt: secret(proposal.value.saltOctets),
  };
}
