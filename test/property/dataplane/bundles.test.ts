/** Bundles through the firmware: cut as Linux would cut them, and put together so that Linux cuts them to what arrived. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUNDLE_OCTETS, VNET_HEADER } from '../../../firmware/abi/bundle.ts';
import {
  DESCRIPTOR_BUNDLE_NEXT,
  DESCRIPTOR_BUNDLE_SKIP,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_SIZE,
  DESCRIPTOR_START,
  DESCRIPTOR_VERDICT,
  SLOT_NONE,
} from '../../../firmware/abi/descriptor.ts';
import { PACKET_HEADROOM, REGION_DESCRIPTORS, REGION_PACKETS } from '../../../firmware/abi/layout.ts';
import { VERDICT_DELIVER, VERDICT_DROP } from '../../../firmware/abi/verdict.ts';
import { FirmwareInstance } from '../../../host/dataplane/instance.ts';
import { bundleOf, cut, flag, type SegmentPlan, segmentOf, segmentsOf } from './bundle-model.ts';
import { dataplane, pseudoRandom, smallCapacities } from './engines.ts';
import { internetChecksum, packetOf, TCP, UDP } from './packets.ts';

/** More than a bundle of UDP may have. */
const slots = 80;
const engine = dataplane({ capacities: { packetSlots: slots } });
const ends = (isIpv6: boolean) =>
  isIpv6
    ? { source: '2001:db8::1', destination: '2001:db8:2::2' }
    : { source: '10.1.0.5', destination: '10.2.0.6' };

const plans = fc
  .record({
    isIpv6: fc.boolean(),
    protocol: fc.constantFrom<typeof TCP | typeof UDP>(TCP, UDP),
    payloadOctets: fc.integer({ min: 1, max: 60_000 }),
    segmentSize: fc.integer({ min: 8, max: 1900 }),
    sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
    identification: fc.integer({ min: 0, max: 0xffff }),
    flags: fc.constantFrom(flag.ack, flag.ack | flag.psh, flag.ack | flag.fin, flag.ack | flag.cwr),
    options: fc.constantFrom(0, 12, 40),
    dontFragment: fc.boolean(),
  })
  .map(({ isIpv6, payloadOctets, segmentSize, protocol, options, ...rest }) => ({
    segmentSize,
    plan: {
      ...ends(isIpv6),
      ...rest,
      protocol,
      options: protocol === TCP ? options : 0,
      ports: [4711, 80],
      payload: pseudoRandom(`payload ${payloadOctets}`, payloadOctets),
    } satisfies SegmentPlan,
  }));

/** Has the firmware cut `bundle`, `step` packets at a time, to copies. */
function cutByFirmware(bundle: Uint8Array, step: number): Uint8Array[] {
  const { batch } = engine;
  batch.memory.set(bundle, batch.outboundBundleAddress);
  const count = engine.openOutboundBundle(bundle.length);
  const packets: Uint8Array[] = [];
  while (packets.length < count) {
    const taken = engine.takeSegments(packets.length, step, 0);
    expect(taken).toBe(Math.min(step, count - packets.length));
    for (let slot = 0; slot < taken; slot++) packets.push(batch.copyPacket(slot));
  }
  expect(engine.takeSegments(count, step, 0)).toBe(0);
  return packets;
}

