/**
 * A batch does to its packets what one packet after the other would do, octet for octet, whatever runs side by side in it:
 * packets of several SAs and algorithms mixed, of any lengths, with some that are refused among them.
 */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DROP_ICV, DROP_REPLAY } from '../../../firmware/abi/drop-code.ts';
import { VERDICT_DELIVER, VERDICT_DROP, VERDICT_SEND } from '../../../firmware/abi/verdict.ts';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { proposalsOf } from '../../../host/model/proposal.ts';
import {
  dataplane,
  engineWithPair,
  pair,
  protect,
  pseudoRandom,
  referenceSa,
  selector,
  sent,
} from './engines.ts';
import { packetOf, UDP } from './packets.ts';
import { referenceOpen, referenceSeal } from './reference-esp.ts';

const batchSlots = 150;
const saCount = 6;

interface Side {
  readonly proposal: string;
  readonly esn: boolean;
  readonly ipv6: boolean;
}

const sides = fc.record({
  proposal: fc.oneof(
    fc.constantFrom('aes128-sha256', 'aes256-sha1', 'aes192-sha512', 'null-sha256', 'aes128ctr-sha1'),
    fc.constantFrom(...proposalsOf('esp').map(({ keyword }) => keyword)),
  ),
  esn: fc.boolean(),
  ipv6: fc.boolean(),
});

const setups = fc.record({
  sides: fc.array(sides, { minLength: saCount, maxLength: saCount }),
  packets: fc.array(
    fc.record({
      side: fc.nat(saCount - 1),
      length: fc.oneof(fc.nat(80), fc.nat(1400)),
      trouble: fc.oneof(
        { weight: 4, arbitrary: fc.constant('none') },
        fc.constantFrom('changed', 'repeated'),
      ),
    }),
    { minLength: 1, maxLength: batchSlots },
  ),
});

const inboundSpi = (side: number): number => 0x1001 + side;
const outboundSpi = (side: number): number => 0x2001 + side;

/** A router with an SPD entry and a pair for each side: 10.2.SIDE.0/24 is behind peer SIDE. */
function router(all: readonly Side[]): Dataplane {
  const engine = dataplane({ capacities: { packetSlots: batchSlots } });
  const selectors = all.map((_, side) => [selector('10.1.0.0/16', `10.2.${side}.0/24`)]);
  engine.change(
    {
      spd: selectors.map((one, side) => protect(`to-${side}`, one)),
      install: all.map(({ proposal, esn, ipv6 }, side) => ({
        pair: pair(
          inboundSpi(side),
          outboundSpi(side),
          {
            proposal,
            esn,
            replayWindow: 256,
            ...(ipv6 ? { local: '2001:db8::1', remote: `2001:db8::${side + 2}` } : {}),
            selectors: selectors[side] ?? [],
          },
          { entry: `to-${side}` },
        ),
        use: true,
      })),
    },
    0,
  );
  return engine;
}

function innerPacket(side: number, length: number, number: number, outbound: boolean): Uint8Array {
  const [near, far] = ['10.1.0.5', `10.2.${side}.6`];
  return packetOf({
    source: outbound ? near : far,
    destination: outbound ? far : near,
    protocol: UDP,
    upper: [1000, 2000],
    payload: pseudoRandom(`packet ${number}`, length),
  });
}

it('outbound: makes the packets that one after the other would be, and a stranger opens them', () => {
  fc.assert(
    fc.property(setups, ({ sides: all, packets }) => {
      const [together, alone] = [router(all), router(all)];
      const plain = packets.map(({ side, length }, number) => innerPacket(side, length, number, true));
      for (const [index, packet] of plain.entries()) {
        together.batch.memory.set(packet, together.batch.packetAddress(index));
        together.batch.setOutbound(index, packet.length);
      }
      together.runOutbound(packets.length, 0);
      const numbers = Array.from({ length: saCount }, () => 0n);
      for (const [index, { side }] of packets.entries()) {
        expect(together.batch.verdict(index)).toBe(VERDICT_SEND);
        alone.batch.memory.set(plain[index] ?? [], alone.batch.packetAddress(0));
        alone.batch.setOutbound(0, plain[index]?.length ?? 0);
        alone.runOutbound(1, 0);
        expect(hex(together.batch.copyPacket(index))).toBe(hex(alone.batch.copyPacket(0)));
        const number = (numbers[side] ?? 0n) + 1n;
        numbers[side] = number;
        const sa = referenceSa(outboundSpi(side), all[side]);
        const opened = referenceOpen(sa, together.batch.copyEsp(index));
        expect(opened?.sequence).toBe(number);
        expect(hex(opened?.payload)).toBe(hex(plain[index]));
      }
    }),
    { numRuns: 60 },
  );
});

