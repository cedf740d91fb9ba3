/**
 * Scapy and we understand each other, whichever end seals, in every form that an SA can have; tshark agrees. Most of it
 * runs the code of `sekisho esp` in this process, a part the real command.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCapture, sealCapture } from '../../host/cli/esp-capture.ts';
import { readCapture, writeCapture } from '../../host/cli/esp-files.ts';
import { parseSaFile } from '../../host/cli/sa-file.ts';
import { describeWith } from '../requirements.ts';
import { combinations } from './sa-combinations.ts';
import { type ScapyJob, scapy, tshark, tsharkKnows } from './witnesses.ts';

const packetsEach = 8;
const command = new URL('../../tools/sekisho.js', import.meta.url).pathname;

let folder = '';
const at = (name: string): string => join(folder, name);
const plainOf = (index: number): string => at(`plain-${index}.pcap`);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-interop-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function sekisho(...args: string[]) {
  return spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
}

/** The files of a run are made by Scapy once for the whole suite. */
function makePlain(): void {
  scapy(
    combinations.map(({ family }, index) => ({
      do: 'plain',
      out: plainOf(index),
      family,
      count: packetsEach,
      seed: 1000 + index,
    })),
  );
}

describeWith(['scapy'], 'Scapy', () => {
  beforeAll(makePlain);

  it(`opens what we seal, in all ${combinations.length} forms of an SA`, () => {
    const jobs: ScapyJob[] = [];
    for (const [index, { sa }] of combinations.entries()) {
      const plain = readCapture(plainOf(index));
      const { packets, leftOut } = sealCapture(parseSaFile(JSON.stringify(sa), 'sa'), plain.packets);
      expect(leftOut).toEqual({});
      writeCapture(at(`sealed-${index}.pcap`), plain.nanoseconds, packets);
      jobs.push({ do: 'open', sa, in: at(`sealed-${index}.pcap`), out: at(`opened-${index}.pcap`) });
    }
    expect(scapy(jobs)).toEqual(combinations.map(() => packetsEach));
    for (const [index, { name }] of combinations.entries()) {
      const opened = readCapture(at(`opened-${index}.pcap`)).packets.map((one) => hex(one.packet));
      const plain = readCapture(plainOf(index)).packets.map((one) => hex(one.packet));
      expect(opened, name).toEqual(plain);
    }
  });

  it(`seals what we open, in all ${combinations.length} forms of an SA`, () => {
    scapy(
      combinations.map(({ sa }, index) => ({
        do: 'seal',
        sa,
        in: plainOf(index),
        out: at(`scapy-${index}.pcap`),
      })),
    );
    for (const [index, { name, sa }] of combinations.entries()) {
      const sealed = readCapture(at(`scapy-${index}.pcap`));
      const { packets, leftOut } = openCapture(parseSaFile(JSON.stringify(sa), 'sa'), sealed.packets);
      expect(leftOut, name).toEqual({});
      const plain = readCapture(plainOf(index)).packets.map((one) => hex(one.packet));
      expect(
        packets.map((one) => hex(one.packet)),
        name,
      ).toEqual(plain);
    }
  });

  it('talks to the real command, both ways, and every octet and time comes through', () => {
    // A few of them, in which every choice occurs.
    const some = combinations
      .map((one, index) => ({ ...one, index }))
      .filter(({ index }) => index % 83 === 0);
    const files = (index: number) => ({
      sa: at(`cli-${index}.json`),
      sealed: at(`cli-sealed-${index}.pcap`),
      opened: at(`cli-opened-${index}.pcap`),
      byScapy: at(`cli-scapy-${index}.pcap`),
    });
    for (const { index, sa, name } of some) {
      writeFileSync(files(index).sa, JSON.stringify(sa), { mode: 0o600 });
      const paths = ['--sa', files(index).sa, '--in', plainOf(index), '--out', files(index).sealed];
      const { status, stderr } = sekisho('esp', 'seal', ...paths);
      expect([status, stderr], name).toEqual([0, '']);
    }
    scapy(
      some.flatMap(({ index, sa }): ScapyJob[] => [
        { do: 'open', sa, in: files(index).sealed, out: files(index).opened },
        { do: 'seal', sa, in: plainOf(index), out: files(index).byScapy },
      ]),
    );
    for (const { index, name } of some) {
      const plain = readCapture(plainOf(index));
      const opened = readCapture(files(index).opened).packets.map((one) => hex(one.packet));
      expect(opened, name).toEqual(plain.packets.map((one) => hex(one.packet)));
      const paths = ['--sa', files(index).sa, '--in', files(index).byScapy, '--out', files(index).opened];
      const { status, stderr } = sekisho('esp', 'open', ...paths);
      expect([status, stderr], name).toEqual([0, '']);
      expect(readCapture(files(index).opened), name).toEqual(plain);
    }
  });

  it('is not believed when a packet was changed, repeated, or sealed with another key', () => {
    const { sa } = combinations[0] ?? expect.fail();
    const [file, sealed] = [at('sa.json'), at('bad.pcap')];
    writeFileSync(file, JSON.stringify(sa), { mode: 0o600 });
    const otherKey = { ...sa, encryptionKey: `${sa.encryptionKey.slice(2)}00` };
    scapy([
      { do: 'seal', sa, in: plainOf(0), out: sealed },
      { do: 'seal', sa: otherKey, in: plainOf(0), out: at('other.pcap') },
    ]);
    const { packets } = readCapture(sealed);
    const changed = packets.map((one, index) => {
      const packet = Uint8Array.from(one.packet ?? []);
      if (index === 3) packet[packet.length - 20] = (packet[packet.length - 20] ?? 0) ^ 1;
      return { time: one.time, packet };
    });
    writeCapture(sealed, false, [...changed, ...changed.slice(5, 7)]);
    const open = sekisho('esp', 'open', '--sa', file, '--in', sealed, '--out', at('y.pcap'), '--json');
    expect(open.status).toBe(1);
    expect(JSON.parse(open.stdout)).toEqual({ packets: packetsEach - 1, leftOut: { replay: 2, icv: 1 } });
    expect(open.stderr).toBe('left out 2: replay\nleft out 1: icv\n');
    const other = sekisho(
      'esp',
      'open',
      '--sa',
      file,
      '--in',
      at('other.pcap'),
      '--out',
      at('y.pcap'),
      '--json',
    );
    expect(JSON.parse(other.stdout).leftOut).toEqual({ icv: packetsEach });
    expect(readFileSync(at('y.pcap')).length).toBe(24);
  });
});

