/**
 * What it costs to find a packet's SPD entry, for a new flow and for a known one, and its SA, in tables of several sizes. Each figure is
 * the difference of two runs of the engine: one whose packets are dropped right behind the lookup, one whose packets are dropped right
 * before it.
 */
import {
  DROP_ESP_TOO_SHORT,
  DROP_HEADER_MALFORMED,
  DROP_SPD_DISCARD,
  DROP_SPI_RESERVED,
} from '../../../firmware/abi/drop-code.ts';
import { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { defaultProposal, type Proposal, parseProposal } from '../../../host/model/proposal.ts';
import { WrongResult } from '../bench.ts';
import { median } from '../statistics.ts';
import { runSlice, takeTurns, type Work } from '../turns.ts';
import type { EspBenchRow } from './report.ts';
import { espBatch } from './rows.ts';
import { between, innerPacket, sample, saOf } from './sa.ts';

export interface Lookup {
  readonly name: string;
  /** Entries of the table. */
  readonly size: number;
  readonly kind: 'new flow' | 'known flow' | 'SPI';
  /** Nanoseconds. */
  readonly atMost?: number;
}

const spdSizes = [10, 1000, 10_000];
const sadSizes = [10, 1000, 50_000];

export const lookups: readonly Lookup[] = [
  ...spdSizes.map((size): Lookup => ({ name: 'SPD new flow', size, kind: 'new flow', atMost: 2000 })),
  ...spdSizes.map((size): Lookup => ({ name: 'SPD known flow', size, kind: 'known flow', atMost: 50 })),
  ...sadSizes.map((size): Lookup => ({ name: 'SAD', size, kind: 'SPI' })),
];

const packets = 8 * espBatch;
const packetOctets = 256;
const shortest = 20;
const capacities = { spdEntries: 16, spdRows: 16, bindingRows: 16, packetSlots: packets, packetOctets };

/**
 * Sees that all packets are dropped where they should be, then measures.
 *
 * @throws WrongResult
 */
export async function measureLookup(lookup: Lookup, seconds: number): Promise<EspBenchRow> {
  const [behind, before] = lookup.kind === 'SPI' ? sadWorks(lookup) : spdWorks(lookup);
  const contestants = [behind, before].map((work, index) => ({
    name: index === 0 ? 'behind' : 'before',
    octetsPerRun: packets,
    slice: (milliseconds: number) => runSlice(work, milliseconds),
  }));
  const [behindSpeeds = [], beforeSpeeds = []] = await takeTurns(contestants, seconds);
  const ns = median(
    behindSpeeds.map((speed, round) => 1e9 / speed - 1e9 / (beforeSpeeds[round] ?? Number.NaN)),
  );
  const { name, size, kind, atMost } = lookup;
  const measured = {
    bench: 'esp',
    name,
    direction: kind === 'SPI' ? 'inbound' : 'outbound',
    size: `${size}`,
    batch: espBatch,
    octets: 0,
    mbPerSecond: 0,
    nsPerPacket: ns,
    ratio: {},
  };
  return atMost === undefined
    ? measured
    : { ...measured, limit: { nsAtMost: atMost, reached: ns <= atMost } };
}

/** Runs the packets once. Throws WrongResult if one of them is not dropped for `reason`. */
function checked(lookup: Lookup, engine: Dataplane, reason: number, work: Work): Work {
  work.prepare?.();
  work.run();
  for (let index = 0; index < packets; index++) {
    const found = engine.batch.reason(index);
    if (found !== reason) {
      const title = `${lookup.name}, ${lookup.size}`;
      throw new WrongResult(title, 'firmware', `packet ${index}: expected drop ${reason}, found ${found}`);
    }
  }
  return work;
}

/** An SPD of prefixes behind this router's network, whose packets are all discarded. */
function spdWorks(lookup: Lookup): [Work, Work] {
  const { size } = lookup;
  const engine = new Dataplane({
    random: (octets) => sample('SPD', octets),
    capacities: { ...capacities, saPairs: 16, spdEntries: size, spdRows: size },
  });
  const network = (entry: number) =>
    [172, 16 + (entry >> 12), (entry >> 4) & 255, (entry & 15) << 4] as const;
  engine.change(
    {
      spd: Array.from({ length: size }, (_, entry) => ({
        name: `${entry}`,
        selectors: [between('10.1.0.0/16', `${network(entry).join('.')}/28`)],
        action: 'DISCARD' as const,
      })),
    },
    0,
  );
  const places = sample('entries', 4 * packets);
  const plain = Array.from({ length: packets }, (_, index) => {
    const entry = new DataView(places.buffer).getUint32(4 * index) % size;
    return innerPacket([10, 1, 0, 5], network(entry), 40, `packet ${index}`);
  });
  const cut = plain.map((_, index) => innerPacket([10, 1, 0, 5], [172, 16, 0, index], shortest, ''));
  const { batch } = engine;
  let flow = 0;
  const work = (some: readonly Uint8Array[], isNew: boolean): Work => ({
    prepare() {
      for (let index = 0; index < packets; index++) {
        const packet = some[index] as Uint8Array;
        const at = batch.packetAddress(index);
        batch.memory.set(packet, at);
        if (isNew) {
          flow++;
          batch.memory.set([(flow >> 8) & 255, flow & 255, (flow >> 24) & 255, (flow >> 16) & 255], at + 20);
        }
        batch.setOutbound(index, packet.length);
      }
    },
    run() {
      for (let first = 0; first < packets; first += espBatch) engine.runOutbound(espBatch, 0, first);
    },
  });
  const isNew = lookup.kind === 'new flow';
  return [
    checked(lookup, engine, DROP_SPD_DISCARD, work(plain, isNew)),
    checked(lookup, engine, DROP_HEADER_MALFORMED, work(cut, false)),
  ];
}

/** SAs whose packets are all too short, which shows behind the lookup. */
function sadWorks(lookup: Lookup): [Work, Work] {
  const pairs = lookup.size / 2;
  const proposal = parseProposal(defaultProposal);
  if (!proposal.ok) throw new RangeError(proposal.message);
  const engine = new Dataplane({
    random: (octets) => sample('SAD', octets),
    capacities: {
      ...capacities,
      saPairs: Math.max(16, 2 ** Math.ceil(Math.log2(pairs))),
      bindingRows: 4 * pairs,
    },
  });
  engine.change(
    { install: Array.from({ length: pairs }, (_, n) => ({ pair: pairOf(n, proposal.value), use: false })) },
    0,
  );
  const places = sample('SPIs', 4 * packets);
  const addresses = Uint8Array.of(192, 0, 2, 2, 192, 0, 2, 1);
  const { batch } = engine;
  const work = (spiOf: (index: number) => number): Work => {
    const headers = Array.from({ length: packets }, (_, index) => {
      const header = Buffer.alloc(12);
      header.writeUInt32BE(spiOf(index), 0);
      return header;
    });
    return {
      prepare() {
        for (let index = 0; index < packets; index++) {
          batch.memory.set(headers[index] as Uint8Array, batch.packetAddress(index));
          batch.setInbound(index, 12, 4, true, addresses, 0, 4500, 4, 0);
        }
      },
      run() {
        for (let first = 0; first < packets; first += espBatch) engine.runInbound(espBatch, 0, first);
      },
    };
  };
  const known = (index: number) => firstSpi + (new DataView(places.buffer).getUint32(4 * index) % pairs);
  return [
    checked(lookup, engine, DROP_ESP_TOO_SHORT, work(known)),
    checked(
      lookup,
      engine,
      DROP_SPI_RESERVED,
      work(() => 1),
    ),
  ];
}

const firstSpi = 0x10000;

function pairOf(number: number, proposal: Proposal): SaPair {
  const selectors = [between('10.1.0.0/16', '10.2.0.0/16')];
  return {
    entry: '',
    kind: 'all',
    precedence: 0,
    precedents: [],
    inbound: saOf('near', 'inbound', firstSpi + number, proposal, selectors),
    outbound: saOf('near', 'outbound', 0x80000 + number, proposal, selectors),
    deliver: 'network',
  };
}
