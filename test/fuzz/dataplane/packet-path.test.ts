/**
 * The packet path under bytes that nobody would send: random ones, genuine packets with octets changed, packets cut at every
 * length. Nothing traps, nothing is written outside its region, every packet gets a verdict and a counter, and nothing that
 * was not sealed by the peer comes out.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { proposalsOf } from '../../../host/model/proposal.ts';
import {
  address,
  arrival,
  dataplane,
  engineWithPair,
  reason,
  referenceSa,
  type SaOptions,
  selector,
} from '../../property/dataplane/engines.ts';
import { ICMP, packetOf, TCP, UDP } from '../../property/dataplane/packets.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';

const everything = [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')];
const forms: SaOptions[] = proposalsOf('esp').flatMap(({ keyword: proposal }) =>
  (['tunnel', 'transport'] as const).map((mode) => ({
    proposal,
    mode,
    esn: mode === 'tunnel',
    selectors: everything,
  })),
);

/** Genuine packets of many shapes, either direction. */
const samples = [
  packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol: UDP, upper: [1, 2], options: 40 }),
  packetOf({
    source: '10.1.0.1',
    destination: '10.2.0.1',
    protocol: TCP,
    upper: [1, 2],
    moreFragments: true,
  }),
  packetOf({
    source: '10.1.0.1',
    destination: '10.2.0.1',
    protocol: ICMP,
    upper: [8, 0],
    fragmentOffset: 64,
  }),
  packetOf({ source: 'fd01::1', destination: 'fd02::1', protocol: UDP, upper: [1, 2] }),
  packetOf({
    source: 'fd01::1',
    destination: 'fd02::1',
    protocol: TCP,
    upper: [1, 2],
    extensions: [0, 60, 43, 60].map((protocol) => ({ protocol, octets: 24 })),
    moreFragments: true,
  }),
];

const change = fc.record({ at: fc.nat(), value: fc.nat(255) });

function mutated(packet: Uint8Array, changes: readonly { at: number; value: number }[]): Uint8Array {
  const copy = Uint8Array.from(packet);
  for (const { at, value } of changes) if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
}

/** Every way into the engine that takes octets. */
function runAll(engine: Dataplane, octets: Uint8Array, now: number): string[] {
  return [
    reason(engine.outbound(octets, now)),
    reason(engine.outboundThrough(0x1001, octets, now)),
    reason(engine.inboundWhole(octets, now)),
    reason(engine.inbound(arrival(octets), now)),
    reason(engine.inbound(arrival(octets, { encapsulation: 'raw' }), now)),
    reason(
      engine.inbound(
        arrival(octets, { from: { address: address('fd01::9'), port: 1 }, to: address('fd01::8') }),
        now,
      ),
    ),
  ];
}

function checkSound(engine: Dataplane): void {
  expect(engine.lost).toBeUndefined();
  expect(engine.hasIntactCanaries()).toBe(true);
  expect(engine.drops()['descriptor-invalid']).toBe(0n);
}

describe('the packet path', () => {
  it('survives random octets, with and without the beginning of something real', () => {
    const heads = [[], [0x45], [0x60], [0x45, 0, 0, 40], [0, 0, 0x10, 1], [0, 0, 0x10, 1, 0, 0, 0, 1]];
    const octets = fc
      .tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 300 }))
      .map(([head, rest]) => Uint8Array.from([...head, ...rest]));
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.array(octets, { minLength: 20, maxLength: 40 }),
        (form, all) => {
          const engine = engineWithPair(form);
          for (const one of all) {
            const [, , ...inbound] = runAll(engine, one, 0);
            expect(inbound).not.toContain('deliver');
          }
          checkSound(engine);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('survives inner packets with any octets changed, and delivers them unchanged or not at all', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.constantFrom(...samples),
        fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 10, maxLength: 20 }),
        (form, sample, rounds) => {
          const engine = engineWithPair(form);
          const reference = referenceSa(0x1001, form);
          rounds.forEach((changes, index) => {
            const spoilt = mutated(sample, changes);
            runAll(engine, spoilt, index);
            // Authentic, but with nonsense inside: what a peer with a bug, or a malicious one, sends.
            const nextHeader =
              changes[0]!.value % 3 === 0 ? changes[0]!.value : spoilt[0]! >> 4 === 6 ? 41 : 4;
            const esp = referenceSeal(reference, BigInt(index + 1), spoilt, nextHeader);
            const outcome = engine.inbound(arrival(esp), index);
            if (outcome.kind === 'deliver' && form.mode === 'tunnel') {
              expect(Buffer.from(spoilt).subarray(0, outcome.packet.length).equals(outcome.packet)).toBe(
                true,
              );
            }
          });
          checkSound(engine);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('never believes an ESP packet of which any octet was changed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (form, changes) => {
          const engine = engineWithPair(form);
          const genuine = referenceSeal(referenceSa(0x1001, form), 7n, samples[0]!, 4);
          const spoilt = mutated(genuine, changes);
          const outcome = reason(engine.inbound(arrival(spoilt), 0));
          if (Buffer.from(spoilt).equals(genuine)) return;
          expect(['icv', 'spi-unknown', 'spi-reserved', 'not-esp', 'replay']).toContain(outcome);
          checkSound(engine);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each(forms)('survives packets cut at every length: $proposal $mode', (form) => {
    const engine = engineWithPair(form);
    const genuine = referenceSeal(referenceSa(0x1001, form), 1n, samples[4]!, 41);
    for (const whole of [genuine, ...samples]) {
      for (let length = 0; length < whole.length; length++) {
        const outcomes = runAll(engine, whole.subarray(0, length), 0);
        expect(outcomes.slice(2)).not.toContain('deliver');
      }
    }
    checkSound(engine);
  });

  it('survives the longest packets that a slot takes, in every form', () => {
    for (const form of forms) {
      const engine = engineWithPair(
        form,
        dataplane({ capacities: { packetOctets: 65_600, heldPackets: 1 } }),
      );
      for (const length of [65_535, 65_500, 65_400]) {
        const packet = packetOf({
          source: '10.1.0.1',
          destination: '10.2.0.1',
          protocol: UDP,
          upper: [1, 2],
          payload: new Uint8Array(length - 24),
        });
        const outcome = engine.outbound(packet, 0);
        expect(['send', 'packet-too-big']).toContain(reason(outcome));
        if (outcome.kind === 'send') expect(outcome.outer.length).toBeLessThanOrEqual(65_535);
      }
      checkSound(engine);
    }
  });
});
