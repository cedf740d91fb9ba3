/**
 * The engines of one world, from a seed: a router under test that sends, one that receives, and a malicious peer that has the
 * keys of some SAs of the receiver and puts into authentic packets whatever it likes. The SAs are planned by `pair-plan.ts`; here
 * they get addresses and selectors, and the SPD its entries.
 */
import { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { type Capacities, layOutMemory, type MemoryLayout } from '../../../host/dataplane/memory-layout.ts';
import { type Address, addressOf } from '../../../host/model/address.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import type { Prefix } from '../../../host/model/prefix.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { SecurityAssociation } from '../../../host/model/security-association.ts';
import type { Selector } from '../../../host/model/selector.ts';
import type { Random } from '../random.ts';
import { PROTOCOL_UDP, RECEIVING_NET, SENDING_NET } from './inner-packet.ts';
import { type Origin, type PairPlan, planPairs } from './pair-plan.ts';

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
const [WAITING, DISCARDED, BYPASSED, BLOCKED, UNKNOWN] = [250, 251, 252, 253, 254];

/** What a packet may have in the slots of a fuzz run. */
export const PACKET_ROOM = 2048;
/** What is written there: mutations may stretch a packet, and write a little beyond what they say. */
export const WRITING_ROOM = PACKET_ROOM - 256;
export const BATCH = 64;

/** SPI that a pair's packets carry from the sender, or from the malicious peer, to the receiver. */
export function spiOf(pair: number): number {
  return SENT_SPI + pair;
}

export function makeWorld(random: Random): World {
  const pairs = planPairs(random, WAITING);
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
    bundles: 1,
  };
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
    protocol: pair.protocol,
    // In transport mode the malicious peer protects whatever stands behind an IP header, under any next header.
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
    firstSequence: pair.firstSequence - (role === 'receiver' ? BigInt(pair.lostSubspaces) << 32n : 0n),
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
