/** The bench of whole packets: which rows there are, that a wrong result ends it, the table, and a short run of the command. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proposals } from '../../../../host/model/proposal.ts';
import { type Lookup, lookups, measureLookup } from '../../../../tools/bench/esp/lookups.ts';
import { espWork } from '../../../../tools/bench/esp/packet-work.ts';
import { renderEspRows } from '../../../../tools/bench/esp/report.ts';
import { type EspRow, espRows, espTitleOf, meanOf } from '../../../../tools/bench/esp/rows.ts';

describe('the rows of the ESP bench', () => {
  it('are every size through every number of SAs, both ways, for proposals that there are', () => {
    const values = <Value>(of: (row: EspRow) => Value): Value[] => [...new Set(espRows.map(of))];
    expect(values(({ size }) => size)).toEqual(['64', '576', '1400', 'IMIX']);
    expect(values(({ sas }) => sas)).toEqual([1, 32, 256]);
    expect(values(({ direction }) => direction)).toEqual(['outbound', 'inbound']);
    for (const proposal of values(({ proposal }) => proposal)) expect(proposals.has(proposal)).toBe(true);
    expect(new Set(espRows.map(espTitleOf)).size).toBe(5 * 4 * 3 * 2);
  });

  it('have IMIX as a batch of 19 short, 10 middle and 3 long packets, spread', () => {
    const imix = espRows.find(({ size }) => size === 'IMIX') ?? expect.fail();
    const count = (length: number) => imix.lengths.filter((one) => one === length).length;
    expect([64, 576, 1400].map(count)).toEqual([19, 10, 3]);
    expect(imix.lengths.slice(0, 12).every((length) => length === 64)).toBe(false);
    expect(meanOf([64, 64, 576])).toBeCloseTo(234.67, 1);
  });

  it('compare with ciphers on texts as long as ESP encrypts', () => {
    for (const { proposal, lengths, cipher } of espRows) {
      const block = proposal.startsWith('aes128-') ? 16 : 4;
      cipher.lengths?.forEach((text, index) => {
        expect(text % block).toBe(0);
        expect(text - (lengths[index] ?? 0)).toBeGreaterThanOrEqual(2);
        expect(text - (lengths[index] ?? 0)).toBeLessThan(2 + block);
      });
    }
  });
});

describe('a wrong result', () => {
  const row = espRows.find(({ sas, size }) => sas === 32 && size === '576') ?? expect.fail();

  it('of the engine ends the bench with the row: another cipher than node:crypto opens with', () => {
    const cipher = { ...row.cipher, method: { kind: 'aead', algorithm: 'AES-GCM', keyOctets: 32 } as const };
    expect(() => espWork({ ...row, cipher })).toThrow(
      /^ChaCha20-Poly1305 outbound, 576 octets, 32 SAs: the result of outbound is wrong: /,
    );
  });

  it('is not there in the shipped engine, run after run', () => {
    for (const direction of ['outbound', 'inbound'] as const) {
      const work = espWork({ ...row, direction });
      for (let turn = 0; turn < 3; turn++) {
        work.prepare?.();
        work.run();
      }
      expect(work.octetsPerRun).toBe(32 * 576);
    }
  });

  it('of a lookup ends it too: packets that are dropped elsewhere', async () => {
    // One SA is no pair, so that none is there.
    const none: Lookup = { name: 'SAD', size: 1, kind: 'SPI' };
    await expect(measureLookup(none, 0.001)).rejects.toThrow(/^SAD, 1: the result of firmware is wrong/);
  });
});

describe('the table', () => {
  it('has packets with their overhead, lookups, and how many aims were reached', () => {
    const packet = {
      bench: 'esp',
      name: 'AES-128-GCM',
      direction: 'outbound',
      size: '1400',
      sas: 32,
      batch: 32,
      octets: 1400,
      mbPerSecond: 500,
      nsPerPacket: 2800,
      ratio: { bareCipher: 0.8, nodeCrypto: 1.2, nodeCryptoMasked: null, noble: 20, scalar: 5 },
      target: { ratio: 'bareCipher', atLeast: 1 / 1.15, reached: false },
    };
    const lookup = {
      ...packet,
      name: 'SPD new flow',
      size: '10',
      sas: undefined,
      nsPerPacket: 41.04,
      ratio: {},
      target: undefined,
      limit: { nsAtMost: 2000, reached: true },
    };
    const { sas: _, target: __, ...withoutSas } = lookup;
    const text = renderEspRows([packet, withoutSas]);
    expect(text).toMatch(
      /AES-128-GCM\s+outbound\s+1400\s+32\s+500\s+2800\s+25 %\s+1\.20\s+20\.00\s+5\.00\s+15 % missed/,
    );
    expect(text).toMatch(/SPD new flow\s+10\s+41\.0\s+2000 ns reached/);
    expect(text).toContain('1 of 2 aims reached.');
  });
});

describe('the command', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('measures lookups and writes them as JSON', () => {
    const json = join(folder, 'rows.json');
    const main = fileURLToPath(new URL('../../../../tools/bench/main.ts', import.meta.url));
    const args = ['esp', '--seconds', '0.01', '--only', 'SPD known flow,SPD new flow', '--json', json];
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    expect([status, stderr.trim().split('\n').length]).toEqual([0, 6]);
    expect(stdout).toMatch(/lookup\s+entries\s+ns/);
    const { rows } = JSON.parse(readFileSync(json, 'utf8'));
    expect(rows.map(({ name, size }: { name: string; size: string }) => `${name} ${size}`)).toEqual(
      lookups.filter(({ kind }) => kind !== 'SPI').map(({ name, size }) => `${name} ${size}`),
    );
    for (const { limit } of rows) expect(limit.nsAtMost).toBeGreaterThan(0);
  });
});
