/**
 * The SAs of one world, drawn from its seed. Every proposal of ESP and of AH is there in several variants: who sends, mode, ESN,
 * encapsulation, outer family, window, TFC padding, lifetime and first sequence number are drawn.
 */
import { type Proposal, proposalsOf } from '../../../host/model/proposal.ts';
import type { Lifetime, Mode, SaProtocol, TfcPadding } from '../../../host/model/security-association.ts';
import type { Random } from '../random.ts';

/** Who makes the packets of an SA: the sending router, the malicious peer, or `forgery.ts` without an engine. */
export type Origin = 'router' | 'peer' | 'forgery';

export interface PairPlan {
  /** Place of the pair in all engines, and second octet of its IPv4 addresses. */
  readonly index: number;
  readonly protocol: SaProtocol;
  readonly proposal: Proposal;
  readonly origin: Origin;
  readonly mode: Mode;
  readonly esn: boolean;
  readonly udp: boolean;
  readonly family: 4 | 6;
  readonly replayWindow: number;
  /** For UDP to and from some ports only. */
  readonly narrow: boolean;
  readonly tfcPadding: TfcPadding;
  readonly firstSequence: bigint;
  /** Subspaces of 2^32 numbers that the receiver's window begins behind: all their packets were lost. */
  readonly lostSubspaces: number;
  readonly hard: Lifetime;
  readonly encryptionKey: Uint8Array;
  readonly authenticationKey: Uint8Array;
  readonly salt: Uint8Array;
}

const VARIANTS = 4;
const windows = [0, 64, 64, 128, 1024, 8192];

/** At most `count` pairs: of AH each proposal twice, from the router and from the peer; of ESP as often as there is room. */
export function planPairs(random: Random, count: number): PairPlan[] {
  const [esp, ah] = [proposalsOf('esp'), proposalsOf('ah')];
  const origins = ['router', 'peer'] as const;
  const room = count - origins.length * ah.length;
  const variants = Math.max(1, Math.min(VARIANTS, Math.floor(room / esp.length)));
  const ofEsp = Array.from({ length: Math.min(room, esp.length * variants) }, (_, index) => {
    const proposal = esp[index % esp.length] ?? random.pick(esp);
    const origin = originOf(proposal, Math.floor(index / esp.length), variants);
    return planPair(random, index, 'esp', proposal, origin);
  });
  const ofAh = origins.flatMap((origin, variant) =>
    ah.map((proposal, number) =>
      planPair(random, ofEsp.length + variant * ah.length + number, 'ah', proposal, origin),
    ),
  );
  return [...ofEsp, ...ofAh];
}

/** The last variant is the malicious one, under an HMAC alone made without an engine; the first is the router's. */
function originOf(proposal: Proposal, variant: number, variants: number): Origin {
  if (variant === variants - 1 && variant > 0) {
    const isHmacAlone = proposal.encryption === 'null' && proposal.integrity?.startsWith('hmac-') === true;
    return isHmacAlone ? 'forgery' : 'peer';
  }
  return variant === 2 ? 'peer' : 'router';
}

function planPair(
  random: Random,
  index: number,
  protocol: SaProtocol,
  proposal: Proposal,
  origin: Origin,
): PairPlan {
  const esn = random.oneIn(2);
  const lostSubspaces = esn && random.oneIn(8) ? 1 + random.below(4) : 0;
  return {
    index,
    protocol,
    proposal,
    origin,
    mode: random.oneIn(3) ? 'transport' : 'tunnel',
    esn,
    udp: protocol === 'esp' && random.oneIn(2),
    family: random.oneIn(3) ? 6 : 4,
    replayWindow: random.pick(windows),
    narrow: random.oneIn(5),
    tfcPadding: protocol === 'esp' && random.oneIn(6) ? random.pick(['mtu', 1000, 65_535] as const) : 0,
    firstSequence: lostSubspaces > 0 ? (BigInt(lostSubspaces) << 32n) + 1n : firstSequence(random, esn),
    lostSubspaces,
    hard: {
      seconds: random.oneIn(20) ? 30 : 1_000_000,
      octets: random.oneIn(20) ? 50_000n : undefined,
      packets: random.oneIn(20) ? 200n : undefined,
    },
    encryptionKey: random.octets(proposal.encryptionKeyOctets),
    authenticationKey: random.octets(proposal.authenticationKeyOctets),
    salt: random.octets(proposal.saltOctets),
  };
}

/** Mostly the first there is; now and then shortly before the low half wraps, or before the last. */
function firstSequence(random: Random, esn: boolean): bigint {
  if (!random.oneIn(4)) return 1n;
  const before = BigInt(1 + random.below(100));
  if (!esn) return 0xffff_ffffn - before;
  return random.oneIn(3) ? 0xffff_ffff_ffff_ffffn - before : (BigInt(1 + random.below(3)) << 32n) - before;
}