it('inbound: takes and refuses what one after the other would be', () => {
  fc.assert(
    fc.property(setups, ({ sides: all, packets }) => {
      const engine = router(all);
      const numbers = Array.from({ length: saCount }, () => 0n);
      const genuine = packets.map(({ side, length, trouble }, index) => {
        const inner = innerPacket(side, length, index, false);
        // A repetition is of the packet before, if there was one of that SA.
        const number = (numbers[side] ?? 0n) + (trouble === 'repeated' && numbers[side] !== 0n ? 0n : 1n);
        numbers[side] = number;
        const sealed = Buffer.from(referenceSeal(referenceSa(inboundSpi(side), all[side]), number, inner, 4));
        const place = sealed.length - 1 - (index % 12);
        if (trouble === 'changed') sealed[place] = (sealed[place] ?? 0) ^ 0x10;
        return { side, number, inner, sealed, isChanged: trouble === 'changed' };
      });
      for (const [index, { side, sealed }] of genuine.entries()) {
        const { batch } = engine;
        batch.memory.set(sealed, batch.packetAddress(index));
        const ipv6 = all[side]?.ipv6 === true;
        const addresses = Uint8Array.of(...new Array(31).fill(0), 1);
        batch.setInbound(index, sealed.length, ipv6 ? 6 : 4, true, addresses, 0, 4500, 16, 0);
      }
      const surroundings = engine.batch.memory.slice(0);
      engine.runInbound(packets.length, 0);
      const accepted = new Set<string>();
      for (const [index, { side, number, inner, sealed, isChanged }] of genuine.entries()) {
        const { batch } = engine;
        const name = `${side} ${number}`;
        if (accepted.has(name) || isChanged) {
          expect(batch.verdict(index)).toBe(VERDICT_DROP);
          expect(batch.reason(index)).toBe(accepted.has(name) ? DROP_REPLAY : DROP_ICV);
          // What was refused lies there as it was received.
          const at = batch.packetAddress(index);
          expect(hex(batch.memory.subarray(at, at + sealed.length))).toBe(hex(sealed));
        } else {
          accepted.add(name);
          expect(batch.verdict(index)).toBe(VERDICT_DELIVER);
          expect(hex(batch.copyPacket(index))).toBe(hex(inner));
        }
        // Nothing behind the packet was written.
        const end = batch.packetAddress(index) + sealed.length;
        expect(hex(batch.memory.subarray(end, end + 64))).toBe(hex(surroundings.subarray(end, end + 64)));
      }
    }),
    { numRuns: 60 },
  );
});

it.each(['aes128-sha256', 'aes256-sha1', 'aes192-aescmac'])(
  'with %s: the IV is the number, encrypted under a key of the installation alone',
  (proposal) => {
    for (const first of [1n, 0xfffffffen, 0x0123456789abcdefn]) {
      const options = { proposal, esn: true, firstSequence: first };
      const engine = engineWithPair(options, dataplane({ random: (length) => pseudoRandom('IV', length) }));
      const cipher = createCipheriv('aes-128-ecb', pseudoRandom('IV', 16), null).setAutoPadding(false);
      for (let sequence = first; sequence < first + 3n; sequence++) {
        const packet = innerPacket(0, 20, 0, true);
        const { esp } = sent(engine.outbound(packet, 0));
        const number = Buffer.from(sequence.toString(16).padStart(32, '0'), 'hex');
        expect(hex(esp.subarray(8, 24))).toBe(hex(cipher.update(number)));
      }
    }
  },
);

function hex(octets: Uint8Array | undefined): string {
  return Buffer.from(octets ?? []).toString('hex');
}
