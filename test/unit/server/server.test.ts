import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { innerAddress } from '../../../host/channel/inner-address.ts';
import { wrapInnerPacket } from '../../../host/channel/inner-packet.ts';
import { encodeMessage } from '../../../host/messages/codec.ts';
import { type Message, settingPort } from '../../../host/messages/message.ts';
import { PolicySet } from '../../../host/server/distribution-policies/policy-set.ts';
import type { StoredEntry } from '../../../host/server/management-table/entry.ts';
import {
  endpoint,
  Network,
  packet,
  policy,
  prefix,
  SimulatedServer,
  selector,
  startOsaka,
  startTokyo,
  twoSites,
} from '../../simulation/end-to-end/network.ts';

const stranger = endpoint('203.0.113.99', 40_000);

let network: Network;

beforeEach(() => {
  network = twoSites();
  network.pass(1);
  network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
  network.pass(1);
});

function shell(): SimulatedServer {
  if (network.server === undefined) throw new Error('there is no server');
  return network.server;
}

/** A datagram of any origin, as the socket hands it over. */
function arrives(bytes: Uint8Array, from = stranger): void {
  shell().server.datagram(bytes, from, network.serverEndpoint);
}

/** What must be the same after hostile input. */
function state(): unknown {
  const { server, processing, disk } = shell();
  return {
    table: processing.table(network.now),
    channels: [...server.channels.channels()].map(({ router, spi, peer }) => ({ router, spi, peer })),
    routers: processing.standings(),
    disk: [...disk.entries.values()],
  };
}

/** The datagram in which tokyo's channel would carry `payload`, whatever that is. */
function fromTokyo(payload: Uint8Array): Uint8Array {
  const tokyo = network.routers.get('tokyo');
  const [row] = tokyo?.dataplane.snapshot(network.now).sad.filter(({ entry }) => entry === '') ?? [];
  const inner = wrapInnerPacket(innerAddress('tokyo'), innerAddress('server'), settingPort, payload);
  const outcome = tokyo?.dataplane.outboundThrough(row?.pair ?? 0, inner, network.now);
  if (outcome?.kind !== 'send') throw new Error(`tokyo's channel does not carry it: ${outcome?.kind}`);
  return outcome.esp;
}

function tokyoSays(payload: Uint8Array): void {
  arrives(fromTokyo(payload), network.routers.get('tokyo')?.local);
}

/** A right request of tokyo's for another pair of SAs. */
function request(more: object = {}): Uint8Array {
  return encodeMessage({
    type: 'request',
    id: '0123456789abcdef',
    source: 'tokyo',
    peer: 'osaka',
    kind: '',
    spi: 0x1234_5678,
    lane: 0,
    selectors: [selector('10.1.0.0/24', '10.2.0.0/24')],
    startupId: null,
    packet: null,
    ...more,
  } as Message);
}

/** Warnings since the start, by what they are about. */
function warnings(what: string): string[] {
  return shell()
    .events.rows()
    .filter((row) => row.level === 'warn' && row.what === what)
    .map(({ detail }) => detail);
}

function drops(code: string): number {
  return shell().server.dropCounters[code] ?? 0;
}

describe('the server, of datagrams from anybody', () => {
  it('drops garbage of every length, counts it, and changes nothing', () => {
    const before = state();
    const sent = shell().server.messageCounters['ike sent'];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        fc.pre(!(bytes.length === 1 && bytes[0] === 0xff));
        const counted = () =>
          Object.values(shell().server.dropCounters).reduce((sum, count) => sum + count, 0) +
          (shell().server.messageCounters['ike received'] ?? 0);
        const already = counted();
        arrives(bytes);
        expect(counted()).toBe(already + 1);
      }),
      { numRuns: 500 },
    );
    expect(state()).toEqual(before);
    expect(shell().server.messageCounters['ike sent']).toBe(sent);
  });

  it('takes a keepalive without a word', () => {
    const before = { ...shell().server.dropCounters };
    arrives(Uint8Array.of(0xff));
    expect(shell().server.dropCounters).toEqual(before);
  });

  it('drops IKE that is none, and counts it as refused', () => {
    const before = state();
    const refused = () => Object.values(shell().server.channels.refusals).reduce((sum, one) => sum + one, 0);
    const already = refused();
    for (const length of [0, 4, 27, 28, 60, 3000]) arrives(new Uint8Array(4 + Math.max(4, length)));
    expect(refused()).toBe(already + 6);
    expect(state()).toEqual(before);
  });

  it('drops what is longer than any packet, with a SPI of its own', () => {
    const before = state();
    const long = new Uint8Array(9000);
    long.set(fromTokyo(request()).subarray(0, 8));
    arrives(long, network.routers.get('tokyo')?.local);
    expect(Object.values(shell().server.dropCounters)).toEqual([1]);
    expect(state()).toEqual(before);
  });

  it('drops a flipped bit anywhere in a right datagram', () => {
    const esp = fromTokyo(request());
    const before = state();
    for (let at = 0; at < esp.length; at += 3) {
      const flipped = Uint8Array.from(esp);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      arrives(flipped, network.routers.get('tokyo')?.local);
    }
    expect(state()).toEqual(before);
    expect(shell().server.messageCounters['request received']).toBe(2);
  });

  it('drops a datagram that it had before', () => {
    const esp = fromTokyo(request());
    arrives(Uint8Array.from(esp), network.routers.get('tokyo')?.local);
    const received = shell().server.messageCounters['request received'];
    const before = state();
    for (let times = 0; times < 5; times++) arrives(Uint8Array.from(esp), stranger);
    expect(shell().server.messageCounters['request received']).toBe(received);
    expect(drops('replay')).toBe(5);
    expect(state()).toEqual(before);
  });
});

