/** The kernel sorts packets as the model's selectors do, for random SPDs and packets, and errs towards the engine. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseAddress } from '../../../host/model/address.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { type PacketSelector, selectorMatches } from '../../../host/model/selector.ts';
import { describeWith } from '../../requirements.ts';
import { selector } from './spd.ts';

const PORT_PROTOCOLS = [6, 17, 33, 132, 136];

/** A small world, so that entries and packets meet. */
const world = {
  4: {
    prefixes: ['10.1.0.0/24', '10.1.0.0/16', '10.2.0.0/24', '10.2.0.5/32', '0.0.0.0/0'],
    addresses: ['10.1.0.5', '10.1.7.5', '10.2.0.5', '10.2.0.6'],
    protocols: [1, 6, 17, 47],
    icmp: 1,
  },
  6: {
    prefixes: ['fd01::/64', 'fd01::/48', 'fd02::/64', 'fd02::5/128', '::/0'],
    addresses: ['fd01::5', 'fd01:0:0:7::5', 'fd02::5', 'fd02::6'],
    protocols: [58, 6, 17, 47],
    icmp: 58,
  },
} as const;

type Family = 4 | 6;

interface Packet {
  family: Family;
  local: string;
  remote: string;
  protocol: number;
  /** Ports, or ICMP type and code in the first's two octets; also what the octets of a later fragment look like. */
  first: number;
  second: number;
  laterFragment: boolean;
}

const numbers = fc.constantFrom(0, 1, 2, 3);
const range = fc.tuple(numbers, numbers).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
const maybeRange = fc.option(range, { freq: 3 });

function selectorOf(family: Family) {
  const { prefixes, protocols } = world[family];
  // Few local prefixes, so that neighbours often share theirs and become one rule.
  const common = { local: fc.constantFrom(...prefixes.slice(0, 2)), remote: fc.constantFrom(...prefixes) };
  return fc.oneof(
    { arbitrary: fc.record(common), weight: 4 },
    fc.record({ ...common, protocol: fc.constantFrom(...protocols) }),
    fc.record({
      ...common,
      protocol: fc.constantFrom(null, ...protocols),
      localPorts: maybeRange,
      remotePorts: maybeRange,
    }),
    fc.record({
      ...common,
      protocol: fc.constantFrom(null, ...protocols),
      icmpType: maybeRange,
      icmpCode: maybeRange,
    }),
  );
}