describeWith(['scapy', 'tshark'], 'tshark', () => {
  beforeAll(makePlain);

  it('decrypts what we seal and finds every ICV good, for every SA without ESN that it knows', () => {
    const witnessed = [...combinations.entries()].filter(([, { sa }]) => !sa.esn && tsharkKnows(sa.proposal));
    // A part of them: each is one process of tshark. Proposals, modes and families all occur.
    for (const [index, { name, sa, family }] of witnessed.filter((_, nth) => nth % 13 === 0)) {
      const plain = readCapture(plainOf(index));
      const { packets } = sealCapture(parseSaFile(JSON.stringify(sa), 'sa'), plain.packets);
      const path = at('tshark.pcap');
      writeCapture(path, false, packets);
      const destination = family === 4 ? 'ip.dst' : 'ipv6.dst';
      const rows = tshark(path, sa, [
        'esp.icv_good',
        'esp.icv_bad',
        'esp.sequence',
        destination,
        'esp.pad_len',
      ]);
      expect(rows.length, name).toBe(packetsEach);
      rows.forEach(([good, bad, sequence, destinations, padLength], nth) => {
        expect([good, bad, sequence], name).toEqual(['1', '0', String(nth + 1)]);
        expect(padLength, `${name}: the trailer was decrypted`).toMatch(/^\d+$/);
        const packet = plain.packets[nth]?.packet ?? new Uint8Array();
        expect(destinations?.split(','), name).toContain(destinationOf(packet, family));
      });
    }
  });

  it('finds the ICV bad when it has another key', () => {
    const { sa } =
      combinations.find((one) => !one.sa.esn && one.sa.proposal === 'aes128-sha256') ?? expect.fail();
    const { packets } = sealCapture(parseSaFile(JSON.stringify(sa), 'sa'), readCapture(plainOf(0)).packets);
    writeCapture(at('tshark.pcap'), false, packets);
    const rows = tshark(at('tshark.pcap'), { ...sa, authenticationKey: '00'.repeat(32) }, ['esp.icv_bad']);
    expect(rows).toEqual(Array.from({ length: packetsEach }, () => ['1']));
  });
});

function hex(octets: Uint8Array | undefined): string {
  return Buffer.from(octets ?? []).toString('hex');
}

function destinationOf(packet: Uint8Array, family: 4 | 6): string {
  if (family === 4) return packet.slice(16, 20).join('.');
  const words = Array.from({ length: 8 }, (_, index) =>
    (((packet[24 + 2 * index] ?? 0) << 8) | (packet[25 + 2 * index] ?? 0)).toString(16),
  );
  // All of them are 2001:db8:2::x, see scapy_esp.py.
  return `${words.slice(0, 3).join(':')}::${words[7]}`;
}
