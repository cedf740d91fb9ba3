/**
 * A rehearsal of the whole packet path with an engine of its own: a pair of SAs that leads back to itself is installed, a
 * packet is held, released, sealed and opened, again and again. It proves at every start that what goes in comes out
 * (the ciphers have known-answer tests of their own), and it leaves compiled code behind: the first real packet takes
 * the time of the hundredth.
 */
import { addressOf } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import { proposals } from '../model/proposal.ts';
import { Secret } from '../model/secret.ts';
import type { SecurityAssociation, Spi } from '../model/security-association.ts';
import type { Selector } from '../model/selector.ts';
import { Dataplane } from './dataplane.ts';
import type { SaPair } from './engine.ts';

const rounds = 60;
const capacities = {
  saPairs: 16,
  packetSlots: 4,
  heldPackets: 4,
  spdRows: 16,
  spdEntries: 4,
  bindingRows: 64,
};
const here = addressOf(Uint8Array.of(192, 0, 2, 1));
const host = Uint8Array.of(198, 51, 100, 1);

const everything: Selector = {
  local: { address: addressOf(new Uint8Array(4)), length: 0 },
  remote: { address: addressOf(new Uint8Array(4)), length: 0 },
  protocol: null,
  localPorts: null,
  remotePorts: null,
  icmpType: null,
  icmpCode: null,
};

/**
 * Runs the rehearsal, in some tens of milliseconds.
 *
 * @param random unpredictable octets; the keys exist only here
 * @throws HostError FIRMWARE_SELF_TEST when a packet does not come back as it was
 */
export function rehearsePackets(random: (octets: number) => Uint8Array): void {
  const engine = new Dataplane({ random, capacities });
  const entry = {
    name: 'rehearsal',
    selectors: [everything],
    action: 'PROTECT',
    requestPeer: 'itself',
  } as const;
  engine.change({ spd: [entry] }, 0);
  const keywords = [...proposals.keys()];
  for (let round = 0; round < rounds; round++) {
    const now = round * 1000;
    const packet = samplePacket(round);
    const spi = 0x1000_0000 + round * capacities.saPairs + (round % capacities.saPairs);
    engine.change({ reserve: [spi] }, now);
    if (engine.outbound(packet, now).kind !== 'held') throw failure('was not held');
    engine.drainEvents();
    const pair = loop(spi, keywords[round % keywords.length] ?? '', random);
    engine.change({ install: [{ pair, use: true }] }, now);
    const [sealed] = engine.releaseHeld(entry.name, now);
    if (sealed?.kind !== 'send') throw failure('was not sealed');
    const from = { address: here, port: 4500 };
    const opened = engine.inbound({ esp: sealed.esp, from, to: here, encapsulation: 'udp', tos: 0 }, now);
    if (opened.kind !== 'deliver' || Buffer.compare(opened.packet, packet) !== 0) {
      throw failure('did not come back as it was');
    }
    engine.change({ remove: [spi] }, now);
  }
  engine.close();
}

function failure(what: string): HostError {
  return new HostError(
    'FIRMWARE_SELF_TEST',
    `a packet of the start-up rehearsal ${what}: no traffic is carried`,
  );
}

/** Outbound and inbound SA are the same, so that what is sealed can be opened. */
function loop(spi: Spi, keyword: string, random: (octets: number) => Uint8Array): SaPair {
  const proposal = proposals.get(keyword);
  const encryptionKey = random(proposal?.encryptionKeyOctets ?? 0);
  const authenticationKey = random(proposal?.authenticationKeyOctets ?? 0);
  const salt = random(proposal?.saltOctets ?? 0);
  const lifetime = { seconds: 3600, octets: undefined, packets: undefined };
  const association = (direction: 'inbound' | 'outbound'): SecurityAssociation => ({
    direction,
    spi,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: keyword,
    keys: {
      encryptionKey: new Secret(encryptionKey.slice()),
      authenticationKey: new Secret(authenticationKey.slice()),
      salt: new Secret(salt.slice()),
    },
    esn: true,
    replayWindow: 64,
    encapsulation: 'udp',
    localAddress: here,
    localPort: 4500,
    peer: { address: here, port: 4500 },
    selectors: [everything],
    soft: lifetime,
    hard: lifetime,
    dscp: 'copy',
    dontFragment: 'copy',
  });
  return {
    entry: 'rehearsal',
    kind: 'rehearsal',
    precedence: 0,
    precedents: [],
    inbound: association('inbound'),
    outbound: association('outbound'),
    deliver: 'network',
  };
}

/** An IPv4 packet of 64 to some hundred octets, with a right header checksum and a protocol without ports. */
function samplePacket(round: number): Uint8Array {
  const packet = new Uint8Array(64 + round * 8);
  const view = new DataView(packet.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, packet.length);
  packet[8] = 64;
  packet[9] = 253; // RFC 3692: for experiments
  packet.set(host, 12);
  packet.set(host, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  for (let at = 20; at < packet.length; at++) packet[at] = (at * 31 + round) & 0xff;
  return packet;
}
