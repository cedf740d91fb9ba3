/** Whatever a file holds, reading it gives a value or a HostError that names the file, and never a key. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCapture, sealCapture } from '../../../host/cli/esp-capture.ts';
import { readPcap, writePcap } from '../../../host/cli/pcap.ts';
import { parseSaFile } from '../../../host/cli/sa-file.ts';
import { HostError } from '../../../host/model/host-error.ts';

const key = 'feedc0defeedc0defeedc0defeedc0de';
const saJson = {
  protocol: 'esp',
  mode: 'tunnel',
  proposal: 'aes128gcm16',
  spi: 4096,
  encryptionKey: key,
  salt: '01020304',
  esn: true,
  sequence: 1,
  tunnel: { source: '192.0.2.1', destination: '192.0.2.2' },
};

function readOrRefuse<Value>(read: () => Value, file: string): Value | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(HostError);
    expect((error as HostError).message).toContain(file);
    expect((error as HostError).message).not.toContain(key.slice(0, 8));
    return undefined;
  }
}

/** A capture file with a few octets changed, cut or added. */
const damagedCapture = fc
  .record({
    packets: fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }),
    nanoseconds: fc.boolean(),
    changes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
    cut: fc.option(fc.nat(400)),
  })
  .map(({ packets, nanoseconds, changes, cut }) => {
    const time = { seconds: 1, fraction: 2 };
    const octets = writePcap(
      nanoseconds,
      packets.map((packet) => ({ time, packet })),
    );
    for (const [at, value] of changes) if (at < octets.length) octets[at] = value;
    return cut === null ? octets : octets.slice(0, cut);
  });

describe('a file of the command line', () => {
  it('that should be a capture is read or refused', () => {
    fc.assert(
      fc.property(fc.oneof(damagedCapture, fc.uint8Array({ maxLength: 200 })), (octets) => {
        const capture = readOrRefuse(() => readPcap(octets, 'x.pcap'), 'x.pcap');
        for (const { packet, missing } of capture?.packets ?? []) {
          expect((packet === undefined) !== (missing === undefined)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('that should describe an SA is read or refused, and its keys are never repeated', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...Object.keys(saJson)), fc.jsonValue(), fc.boolean())
      .map(([field, value, inside]) => {
        const text = JSON.stringify({ ...saJson, [field]: value });
        return inside ? text.replace(/[:,]/, '') : text;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.json(), fc.string()), (text) => {
        readOrRefuse(() => parseSaFile(text, 'sa.json'), 'sa.json');
      }),
      { numRuns: 2000 },
    );
  });

  it('that holds any packets at all goes through the engine, every packet in or counted', () => {
    const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 120 }), {
      minLength: 20,
      maxLength: 120,
    });
    const begin = fc.constantFrom(0x45, 0x46, 0x60, 0x4f);
    fc.assert(
      fc.property(packets, begin, (all, first) => {
        const captured = all.map((packet) => {
          const copy = Uint8Array.from(packet);
          copy[0] = first;
          return { time: { seconds: 0, fraction: 0 }, packet: copy, missing: undefined };
        });
        for (const run of [sealCapture, openCapture]) {
          const { packets: out, leftOut } = run(parseSaFile(JSON.stringify(saJson), 'sa.json'), captured);
          expect(out.length + Object.values(leftOut).reduce((sum, count) => sum + count, 0)).toBe(
            captured.length,
          );
        }
      }),
      { numRuns: 40 },
    );
  });
});
