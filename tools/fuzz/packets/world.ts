/**
 * The engines of one world, from a seed: a router under test that sends, one that receives, and a malicious peer that has the
 * keys of some SAs of the receiver and puts into authentic packets whatever it likes. Every proposal is there in several
 * variants: mode, ESN, encapsulation, outer family, window, lifetime and first sequence number are drawn.
 */
import { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { type Capacities, layOutMemory, type MemoryLayout } from '../../../host/dataplane/memory-layout.ts';
import { type Address, addressOf } from '../../../host/model/address.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import type { Prefix } from '../../../host/model/prefix.ts';
import { type Proposal, proposalsOf } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type {
  Lifetime,
  Mode,
  SecurityAssociation,
  TfcPadding,
} from '../../../host/model/security-association.ts';
import type { Selector } from '../../../host/model/selector.ts';
import type { Random } from '../random.ts';
import { PROTOCOL_UDP, RECEIVING_NET, SENDING_NET } from './inner-packet.ts';

/** Who makes the packets of an SA: the sending router, the malicious peer, or `forgery.ts` without an engine. */
export type Origin = 'router' | 'peer' | 'forgery';

export interface PairPlan {
  /** Place of the pair in all engines, and second octet of its IPv4 addresses. */
  readonly index: number;
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
  readonly hard: Lifetime;
  readonly encryptionKey: Uint8Array;
  readonly authenticationKey: Uint8Array;
  readonly salt: Uint8Array;
}

export interface World {
  readonly pairs: readonly PairPlan[];
  readonly sender: Dataplane;
  readonly peer: Dataplane;
  readonly receiver: Dataplane;
  /** Of all three. */
  readonly layout: MemoryLayout;
  /** Ports that narrow SAs are for begin here. */
  readonly firstPort: number;
  /** Second octet of addresses whose packets wait for an SA, are discarded, bypass IPsec, are blocked, or match nothing. */
  readonly otherNets: readonly number[];
  /** SPI of an SA that the receiver still waits for. */
  readonly pendingSpi: number;
}

/** Entry whose packets are held, for `dropHeld`. */
export const waitingEntry = 'waiting';

export const SENT_SPI = 0x10000000;
export const ANSWER_SPI = 0x20000000;
const FIRST_PORT = 1024;
const LAST_PORT = FIRST_PORT + 15;
const VARIANTS = 4;
const [WAITING, DISCARDED, BYPASSED, BLOCKED, UNKNOWN] = [250, 251, 252, 253, 254];
const windows = [0, 64, 64, 128, 1024, 8192];

/** What a packet may have in the slots of a fuzz run. */
export const PACKET_ROOM = 2048;
export const BATCH = 64;

/** SPI that a pair's packets carry from the sender, or from the malicious peer, to the receiver. */
export function spiOf(pair: number): number {
  return SENT_SPI + pair;
}

export function makeWorld(random: Random): World {
  const pairs = planPairs(random);
  const capacities = capacitiesFor(pairs.length);
  const make = (): Dataplane =>
    new Dataplane({
      random: (length) => random.octets(length),
      capacities,
      decrementTtl: random.oneIn(2),
      pathMtuOctets: random.pick([0, 700, 700, 1400]),
    });
  const [sender, peer, receiver] = [make(), make(), make()];
  const pendingSpi = spiOf(capacities.saPairs - 1);
  sender.change({ spd: spd(pairs), install: install(pairs, 'router', 'sender') }, 0);
  sender.change({ block: [{ entry: 'blocked', selectors: netSelectors(BLOCKED) }] }, 0);
  peer.change({ install: install(pairs, 'peer', 'peer') }, 0);
  receiver.change({ install: install(pairs, undefined, 'receiver'), reserve: [pendingSpi] }, 0);
  return {
    pairs,
    sender,
    peer,
    receiver,
    layout: layOutMemory(capacities),
    firstPort: FIRST_PORT,
    otherNets: [WAITING, DISCARDED, BYPASSED, BLOCKED, UNKNOWN],
    pendingSpi,
  };
}

function capacitiesFor(pairs: number): Capacities {
  return {
    // One place is for the SPI that is waited for.
    saPairs: 2 ** Math.ceil(Math.log2(pairs + 1)),
    spdEntries: 256,
    spdRows: 1024,
    bindingRows: 2048,
    packetSlots: BATCH,
    packetOctets: PACKET_ROOM,
    heldPackets: 32,
    heldPerKey: 8,
    events: 256,
    flows: 256,
  };
}

function planPairs(random: Random): PairPlan[] {
  const all = proposalsOf('esp');
  const variants = Math.max(1, Math.min(VARIANTS, Math.floor(WAITING / all.length)));
  return Array.from({ length: Math.min(WAITING, all.length * variants) }, (_, index) => {
    const proposal = all[index % all.length] ?? random.pick(all);
    return planPair(random, index, proposal, originOf(proposal, Math.floor(index / all.length), variants));
  });
}

/** The last variant is the malicious one, under an HMAC alone made without an engine; the first is the router's. */
function originOf(proposal: Proposal, variant: number, variants: number): Origin {
  if (variant === variants - 1 && variant > 0) {
    const isHmacAlone = proposal.encryption === 'null' && proposal.integrity?.startsWith('hmac-') === true;
    return isHmacAlone ? 'forgery' : 'peer';
  }
  return variant === 2 ? 'peer' : 'router';
}

function planPair(random: Random, index: number, proposal: Proposal, origin: Origin): PairPlan {
  const esn = random.oneIn(2);
  return {
    index,
    proposal,
    origin,
    mode: random.oneIn(3) ? 'transport' : 'tunnel',
    esn,
    udp: random.oneIn(2),
    family: random.oneIn(3) ? 6 : 4,
    replayWindow: random.pick(windows),
    narrow: random.oneIn(5),
    tfcPadding: random.oneIn(6) ? random.pick(['mtu', 1000, 65_535] as const) : 0,
    firstSequence: firstSequence(random, esn),
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

function spd(pairs: readonly PairPlan[]): SpdEntry[] {
  return [
    ...pairs
      .filter((pair) => pair.origin === 'router')
      .map(
        (pair): SpdEntry => ({
          name: entryName(pair),
          selectors: pairSelectors(pair, 'sender'),
          action: 'PROTECT',
          requestPeer: 'receiver',
        }),
      ),
    { name: waitingEntry, selectors: netSelectors(WAITING), action: 'PROTECT', requestPeer: 'receiver' },
    { name: 'discarded', selectors: netSelectors(DISCARDED), action: 'DISCARD' },
    { name: 'bypassed', selectors: netSelectors(BYPASSED), action: 'BYPASS' },
    { name: 'blocked', selectors: netSelectors(BLOCKED), action: 'PROTECT', requestPeer: 'receiver' },
  ];
}

function entryName(pair: PairPlan): string {
  return `pair-${pair.index}`;
}

type Role = 'sender' | 'peer' | 'receiver';

/** Pairs of one origin, or all, as an engine in this role has them. */
function install(
  pairs: readonly PairPlan[],
  origin: Origin | undefined,
  role: Role,
): { pair: SaPair; use: boolean }[] {
  return pairs
    .filter((pair) => origin === undefined || pair.origin === origin)
    .map((pair) => {
      const [inbound, outbound] = role === 'receiver' ? [SENT_SPI, ANSWER_SPI] : [ANSWER_SPI, SENT_SPI];
      return {
        pair: {
          entry: role === 'sender' ? entryName(pair) : '',
          kind: 'all',
          precedence: 0,
          precedents: [],
          inbound: association(pair, role, 'inbound', inbound + pair.index),
          outbound: association(pair, role, 'outbound', outbound + pair.index),
          deliver: pair.index % 2 === 0 ? 'network' : 'host',
        },
        use: true,
      };
    });
}

function association(
  pair: PairPlan,
  role: Role,
  direction: SecurityAssociation['direction'],
  spi: number,
): SecurityAssociation {
  const [own, other] = role === 'receiver' ? [RECEIVING_NET, SENDING_NET] : [SENDING_NET, RECEIVING_NET];
  const malicious = role === 'peer';
  return {
    direction,
    spi,
    protocol: 'esp',
    // In transport mode the malicious peer encrypts whatever stands behind an IP header, under any next header.
    mode: malicious ? 'transport' : pair.mode,
    proposal: pair.proposal.keyword,
    keys: {
      encryptionKey: new Secret(Uint8Array.from(pair.encryptionKey)),
      authenticationKey: new Secret(Uint8Array.from(pair.authenticationKey)),
      salt: new Secret(Uint8Array.from(pair.salt)),
    },
    esn: pair.esn,
    replayWindow: pair.replayWindow,
    encapsulation: pair.udp ? 'udp' : 'raw',
    localAddress: outerAddress(pair, own),
    peer: { address: outerAddress(pair, other), port: 4500 },
    localPort: 4500,
    selectors: malicious ? [...anything] : pairSelectors(pair, role),
    soft: { seconds: 20, octets: undefined, packets: 100n },
    hard: malicious ? { ...pair.hard, octets: undefined, packets: undefined } : pair.hard,
    dscp: pair.index % 3 === 0 ? 10 : 'copy',
    dontFragment: (['copy', 'set', 'clear'] as const)[pair.index % 3] ?? 'copy',
    tfcPadding: pair.tfcPadding,
    firstSequence: pair.firstSequence,
    notifyFirstAuthentic: pair.index % 5 === 0,
  };
}

const anything = [netPrefix(4, [], 0), netPrefix(6, [], 0)].map((prefix) => selector(prefix, prefix));

/** A pair's outer addresses belong to its inner ones, as transport mode has it. */
function outerAddress(pair: PairPlan, net: number): Address {
  return pair.family === 4
    ? addressOf(Uint8Array.of(10, pair.index, net, 1))
    : addressOf(Uint8Array.of(0xfd, 0, 0, 0, 0, pair.index, 0, net, 0, 0, 0, 0, 0, 0, 0, 1));
}

function pairSelectors(pair: PairPlan, role: Role): Selector[] {
  const both = netSelectors(pair.index, role === 'receiver');
  const ports = { first: FIRST_PORT, last: LAST_PORT };
  return pair.narrow
    ? both.map((one) => ({ ...one, protocol: PROTOCOL_UDP, localPorts: ports, remotePorts: ports }))
    : both;
}

/** What goes from the sending to the receiving addresses of `index`, as the sender sees it, or as the receiver does. */
function netSelectors(index: number, receiving = false): Selector[] {
  const [own, other] = receiving ? [RECEIVING_NET, SENDING_NET] : [SENDING_NET, RECEIVING_NET];
  return [
    selector(netPrefix(4, [10, index, own], 24), netPrefix(4, [10, index, other], 24)),
    selector(
      netPrefix(6, [0xfd, 0, 0, 0, 0, index, 0, own], 64),
      netPrefix(6, [0xfd, 0, 0, 0, 0, index, 0, other], 64),
    ),
  ];
}

function netPrefix(family: 4 | 6, first: readonly number[], length: number): Prefix {
  const octets = new Uint8Array(family === 4 ? 4 : 16);
  octets.set(first);
  return { address: { family, octets }, length };
}

function selector(local: Prefix, remote: Prefix): Selector {
  return {
    local,
    remote,
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}
