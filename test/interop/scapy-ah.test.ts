/**
 * AH against Scapy, both ways: every integrity, mode, family and ESN, with IPv4 options and IPv6 extension headers of the sorts
 * that may and that may not change on the way. What Scapy gets wrong, and what is done about it, is in scapy_ah.py.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCapture, sealCapture } from '../../host/cli/esp-capture.ts';
import { readCapture, writeCapture } from '../../host/cli/esp-files.ts';
import { parseSaFile } from '../../host/cli/sa-file.ts';
import { proposalsOf } from '../../host/model/proposal.ts';
import { describeWith } from '../requirements.ts';
import { type SaJson, type ScapyJob, scapy } from './witnesses.ts';

const packetsEach = 12;
const program = './scapy_ah.py';

interface Combination {
  readonly name: string;
  readonly family: 4 | 6;
  readonly sa: SaJson;
}

function hexOf(label: string, octets: number): string {
  return createHash('shake256', { outputLength: octets }).update(label).digest('hex');
}

/** Outer and inner family vary independently; with ESN, numbers pass from one high word to the next. */
const combinations: readonly Combination[] = proposalsOf('ah').flatMap((proposal) =>
  (['tunnel', 'transport'] as const).flatMap((mode) =>
    ([4, 6] as const).flatMap((family) =>
      (mode === 'tunnel' ? ([4, 6] as const) : [family]).flatMap((outer) =>
        [false, true].map((esn): Combination => {
          const name = `${proposal.keyword} ${mode} IPv${family} over IPv${outer}${esn ? ' ESN' : ''}`;
          const tunnel =
            outer === 4
              ? { source: '192.0.2.1', destination: '192.0.2.2' }
              : { source: '2001:db8:f::1', destination: '2001:db8:f::2' };
          const sa: SaJson = {
            protocol: 'ah',
            mode,
            proposal: proposal.keyword,
            spi: `0x${hexOf(`spi ${name}`, 4)}`,
            encryptionKey: hexOf(`encryption ${name}`, proposal.encryptionKeyOctets),
            authenticationKey: hexOf(`authentication ${name}`, proposal.authenticationKeyOctets),
            salt: hexOf(`salt ${name}`, proposal.saltOctets),
            esn,
            sequence: esn ? '0x2fffffff8' : '1',
            ...(mode === 'tunnel' ? { tunnel } : {}),
          };
          return { name, family, sa };
        }),
      ),
    ),
  ),
);

let folder = '';
const at = (name: string): string => join(folder, name);
const saOf = (sa: SaJson) => parseSaFile(JSON.stringify(sa), 'sa');

function hexOfPackets(file: string): string[] {
  return readCapture(at(file)).packets.map(({ packet }) => Buffer.from(packet ?? []).toString('hex'));
}

describeWith(['scapy'], 'AH and Scapy', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sekisho-interop-ah-'));
    scapy(
      combinations.flatMap(({ family }, index) => {
        const plan = { do: 'plain', family, count: packetsEach, seed: 2000 + index } as const;
        return [
          { ...plan, out: at(`plain-${index}.pcap`) },
          { ...plan, out: at(`routed-${index}.pcap`), routing: true },
        ];
      }),
      program,
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it(`Scapy opens what we seal and routers changed, in all ${combinations.length} forms of an SA`, () => {
    const jobs = combinations.map(({ name, sa }, index): ScapyJob => {
      const plain = readCapture(at(`plain-${index}.pcap`));
      const { packets, leftOut } = sealCapture(saOf(sa), plain.packets);
      expect(leftOut, name).toEqual({});
      writeCapture(at(`sealed-${index}.pcap`), plain.nanoseconds, packets);
      return { do: 'open', sa, in: at(`sealed-${index}.pcap`), out: at(`opened-${index}.pcap`) };
    });
    expect(scapy(jobs, program)).toEqual(combinations.map(() => packetsEach));
    for (const [index, { name }] of combinations.entries())
      expect(hexOfPackets(`opened-${index}.pcap`), name).toEqual(hexOfPackets(`plain-${index}.pcap`));
  });

  it('we open what Scapy seals, with routing headers too', () => {
    scapy(
      combinations.map(({ sa }, index) => ({
        do: 'seal',
        sa,
        in: at(`routed-${index}.pcap`),
        out: at(`scapy-${index}.pcap`),
      })),
      program,
    );
    for (const [index, { name, sa }] of combinations.entries()) {
      const { packets, leftOut } = openCapture(saOf(sa), readCapture(at(`scapy-${index}.pcap`)).packets);
      expect(leftOut, name).toEqual({});
      expect(
        packets.map(({ packet }) => Buffer.from(packet).toString('hex')),
        name,
      ).toEqual(hexOfPackets(`routed-${index}.pcap`));
    }
  });

  it('neither is believed with another key, nor when a covered octet was changed', () => {
    for (const [index, { sa, name }] of combinations.entries()) {
      const sealed = sealCapture(saOf(sa), readCapture(at(`plain-${index}.pcap`)).packets).packets;
      const changed = sealed.map(({ time, packet }) => {
        const copy = Uint8Array.from(packet);
        copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
        return { time, packet: copy, missing: undefined };
      });
      expect(openCapture(saOf(sa), changed).leftOut, name).toEqual({ icv: packetsEach });
    }
    const { sa } = combinations[0] ?? expect.fail();
    writeCapture(
      at('forged.pcap'),
      false,
      sealCapture(saOf(sa), readCapture(at('plain-0.pcap')).packets).packets,
    );
    const otherKey = { ...sa, encryptionKey: `${sa.encryptionKey.slice(2)}00` };
    expect(
      scapy([{ do: 'open', sa: otherKey, in: at('forged.pcap'), out: at('none.pcap') }], program),
    ).toEqual([0]);
  });
});