describe('the server, of messages in a channel', () => {
  const version = (octets: Uint8Array) => {
    octets[1] = 23;
    return octets;
  };

  it.each<[string, string, () => Uint8Array]>([
    ['nothing', 'MESSAGE_TRUNCATED', () => new Uint8Array(0)],
    ['the first half of a request', 'MESSAGE_TRUNCATED', () => request().subarray(0, 20)],
    ['an octet too many', 'MESSAGE_TRAILING', () => Uint8Array.of(...request(), 0)],
    ['a version that it does not know', 'MESSAGE_VERSION', () => version(request())],
    ['no CBOR of the protocol', 'MESSAGE_FORM', () => new TextEncoder().encode('{"type":"request"}')],
    ['arrays in arrays', 'MESSAGE_NESTING', () => new Uint8Array(1900).fill(0x81)],
    [
      "a server's word",
      'MESSAGE_DIRECTION',
      () =>
        encodeMessage({ type: 'pending', id: '0'.repeat(16), source: 'tokyo', peer: 'osaka', kind: 'all' }),
    ],
  ])('drops %s and counts it as %s', (_, code, payload) => {
    const before = state();
    tokyoSays(payload());
    expect(Object.entries(shell().server.dropCounters)).toEqual([[code, 1]]);
    expect(state()).toEqual(before);
    expect(warnings(code)).toHaveLength(1);
    expect(warnings(code)[0]).toContain('tokyo');
  });

  it('drops one in the name of another router', () => {
    const before = state();
    tokyoSays(request({ source: 'osaka', peer: 'tokyo' }));
    expect(shell().server.messageCounters['wrong-source']).toBe(1);
    expect(state()).toEqual(before);
  });

  it('says the same thing once in ten seconds, with the count of what it left unsaid', () => {
    for (let times = 0; times < 40; times++) tokyoSays(Uint8Array.of(1, 2, 3));
    expect(warnings('MESSAGE_FORM')).toHaveLength(1);
    network.pass(9);
    tokyoSays(Uint8Array.of(1, 2, 3));
    expect(warnings('MESSAGE_FORM')).toHaveLength(1);
    network.pass(2);
    tokyoSays(Uint8Array.of(1, 2, 3));
    expect(warnings('MESSAGE_FORM')).toHaveLength(2);
    expect(warnings('MESSAGE_FORM')[1]).toContain('40 more');
    expect(drops('MESSAGE_FORM')).toBe(42);
  });
});

describe('the server, with a disk that refuses', () => {
  class FullDisk extends Map<string, StoredEntry> {
    isFull = true;

    override set(key: string, entry: StoredEntry): this {
      if (this.isFull) throw new Error('database or disk is full');
      return super.set(key, entry);
    }
  }

  const sites = ['tokyo', 'osaka'].map((name, index) => ({
    name,
    networks: [prefix(`10.${index + 1}.0.0/24`)],
    proposals: undefined,
  }));

  it('hands out nothing that is not stored, not with a repetition either, and goes on when there is room', () => {
    network = new Network();
    const entries = new FullDisk();
    new SimulatedServer(network, new PolicySet(sites, [policy('all', ['*', '*'])]), {
      entries,
      routers: new Map(),
    });
    startTokyo(network);
    startOsaka(network);
    network.pass(1);
    network.routers.get('tokyo')?.send(packet('10.1.0.9', '10.2.0.9', 1));
    // Long enough for the first repetitions of the distribution.
    network.pass(10);
    expect(shell().processing.table(network.now)).toMatchObject([{ state: 'distributed' }]);
    expect(shell().server.messageCounters['distribution sent']).toBeUndefined();
    expect(drops('store')).toBeGreaterThan(2);
    expect(warnings('store')[0]).toContain('disk is full');
    expect(network.delivered).toEqual([]);

    entries.isFull = false;
    network.pass(20);
    expect([...entries.values()]).toMatchObject([{ state: 'both-installed' }]);
    expect(network.delivered.map(({ router }) => router)).toEqual(['osaka']);
  });
});
