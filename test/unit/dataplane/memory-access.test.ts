/**
 * What a run reads and writes, access by access: of the packets nothing but its own slot, there nothing beyond the room around
 * the packet, no key for longer than it takes, no canary, no other descriptor. So it is of no consequence what lies around
 * a packet, which is tested too; and a descriptor that demands more than its slot is refused before anything is read.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { DESCRIPTOR_LENGTH, DESCRIPTOR_SIZE, DESCRIPTOR_START } from '../../../firmware/abi/descriptor.ts';
import { dropReasonName } from '../../../firmware/abi/drop-reason.ts';
import {
  CONFIGURATION_ADDRESS,
  CONFIGURATION_REGIONS,
  CONFIGURATION_SIZE,
  CONFIGURE_REGION,
  MEMORY_PAGE_OCTETS,
  PACKET_HEADROOM,
  PACKET_TAILROOM,
  REGION_BANK_0,
  REGION_BANK_1,
  REGION_BINDING_ROWS,
  REGION_CIPHERS,
  REGION_COUNT,
  REGION_COUNTERS,
  REGION_DESCRIPTORS,
  REGION_ENTRY_STATE,
  REGION_EVENTS,
  REGION_FLOWS,
  REGION_HELD_PACKETS,
  REGION_HELD_RECORDS,
  REGION_PACKETS,
  REGION_REPLAY,
  REGION_SA_SLOTS,
} from '../../../firmware/abi/layout.ts';
import { VERDICT_DELIVER, VERDICT_DROP, VERDICT_SEND } from '../../../firmware/abi/verdict.ts';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { layOutMemory, writeConfiguration } from '../../../host/dataplane/memory-layout.ts';
import { proposalsOf } from '../../../host/model/proposal.ts';
import type { SaProtocol } from '../../../host/model/security-association.ts';
import { InnerPacketWriter } from '../../../tools/fuzz/packets/inner-packet.ts';
import { mutateEsp, mutateIp } from '../../../tools/fuzz/packets/mutation.ts';
import { Random } from '../../../tools/fuzz/random.ts';
import {
  dataplane,
  engineWithPair,
  pair,
  pseudoRandom,
  type SaOptions,
  selector,
} from '../../property/dataplane/engines.ts';
import { leastCapacities } from './memory-state.ts';
import { compileObserved, ObservedFirmware } from './observed-firmware.ts';

/** Enough packets at once for every cipher and hash that takes some side by side. */
const BATCH = 9;
const capacities = { ...leastCapacities, packetSlots: BATCH };
const layout = layOutMemory(capacities);
const region = (index: number): number => layout.regions[index]!;
const everything = [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')];
/** Of each proposal and test: as many as take seconds in all. */
const PACKETS = 120;

let module: WebAssembly.Module;
beforeAll(() => {
  module = compileObserved();
});

const READ = 1;
const WRITE = 2;

/** What a run of slots 0 to `count` - 1 may touch: a permission for each octet of memory. */
function permissions({ batch }: Dataplane, count: number): Uint8Array {
  const may = new Uint8Array(layout.pages * MEMORY_PAGE_OCTETS);
  const permit = (at: number, size: number, what: number) => may.fill(what, at, at + size);
  permit(0, CONFIGURATION_ADDRESS, READ | WRITE);
  permit(CONFIGURATION_ADDRESS, CONFIGURATION_SIZE, READ);
  for (const readable of [REGION_CIPHERS, REGION_BINDING_ROWS, REGION_BANK_0, REGION_BANK_1])
    permit(region(readable), layout.regionSizes[readable]!, READ);
  for (const writable of [
    REGION_COUNTERS,
    REGION_SA_SLOTS,
    REGION_REPLAY,
    REGION_ENTRY_STATE,
    REGION_FLOWS,
    REGION_EVENTS,
    REGION_HELD_RECORDS,
    REGION_HELD_PACKETS,
  ])
    permit(region(writable), layout.regionSizes[writable]!, READ | WRITE);
  permit(region(REGION_DESCRIPTORS), count * DESCRIPTOR_SIZE, READ | WRITE);
  for (let index = 0; index < count; index++)
    permit(
      batch.start(index) - PACKET_HEADROOM,
      PACKET_HEADROOM + batch.length(index) + PACKET_TAILROOM,
      READ | WRITE,
    );
  return may;
}

/** How many octets behind the end of a packet were touched at most, over all packets. */
const reach = { outbound: 0, inbound: 0 };

/** Runs slots 0 to `count` - 1 of the engine on the observed firmware, and on the engine itself. */
function runObserved(
  engine: Dataplane,
  observed: ObservedFirmware,
  direction: 'outbound' | 'inbound',
  count: number,
): void {
  const { batch } = engine;
  observed.become(engine.buffer, engine.snapshot(0).generation);
  const may = permissions(engine, count);
  const ends = Array.from({ length: count }, (_, index) => batch.start(index) + batch.length(index));
  let trespass: string | undefined;
  observed.observe(
    (at, octets, writes) => {
      const needed = writes ? WRITE : READ;
      if ((may[at]! & needed) === 0 || (may[at + octets - 1]! & needed) === 0)
        trespass ??= `${writes ? 'wrote' : 'read'} ${octets} octets at ${at}; packets end at ${ends.join()}`;
      const index = Math.floor((at - region(REGION_PACKETS)) / layout.packetStride);
      if (index < 0 || index >= count) return;
      reach[direction] = Math.max(reach[direction], at + octets - ends[index]!);
    },
    `run_${direction}`,
    0,
    count,
    0,
  );
  if (trespass !== undefined) expect.fail(trespass);
  if (direction === 'outbound') engine.runOutbound(count, 0);
  else engine.runInbound(count, 0);
  // The observed firmware is the shipped one in all that it does, or it would witness nothing.
  const same = Buffer.compare(
    observed.memory.subarray(CONFIGURATION_ADDRESS),
    new Uint8Array(engine.buffer, CONFIGURATION_ADDRESS),
  );
  if (same !== 0) expect.fail('the observed firmware did something else');
}

interface Form {
  readonly protocol: SaProtocol;
  readonly proposal: string;
  readonly index: number;
}

interface Ends {
  readonly sender: Dataplane;
  readonly receiver: Dataplane;
}

/** Two engines with the two ends of one SA. */
function ends(options: SaOptions): Ends {
  const sender = engineWithPair(options, dataplane({ capacities }));
  const receiver = dataplane({ capacities });
  receiver.change({ install: [{ pair: pair(0x2002, 0x1001, options, { entry: '' }), use: true }] }, 0);
  return { sender, receiver };
}

function optionsOf({ protocol, proposal, index }: Form): SaOptions {
  return {
    protocol,
    proposal,
    selectors: everything,
    mode: index % 2 === 0 ? 'tunnel' : 'transport',
    esn: index % 3 === 0,
    encapsulation: protocol === 'ah' || index % 3 === 1 ? 'raw' : 'udp',
    replayWindow: ([0, 64, 8192] as const)[index % 3]!,
  };
}

/** Moves what the sender sends out of slot `from` into slot `to` of the receiver, whole. */
function hand(random: Random, { sender, receiver }: Ends, from: number, to: number, hostile: boolean): void {
  const { batch } = receiver;
  const at = batch.packetAddress(to);
  batch.memory.set(sender.batch.copyPacket(from), at);
  let length = sender.batch.length(from);
  if (hostile) {
    const espAt = at + sender.batch.espStart(from) - sender.batch.start(from);
    if (random.oneIn(2)) length = mutateIp(random, batch.memory, at, length);
    else mutateEsp(random, batch.memory, espAt, sender.batch.espLength(from));
  }
  batch.setInboundWhole(to, length);
}

const forms = (['esp', 'ah'] as const).flatMap((protocol) =>
  proposalsOf(protocol).map(({ keyword }, index): Form => ({ protocol, proposal: keyword, index })),
);

describe.each(forms)('$protocol $proposal', (form) => {
  const { protocol, index } = form;
  it('reads and writes nothing beyond the packet’s room, whatever the packet', () => {
    const random = new Random(2026, index);
    const options = optionsOf(form);
    const both = ends(options);
    const observed = {
      sender: new ObservedFirmware(module, layout),
      receiver: new ObservedFirmware(module, layout),
    };
    const { batch } = both.sender;
    const writer = new InnerPacketWriter(random, batch.memory, 1024);
    let [sent, delivered] = [0, 0];
    for (let round = 0; round < PACKETS / BATCH; round++) {
      // One at a time as well as many at once.
      const count = round % 4 === 0 ? 1 : BATCH;
      for (let slot = 0; slot < count; slot++) {
        let length = writer.write(batch.packetAddress(slot), 700, 1);
        if (slot % 3 === 2) length = mutateIp(random, batch.memory, batch.packetAddress(slot), length);
        batch.setOutbound(slot, length);
      }
      runObserved(both.sender, observed.sender, 'outbound', count);
      let arrived = 0;
      for (let slot = 0; slot < count; slot++) {
        if (batch.verdict(slot) === VERDICT_SEND) hand(random, both, slot, arrived++, slot % 2 === 1);
      }
      sent += arrived;
      runObserved(both.receiver, observed.receiver, 'inbound', arrived);
      for (let slot = 0; slot < arrived; slot++) {
        if (both.receiver.batch.verdict(slot) === VERDICT_DELIVER) delivered++;
      }
    }
    expect(sent).toBeGreaterThan(PACKETS / 4);
    expect(delivered).toBeGreaterThan(PACKETS / 16);
    // Block, trailer and the longest ICV; what arrives has them already.
    expect(reach.outbound).toBeLessThanOrEqual(PACKET_TAILROOM);
    // What AH covers of an extended sequence number stands behind the packet for a while.
    expect(reach.inbound).toBe(protocol === 'ah' ? 4 : 0);
  });

  it('gives the same whatever lies around the packet', () => {
    const options = optionsOf(form);
    const surroundings = [
      (octets: Uint8Array) => octets.fill(0),
      (octets: Uint8Array) => octets.fill(0xff),
      (octets: Uint8Array) => octets.set(pseudoRandom('around', octets.length)),
    ];
    const [expected, ...others] = surroundings.map((fill) => outcomes(index, options, fill));
    expect(expected!.some(({ text }) => text.startsWith(`${VERDICT_SEND} `))).toBe(true);
    expect(expected!.some(({ text }) => text.startsWith(`${VERDICT_DELIVER} `))).toBe(true);
    for (const other of others) expect(other).toEqual(expected);
  });
});

/** Verdict, reason, place, length and octets of many packets, all drawn alike, in slots that were filled before. */
function outcomes(seed: number, options: SaOptions, fill: (octets: Uint8Array) => void): { text: string }[] {
  const random = new Random(4301, seed);
  const both = ends(options);
  const found: { text: string }[] = [];
  const note = ({ batch }: Dataplane) => {
    const passed = batch.verdict(0) !== VERDICT_DROP;
    const octets = passed ? Buffer.from(batch.copyPacket(0)).toString('hex') : '';
    const where = [batch.start(0), batch.length(0)];
    found.push({ text: [batch.verdict(0), batch.reason(0), ...where, octets].join(' ') });
  };
  // Packets are made elsewhere, so that what lies around them is the filling alone.
  const scratch = new Uint8Array(4096);
  const place = ({ batch }: Dataplane, length: number) => {
    const slot = batch.packetAddress(0) - PACKET_HEADROOM;
    fill(batch.memory.subarray(slot, slot + layout.packetStride));
    batch.memory.set(scratch.subarray(0, length), batch.packetAddress(0));
  };
  const writer = new InnerPacketWriter(random, scratch, 1024);
  for (let count = 0; count < PACKETS; count++) {
    let length = writer.write(0, 700, 1);
    if (count % 2 === 0) length = mutateIp(random, scratch, 0, length);
    place(both.sender, length);
    both.sender.batch.setOutbound(0, length);
    both.sender.runOutbound(1, 0);
    note(both.sender);
    if (both.sender.batch.verdict(0) !== VERDICT_SEND) continue;
    scratch.set(both.sender.batch.copyPacket(0));
    length = both.sender.batch.length(0);
    if (count % 3 === 0) length = mutateIp(random, scratch, 0, length);
    place(both.receiver, length);
    both.receiver.batch.setInboundWhole(0, length);
    both.receiver.runInbound(1, 0);
    note(both.receiver);
  }
  return found;
}

describe('a descriptor', () => {
  const end = layout.pages * MEMORY_PAGE_OCTETS;

  /** Runs slot 0 with any start and length on both ways; returns the drop reasons. */
  function run(engine: Dataplane, start: number, length: number): string[] {
    const at = region(REGION_DESCRIPTORS);
    const view = new DataView(engine.buffer);
    return (['outbound', 'inbound'] as const).map((direction) => {
      if (direction === 'outbound') engine.batch.setOutbound(0, 0);
      else engine.batch.setInboundWhole(0, 0);
      view.setUint32(at + DESCRIPTOR_START, start, true);
      view.setUint32(at + DESCRIPTOR_LENGTH, length, true);
      if (direction === 'outbound') engine.runOutbound(1, 0);
      else engine.runInbound(1, 0);
      return dropReasonName(engine.batch.reason(0));
    });
  }

  it('that demands the end of memory, more, or what wraps around, is refused without a trap', () => {
    const engine = engineWithPair({}, dataplane({ capacities }));
    const starts = [
      0,
      1,
      65_535,
      65_536,
      end - 129,
      end - 64,
      end - 20,
      end - 1,
      end,
      end + 1,
      2 ** 31,
      2 ** 32 - 1,
    ];
    const lengths = [0, 1, 20, 63, 64, 65, 128, 65_535, 2 ** 31, 2 ** 32 - 64, 2 ** 32 - 1];
    for (const start of starts) {
      for (const length of lengths)
        expect(run(engine, start, length)).toEqual(['descriptor-invalid', 'descriptor-invalid']);
    }
    for (const length of [
      2 ** 32 - 1,
      2 ** 32 - engine.batch.packetAddress(0),
      end - engine.batch.packetAddress(0),
    ])
      expect(run(engine, engine.batch.packetAddress(0), length)).toEqual([
        'descriptor-invalid',
        'descriptor-invalid',
      ]);
    expect(engine.lost).toBeUndefined();
  });

  it('may place a packet anywhere in its slot that leaves the room around it, and nowhere else', () => {
    const engine = engineWithPair({}, dataplane({ capacities }));
    const slot = region(REGION_PACKETS);
    for (let start = slot; start <= slot + layout.packetStride; start++) {
      for (const length of [0, 1, 20, 100]) {
        const fits =
          start >= slot + PACKET_HEADROOM && start + length + PACKET_TAILROOM <= slot + layout.packetStride;
        for (const reason of run(engine, start, length)) {
          if ((reason !== 'descriptor-invalid') !== fits)
            expect.fail(`${reason} for ${length} at ${start - slot}`);
        }
      }
    }
  });

  it('of a slot at the end of memory cannot exist: no region may end there, because a canary must be behind it', () => {
    const observed = new ObservedFirmware(module, layout);
    for (let last = 0; last < REGION_COUNT; last++) {
      writeConfiguration(observed.buffer, layout, new Uint8Array(16));
      const at = CONFIGURATION_ADDRESS + CONFIGURATION_REGIONS + 4 * last;
      const start = (end - layout.regionSizes[last]!) & ~63;
      new DataView(observed.buffer).setUint32(at, start, true);
      expect(observed.call('configure')).toBe(CONFIGURE_REGION);
    }
  });
});