describe('a bundle from the protected side', () => {
  it('is cut as Linux cuts it, in any number of steps', () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: slots }), ({ plan, segmentSize }, step) => {
        const found = cutByFirmware(bundleOf(plan, segmentSize), step);
        expect(found.map(hex)).toEqual(segmentsOf(plan, segmentSize).map(hex));
      }),
      { numRuns: 40 },
    );
  });

  it.each([false, true])('that is one packet has its checksum made, IPv6 %s', (isIpv6) => {
    for (const protocol of [TCP, UDP] as const) {
      const plan: SegmentPlan = {
        ...ends(isIpv6),
        protocol,
        ports: [1, 2],
        payload: pseudoRandom('single', 301),
      };
      const bundle = bundleOf(plan, 0);
      bundle[1] = 0;
      expect(cutByFirmware(bundle, slots).map(hex)).toEqual([hex(segmentOf(plan))]);
    }
  });

  it('is left alone where it is one packet with a checksum', () => {
    const packet = packetOf({ ...ends(false), protocol: UDP, upper: [1, 2] });
    const bundle = new Uint8Array(VNET_HEADER + packet.length);
    bundle.set(packet, VNET_HEADER);
    expect(cutByFirmware(bundle, 1).map(hex)).toEqual([hex(packet)]);
  });

  it('that makes no sense comes out as packets within their slots, or not at all', () => {
    const { batch } = engine;
    expect(engine.openOutboundBundle(VNET_HEADER)).toBe(0);
    expect(engine.openOutboundBundle(BUNDLE_OCTETS + 1)).toBe(0);
    fc.assert(
      fc.property(plans, fc.uint8Array({ minLength: 10, maxLength: 30 }), ({ plan, segmentSize }, noise) => {
        const bundle = bundleOf(plan, segmentSize);
        bundle.set(noise, 0);
        batch.memory.set(bundle, batch.outboundBundleAddress);
        const count = engine.openOutboundBundle(bundle.length);
        for (let first = 0; first < Math.min(count, 1000); first += slots) {
          const taken = engine.takeSegments(first, slots, 0);
          for (let slot = 0; slot < taken; slot++) {
            expect(batch.start(slot)).toBe(batch.packetAddress(slot));
            expect(batch.length(slot)).toBeLessThanOrEqual(batch.packetRoom);
          }
        }
        expect(engine.hasIntactCanaries()).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('takes no slot that there is not', () => {
    const bundle = bundleOf(
      { ...ends(false), protocol: TCP, ports: [1, 2], payload: new Uint8Array(9000) },
      100,
    );
    engine.batch.memory.set(bundle, engine.batch.outboundBundleAddress);
    expect(engine.openOutboundBundle(bundle.length)).toBe(90);
    expect(engine.takeSegments(0, 90, slots + 1)).toBe(0);
    // The slot behind the batch, for single packets, is there.
    expect(engine.takeSegments(0, 90, slots - 2)).toBe(3);
    expect(engine.hasIntactCanaries()).toBe(true);
  });
});

const instance = new FirmwareInstance({ ...smallCapacities, packetSlots: slots }, new Uint8Array(16));
const { regions, packetStride } = instance.layout;

interface Delivered {
  readonly packet: Uint8Array;
  /** Packets that are not delivered lie between those that are. */
  readonly verdict?: number;
}

/** Bundles that the firmware makes of `packets`, as they would be written to the TUN. */
function coalesced(packets: readonly Delivered[], withUdp = true): Uint8Array[] {
  const { octets, view } = instance;
  const descriptor = (slot: number) => (regions[REGION_DESCRIPTORS] ?? 0) + slot * DESCRIPTOR_SIZE;
  packets.forEach(({ packet, verdict }, slot) => {
    // As after decryption: somewhere in the slot.
    const start = (regions[REGION_PACKETS] ?? 0) + slot * packetStride + PACKET_HEADROOM + 16;
    octets.set(packet, start);
    view.setUint32(descriptor(slot) + DESCRIPTOR_START, start, true);
    view.setUint32(descriptor(slot) + DESCRIPTOR_LENGTH, packet.length, true);
    view.setUint32(descriptor(slot) + DESCRIPTOR_VERDICT, verdict ?? VERDICT_DELIVER, true);
  });
  instance.call('coalesce', 0, packets.length, withUdp ? 1 : 0);
  const read = (slot: number, field: number) => view.getUint32(descriptor(slot) + field, true);
  const bundles: Uint8Array[] = [];
  for (const [slot, { verdict }] of packets.entries()) {
    if (verdict !== undefined || read(slot, DESCRIPTOR_BUNDLE_SKIP) !== 0) continue;
    const start = read(slot, DESCRIPTOR_START);
    const pieces = [octets.slice(start - VNET_HEADER, start + read(slot, DESCRIPTOR_LENGTH))];
    for (let next = read(slot, DESCRIPTOR_BUNDLE_NEXT); next !== SLOT_NONE; ) {
      const from = read(next, DESCRIPTOR_START);
      pieces.push(
        octets.slice(from + read(next, DESCRIPTOR_BUNDLE_SKIP), from + read(next, DESCRIPTOR_LENGTH)),
      );
      next = read(next, DESCRIPTOR_BUNDLE_NEXT);
    }
    bundles.push(Uint8Array.from(Buffer.concat(pieces)));
  }
  return bundles;
}

const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');
/** Makes a first fragment of an IPv4 packet. */
function fragmented(packet: Uint8Array): void {
  packet[6] = 0x20;
  packet.fill(0, 10, 12);
  const header = Buffer.from(packet.subarray(0, 20));
  new DataView(packet.buffer, packet.byteOffset).setUint16(10, internetChecksum(header));
}

/** Flow of a packet: everything that selects it, from the addresses to the ports. */
const flowOf = (packet: Uint8Array) =>
  packet[0] === 0x45
    ? `${packet[9]} ${hex(packet.subarray(12, 24))}`
    : `${packet[6]} ${hex(packet.subarray(8, 44))}`;

const stream = (flow: number, isIpv6 = false, protocol: typeof TCP | typeof UDP = TCP): SegmentPlan => ({
  ...ends(isIpv6),
  protocol,
  ports: [5000 + flow, 80],
  sequence: 0xffff_f000,
  acknowledgement: 77,
  identification: 0xfffe,
  options: 12,
  payload: pseudoRandom(`stream ${flow}`, 1000 * 20),
});

describe('delivered packets', () => {
  it.each([
    [TCP, false],
    [TCP, true],
    [UDP, false],
    [UDP, true],
  ] as const)('of one flow of protocol %i become one bundle, IPv6 %s', (protocol, isIpv6) => {
    const segments = segmentsOf({ ...stream(1, isIpv6, protocol), flags: flag.ack | flag.psh }, 1000);
    const bundles = coalesced(segments.map((packet) => ({ packet })));
    expect(bundles).toHaveLength(1);
    expect(cut(bundles[0] as Uint8Array).map(hex)).toEqual(segments.map(hex));
  });

  it.each([
    [UDP, [64, 6]],
    [TCP, [70]],
  ] as const)('of protocol %i are as many to a bundle as every kernel takes', (protocol, counts) => {
    for (const isIpv6 of [false, true]) {
      const plan = { ...stream(1, isIpv6, protocol), payload: pseudoRandom('many', 70 * 100) };
      const segments = segmentsOf(plan, 100);
      const bundles = coalesced(segments.map((packet) => ({ packet }))).map(cut);
      expect(bundles.map(({ length }) => length)).toEqual(counts);
      expect(bundles.flat().map(hex)).toEqual(segments.map(hex));
    }
  });

  it('of UDP stay alone where the kernel takes no bundles of them, and TCP between them does not', () => {
    const datagrams = segmentsOf(stream(1, false, UDP), 1000);
    const segments = segmentsOf(stream(1), 1000);
    const packets = datagrams.flatMap((datagram, index) => [datagram, segments[index] as Uint8Array]);
    const [first, bundle, ...others] = coalesced(
      packets.map((packet) => ({ packet })),
      false,
    );
    expect(cut(bundle as Uint8Array).map(hex)).toEqual(segments.map(hex));
    const alone = [first as Uint8Array, ...others];
    expect(alone.map((packet) => hex(packet.subarray(VNET_HEADER)))).toEqual(datagrams.map(hex));
    // Nobody has looked at their checksums.
    for (const packet of alone) expect(hex(packet.subarray(0, VNET_HEADER))).toBe('00'.repeat(VNET_HEADER));
  });

  it.each([
    ['has no checksum', (packet: Uint8Array) => packet.fill(0, 26, 28)],
    ['has a wrong checksum', (packet: Uint8Array) => packet.fill(0xab, 40, 44)],
    ['is a fragment', (packet: Uint8Array) => fragmented(packet)],
  ])('of UDP do not overtake a datagram that %s', (_, spoil) => {
    const packets = segmentsOf(stream(1, false, UDP), 1000);
    const sixth = packets[5] as Uint8Array;
    spoil(sixth);
    const written = coalesced(packets.map((packet) => ({ packet })));
    expect(written).toHaveLength(3);
    expect(written.flatMap(cut).map(hex)).toEqual(packets.map(hex));
  });

  it('become bundles that Linux cuts to what arrived, in order within each flow', () => {
    const spoilt = fc.option(
      fc.constantFrom<Partial<SegmentPlan> | 'checksum' | 'gone' | 'length'>(
        { acknowledgement: 78 },
        { window: 1 },
        { flags: flag.ack | flag.psh },
        { flags: flag.ack | flag.fin },
        { flags: flag.ack | flag.cwr },
        { ttl: 63 },
        { tos: 3 },
        { dontFragment: true },
        { options: 8 },
        { identification: 5 },
        { payload: new Uint8Array(7).fill(7) },
        { payload: new Uint8Array(1100).fill(8) },
        { payload: new Uint8Array(0) },
        'checksum',
        'gone',
        'length',
      ),
      { freq: 4 },
    );
    const deliveries = fc.array(
      fc.record({ flow: fc.integer({ min: 0, max: 10 }), spoilt, verdict: fc.boolean() }),
      { minLength: 1, maxLength: slots },
    );
    fc.assert(
      fc.property(deliveries, (all) => {
        const position = new Map<number, number>();
        const packets = all.map(({ flow, spoilt: change, verdict }): Delivered => {
          const at = position.get(flow) ?? 0;
          position.set(flow, at + 1);
          const base = stream(flow, flow % 3 === 0, flow % 2 === 0 ? TCP : UDP);
          const plan: SegmentPlan = {
            ...base,
            payload: base.payload.subarray((at % 20) * 1000, ((at % 20) + 1) * 1000),
            sequence: ((base.sequence ?? 0) + at * 1000) >>> 0,
            identification: ((base.identification ?? 0) + at) & 0xffff,
          };
          const packet = segmentOf(typeof change === 'object' ? { ...plan, ...change } : plan);
          if (change === 'checksum') packet[packet.length - 1] = (packet.at(-1) ?? 0) ^ 1;
          // A length field of UDP that says less than there is; with TCP it spoils the checksum.
          if (change === 'length') packet[packet[0] === 0x45 ? 25 : 45] = 9;
          const isDropped = verdict && change === 'gone';
          return { packet, ...(isDropped ? { verdict: VERDICT_DROP } : {}) };
        });
        const arrived = packets.filter(({ verdict }) => verdict === undefined).map(({ packet }) => packet);
        const written = coalesced(packets).flatMap(cut);
        for (const flow of new Set(arrived.map(flowOf))) {
          const of = (list: readonly Uint8Array[]) => list.filter((one) => flowOf(one) === flow).map(hex);
          expect(of(written)).toEqual(of(arrived));
        }
        expect(written).toHaveLength(arrived.length);
      }),
      { numRuns: 100 },
    );
  });

  it('of interleaved streams become one bundle for each', () => {
    const streams = [0, 1, 2, 3].map((flow) => segmentsOf(stream(flow), 1000).slice(0, 16));
    const packets = Array.from({ length: 64 }, (_, index) => ({
      packet: streams[index % 4]?.[index >> 2] as Uint8Array,
    }));
    expect(coalesced(packets).map((bundle) => cut(bundle).map(hex))).toEqual(
      streams.map((segments) => segments.map(hex)),
    );
  });

  it('stay within the length that an IP header can say', () => {
    const segments = segmentsOf({ ...stream(1), payload: pseudoRandom('long', 64 * 1900) }, 1900);
    const bundles = coalesced(segments.map((packet) => ({ packet })));
    expect(bundles).toHaveLength(2);
    for (const bundle of bundles) expect(bundle.length).toBeLessThanOrEqual(VNET_HEADER + 65_535);
    expect(bundles.flatMap(cut).map(hex)).toEqual(segments.map(hex));
  });
});
