/** The bench of ciphers: which rows there are, that a wrong result ends it, the table, and a short run of the command. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PacketBenchRow } from '../../../../tools/bench/bench.ts';
import { measureRow } from '../../../../tools/bench/crypto/bench.ts';
import { type Engine, firmwareEngine, scalarEngine } from '../../../../tools/bench/crypto/engine.ts';
import { canMask } from '../../../../tools/bench/crypto/masked.ts';
import { renderRows } from '../../../../tools/bench/crypto/report.ts';
import { titleOf } from '../../../../tools/bench/crypto/row.ts';
import { rows } from '../../../../tools/bench/crypto/rows.ts';
import { octets } from '../../../../tools/primitives/firmware.ts';
import { registry } from '../../../../tools/primitives/registry.ts';
import type { Primitive } from '../../../../tools/primitives/shapes.ts';

const rowCalled = (title: string) => rows.find((row) => titleOf(row) === title)!;
const hash = rowCalled('SHA-256 compute, 32 x 1400 octets');
const opening = rowCalled('AES-128-GCM decrypt, 32 x 1400 octets');

describe('the rows of the cipher bench', () => {
  it('are all of the registry but the one that no packet has, each both ways', () => {
    const algorithms = new Set(
      rows.flatMap(({ method }) => (method.kind === 'cbc-hmac' ? [] : [method.algorithm])),
    );
    expect([...algorithms].sort()).toEqual([...registry.keys()].filter((name) => name !== 'AES-ECB').sort());
    const encrypted = rows.filter(({ direction }) => direction === 'encrypt');
    const notDecrypted = encrypted.filter(
      (row) => rowCalled(titleOf({ ...row, direction: 'decrypt' })) === undefined,
    );
    expect(notDecrypted.map(({ name }) => name)).toEqual(['AES-128-CBC x8', 'AES-256-CBC x8']);
  });

  it('have titles of their own', () => {
    expect(new Set(rows.map(titleOf)).size).toBe(rows.length);
  });
});

describe('a wrong result', () => {
  /** The firmware, but with other functions in one algorithm. */
  const planted = (algorithm: string, change: (right: Primitive) => object): Engine => ({
    find(name) {
      const right = firmwareEngine.find(name);
      return name === algorithm && right !== undefined ? { ...right, ...change(right) } : right;
    },
  });
  const flipped = planted('SHA-256', (right) => ({
    digest(message: number, length: number, out: number) {
      if (right.kind === 'hash') right.digest(message, length, out);
      octets[out] = (octets[out] ?? 0) ^ 1;
    },
  }));
  const refusing = planted('AES-GCM', () => ({ open: () => 0 }));
  const scalar = scalarEngine();

  it('of the firmware ends the bench with the row, before anything is measured', async () => {
    await expect(measureRow(hash, 0.001, { firmware: flipped, scalar, masked: undefined })).rejects.toThrow(
      /^SHA-256 compute, 32 x 1400 octets: the result of firmware is wrong: packet 0: expected \w{64}, found \w{64}$/,
    );
  });

  it('of another contestant does so too', async () => {
    const engines = { firmware: firmwareEngine, scalar: flipped, masked: undefined };
    await expect(measureRow(hash, 0.001, engines)).rejects.toThrow('the result of scalar is wrong: packet 0');
    const masked = {
      prepare: async () => 'another digest',
      contestant: () => {
        throw new Error('measured');
      },
    };
    await expect(measureRow(hash, 0.001, { firmware: firmwareEngine, scalar, masked })).rejects.toThrow(
      'the result of nodeCryptoMasked is wrong: its digest is another',
    );
  });

  it('is a refusal of what is right', async () => {
    await expect(
      measureRow(opening, 0.001, { firmware: refusing, scalar, masked: undefined }),
    ).rejects.toThrow(
      'AES-128-GCM decrypt, 32 x 1400 octets: the result of firmware is wrong: 32 packets refused',
    );
  });
});

describe('the table', () => {
  const row: PacketBenchRow = {
    bench: 'crypto',
    name: 'AES-128-GCM',
    direction: 'encrypt',
    batch: 32,
    octets: 1400,
    mbPerSecond: 500.4,
    nsPerPacket: 2797.6,
    ratio: { nodeCrypto: 1.234, nodeCryptoMasked: 2.8, nodeCryptoMaskedLong: 1.7, noble: null, scalar: 4 },
    target: { ratio: 'nodeCryptoMasked', atLeast: 2.7, reached: true },
  };
  const missed = { ...row, direction: 'decrypt', target: { ...row.target!, reached: false } };

  it('has a line for each row, and says which targets are reached', () => {
    const lines = renderRows([row, missed], true).split('\n');
    expect(lines[1]?.split(/ {2,}/)).toEqual(
      'AES-128-GCM|encrypt|32 x 1400|500|2798|1.23|2.80|1.70|-|4.00|2.7 reached'.split('|'),
    );
    expect(lines[2]).toMatch(/2\.7 missed$/);
    expect(lines.at(-1)).toBe('Targets (/masked at least): 1 of 2 reached.');
  });

  it('leaves out what was not masked, and says so', () => {
    const { target: _, ...untargeted } = row;
    const text = renderRows([untargeted], false);
    expect(text.split('\n')[0]).not.toContain('masked');
    expect(text).toContain('masked: left out');
    expect(text).not.toContain('Targets');
  });
});

describe('npm run bench', () => {
  const main = fileURLToPath(new URL('../../../../tools/bench/main.ts', import.meta.url));
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bench-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });

  it('measures the rows that are asked for, with progress apart from the table, and writes them', () => {
    const json = join(folder, 'rows.json');
    const only = 'sha-1,AES-128-CBC + HMAC-SHA-1';
    const { status, stdout, stderr } = run('crypto', '--only', only, '--seconds', '0.001', '--json', json);
    expect(stderr).toContain('bench crypto: row 1 of 5: AES-128-CBC + HMAC-SHA-1 encrypt, 32 x 1408 octets');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^SHA-1 +compute +32 x 1400 /m);
    const report = JSON.parse(readFileSync(json, 'utf8'));
    expect(Object.keys(report.machine)).toContain('firmwareOctets');
    expect(report.rows).toHaveLength(5);
    for (const row of report.rows) {
      expect(row).toMatchObject({
        bench: 'crypto',
        mbPerSecond: expect.any(Number),
        nsPerPacket: expect.any(Number),
      });
      const { nodeCryptoMasked, nodeCryptoMaskedLong, ...others } = row.ratio;
      for (const ratio of Object.values(others)) expect(ratio).toBeGreaterThan(0);
      expect(nodeCryptoMasked !== null).toBe(canMask);
      expect(nodeCryptoMaskedLong !== null).toBe(canMask);
    }
  });

  it('exits 2 and says what was expected where the command line is wrong', () => {
    const none = run();
    expect(none).toMatchObject({ status: 2, stdout: '' });
    expect(none.stderr).toContain('expected one bench of crypto');
    const unknown = run('crypto', '--only', 'ROT13');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/--only: expected names of ChaCha20-Poly1305, .*; found "ROT13"/);
    expect(run('--help')).toMatchObject({ status: 0, stderr: '' });
  });
});
