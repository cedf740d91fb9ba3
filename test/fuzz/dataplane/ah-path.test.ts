/**
 * AH under octets that nobody would send: genuine packets with any octets changed, cut at every length, or with random headers
 * before AH. Nothing traps, nothing is written outside its region, and nothing that the peer did not seal comes out.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proposalsOf } from '../../../host/model/proposal.ts';
import { headerOf } from '../../property/dataplane/ah-headers.ts';
import {
  address,
  arrival,
  engineWithPair,
  reason,
  referenceSa,
  type SaOptions,
  selector,
} from '../../property/dataplane/engines.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';
import { ahOctets, referenceAh } from '../../property/dataplane/reference-ah.ts';

const everything = [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')];
const ends = {
  4: { local: '192.0.2.1', remote: '192.0.2.2' },
  6: { local: '2001:db8::1', remote: '2001:db8::2' },
} as const;

interface Form {
  readonly family: 4 | 6;
  readonly options: SaOptions;
}

const forms: Form[] = proposalsOf('ah').flatMap(({ keyword }) =>
  (['tunnel', 'transport'] as const).flatMap((mode) =>
    ([4, 6] as const).map((family) => ({
      family,
      options: {
        protocol: 'ah',
        encapsulation: 'raw',
        proposal: keyword,
        mode,
        esn: family === 6,
        selectors: everything,
        ...ends[family],
      },
    })),
  ),
);

function genuine({ family, options }: Form): Buffer {
  const { local, remote } = ends[family];
  const inner = packetOf({ source: remote, destination: local, protocol: UDP, upper: [1, 2] });
  const tunnel = options.mode === 'tunnel';
  const body = tunnel ? inner : inner.subarray(family === 4 ? 20 : 40);
  const payloadLength = ahOctets(options.proposal ?? '', family === 4 ? 4 : 8) + body.length;
  const route = Buffer.from([148, 4, 0, 0, 131, 7, 8, 192, 0, 2, 9, 0]);
  const extensions = [{ protocol: 0, octets: Buffer.from([0, 0, 0x1e, 4, 1, 2, 3, 4]) }];
  const plan = { source: remote, destination: local, protocol: 51, payloadLength };
  const header = headerOf({ ...plan, options: route, extensions });
  return referenceAh(referenceSa(0x1001, options), 7n, header, body, tunnel ? (family === 4 ? 4 : 41) : UDP);
}

describe('AH', () => {
  it('is never believed, and harms nothing, when any octets were changed', () => {
    const change = fc.record({ at: fc.nat(), value: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), { minLength: 10, maxLength: 20 }),
        (form, rounds) => {
          const engine = engineWithPair(form.options);
          const packet = genuine(form);
          const headerLength = form.family === 4 ? 20 : 40;
          for (const changes of rounds) {
            const spoilt = Buffer.from(packet);
            // The fixed header is checked elsewhere: what is behind it is where lengths lead.
            for (const { at, value } of changes)
              spoilt[headerLength + (at % (spoilt.length - headerLength))] = value;
            if (form.family === 4 || spoilt.equals(packet)) continue;
            expect(reason(engine.inboundWhole(spoilt, 0))).not.toBe('deliver');
          }
          for (const changes of rounds) {
            const spoilt = Buffer.from(packet);
            for (const { at, value } of changes) spoilt[at % spoilt.length] = value;
            engine.inboundWhole(spoilt, 0);
            engine.outbound(spoilt, 0);
          }
          expect(engine.lost).toBeUndefined();
          expect(engine.hasIntactCanaries()).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each(forms)(
    'is survived when cut at every length: $options.proposal $options.mode IPv$family',
    (form) => {
      const engine = engineWithPair(form.options);
      const whole = genuine(form);
      const { local, remote } = ends[form.family];
      const bare = { from: { address: address(remote), port: 0 }, to: address(local) };
      for (let length = 0; length < whole.length; length++) {
        const cut = whole.subarray(0, length);
        // With a total length that fits, the header is believed and AH is what is too short.
        const told = Buffer.from(cut);
        if (form.family === 6 && length >= 40) told.writeUInt16BE(length - 40, 4);
        for (const octets of [cut, told]) expect(reason(engine.inboundWhole(octets, 0))).not.toBe('deliver');
        const ah = whole.subarray(whole.length - length);
        const outcome = engine.inbound(arrival(ah, { ...bare, encapsulation: 'raw', protocol: 'ah' }), 0);
        expect(reason(outcome)).not.toBe('deliver');
      }
      expect(engine.hasIntactCanaries()).toBe(true);
      expect(reason(engine.inboundWhole(whole, 0))).toBe('deliver');
    },
  );
});