function jobOf(family: Family) {
  const { addresses, protocols } = world[family];
  return fc.record({
    direction: fc.constantFrom('outbound' as const, 'inbound' as const),
    entries: fc.array(
      fc.record({
        action: fc.constantFrom('PROTECT' as const, 'BYPASS' as const, 'DISCARD' as const),
        selectors: fc.array(selectorOf(family), { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    packets: fc.array(
      fc.record({
        family: fc.constant(family),
        local: fc.constantFrom(...addresses.slice(0, 3)),
        remote: fc.constantFrom(...addresses),
        protocol: fc.constantFrom(...protocols),
        first: numbers,
        second: numbers,
        laterFragment: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
      }),
      { minLength: 10, maxLength: 10 },
    ),
  });
}

describeWith(['root', 'tun', 'network namespaces', 'nft'], 'the kernel, given an SPD as rules,', () => {
  it('sorts every packet as the selectors of the model do, and later fragments towards the engine', () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const drawn = fc.sample(fc.oneof(jobOf(4), jobOf(6)), { numRuns: 60, seed });
    const jobs = drawn.map((job) => ({
      ...job,
      entries: job.entries.map(
        (one, index): SpdEntry => ({
          name: `entry ${index}`,
          action: one.action,
          ...(one.action === 'PROTECT' ? { requestPeer: 'peer' } : {}),
          selectors: one.selectors.map(({ local, remote, ...rest }) => selector(local, remote, rest)),
        }),
      ),
    }));
    const answers: string[][] = JSON.parse(
      execFileSync(
        'unshare',
        ['-n', process.execPath, new URL('./sorting-kernel.ts', import.meta.url).pathname],
        {
          input: JSON.stringify(
            jobs.map((job) => ({
              ...job,
              packets: job.packets.map((packet) => packetHex(packet, job.direction)),
            })),
          ),
          encoding: 'utf8',
          maxBuffer: 1 << 24,
        },
      ),
    );
    const seen = new Set<string>();
    jobs.forEach((job, jobIndex) => {
      job.packets.forEach((packet, index) => {
        const expected = expectedOf(job.entries, packet);
        seen.add(`${expected} ${packet.laterFragment}`);
        expect(
          { answer: answers[jobIndex]![index], packet, seed },
          `${JSON.stringify(drawn[jobIndex])}`,
        ).toEqual({ answer: expected, packet, seed });
      });
    });
    // Otherwise the draw proved nothing.
    expect(seen.size).toBe(6);
  });
});

/** The slow model: first match in order; where ports decide, a later fragment is taken by the engine's entries only. */
function expectedOf(entries: readonly SpdEntry[], packet: Packet): string {
  const view = viewOf(packet);
  for (const one of entries) {
    for (const candidate of one.selectors) {
      const icmp = world[packet.family].icmp;
      const withoutPorts = {
        ...candidate,
        localPorts: null,
        remotePorts: null,
        icmpType: null,
        icmpCode: null,
      };
      const asksPorts = candidate.localPorts !== null || candidate.remotePorts !== null;
      const asksIcmp = candidate.icmpType !== null || candidate.icmpCode !== null;
      const possible =
        !(asksPorts && asksIcmp) &&
        (!asksPorts || PORT_PROTOCOLS.includes(packet.protocol)) &&
        (!asksIcmp || packet.protocol === icmp);
      const matches =
        packet.laterFragment && one.action !== 'BYPASS'
          ? possible && selectorMatches(withoutPorts, view)
          : selectorMatches(candidate, view);
      if (matches) return one.action === 'BYPASS' ? 'bypass' : 'engine';
    }
  }
  return 'none';
}

function viewOf(packet: Packet): PacketSelector {
  const hasPorts = PORT_PROTOCOLS.includes(packet.protocol) && !packet.laterFragment;
  const hasIcmp = packet.protocol === world[packet.family].icmp && !packet.laterFragment;
  return {
    local: address(packet.local),
    remote: address(packet.remote),
    protocol: packet.protocol,
    localPort: hasPorts ? packet.first : null,
    remotePort: hasPorts ? packet.second : null,
    icmpType: hasIcmp ? packet.first : null,
    icmpCode: hasIcmp ? packet.second : null,
  };
}

function packetHex(packet: Packet, direction: 'outbound' | 'inbound'): string {
  const payload = Buffer.alloc(24);
  if (packet.protocol === world[packet.family].icmp) {
    payload[0] = packet.first;
    payload[1] = packet.second;
  } else {
    const [source, destination] =
      direction === 'outbound' ? [packet.first, packet.second] : [packet.second, packet.first];
    payload.writeUInt16BE(source, 0);
    payload.writeUInt16BE(destination, 2);
  }
  const [source, destination] =
    direction === 'outbound' ? [packet.local, packet.remote] : [packet.remote, packet.local];
  const addresses = Buffer.concat([address(source).octets, address(destination).octets]);
  return (packet.family === 4 ? ipv4(packet, addresses, payload) : ipv6(packet, addresses, payload)).toString(
    'hex',
  );
}

function ipv4(packet: Packet, addresses: Buffer, payload: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(packet.laterFragment ? 0x2010 : 0, 6);
  header[8] = 64;
  header[9] = packet.protocol;
  header.set(addresses, 12);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return Buffer.concat([header, payload]);
}

function ipv6(packet: Packet, addresses: Buffer, payload: Buffer): Buffer {
  const fragment = packet.laterFragment
    ? Buffer.from([packet.protocol, 0, 0x00, 0x81, 0, 0, 0, 7])
    : Buffer.alloc(0);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(fragment.length + payload.length, 4);
  header[6] = packet.laterFragment ? 44 : packet.protocol;
  header[7] = 64;
  header.set(addresses, 8);
  return Buffer.concat([header, fragment, payload]);
}

function address(text: string) {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}
