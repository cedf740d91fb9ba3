/**
 * `npm run bench -- crypto`: for each row the contestants, the comparison of their results with node:crypto's, and their turns. What a
 * contestant does is its own file's.
 */
import { createHash } from 'node:crypto';
import { Layout } from '../../primitives/fields.ts';
import {
  type Bench,
  type BenchOptions,
  type BenchOutcome,
  type PacketBenchRow,
  WrongResult,
} from '../bench.ts';
import { best, medianRatio } from '../statistics.ts';
import { type Contestant, runSlice, takeTurns } from '../turns.ts';
import { type Engine, firmwareEngine, scalarEngine } from './engine.ts';
import { canMask, MaskedProcess } from './masked.ts';
import { noble } from './noble.ts';
import { isFair, nodeCrypto } from './node-crypto.ts';
import type { Workload } from './packet.ts';
import { oneByOne, type PacketWork } from './packet-work.ts';
import { renderRows } from './report.ts';
import { type Row, titleOf } from './row.ts';
import { rows } from './rows.ts';
import { wasmWork } from './wasm-work.ts';
import { packetsPerRun, workloadOf } from './workload.ts';

/** Names as in `ratio` of the rows. */
export type Name =
  | 'firmware'
  | 'nodeCrypto'
  | 'nodeCryptoMasked'
  | 'nodeCryptoMaskedLong'
  | 'noble'
  | 'scalar';

/** What a row needs of the masked process. */
type Masked = Pick<MaskedProcess, 'prepare' | 'contestant'>;

export interface Engines {
  readonly firmware: Engine;
  readonly scalar: Engine;
  /** Undefined where the instructions cannot be masked. */
  readonly masked: Masked | undefined;
}

export const cryptoBench: Bench = {
  names: rows.map(({ name }) => name),
  async run({ only, seconds, progress }: BenchOptions): Promise<BenchOutcome> {
    const chosen = only === undefined ? rows : rows.filter(({ name }) => only.includes(name));
    const masked = canMask ? new MaskedProcess() : undefined;
    try {
      const engines = enginesWith(masked);
      const measured: PacketBenchRow[] = [];
      for (const [index, row] of chosen.entries()) {
        progress(`row ${index + 1} of ${chosen.length}: ${titleOf(row)}`);
        measured.push(await measureRow(row, seconds, engines));
      }
      return { rows: measured, text: renderRows(measured, canMask) };
    } finally {
      masked?.end();
    }
  },
};

/** Our own two, and the masked process if there is one. */
export function enginesWith(masked: Masked | undefined): Engines {
  return { firmware: firmwareEngine, scalar: scalarEngine(), masked };
}

/**
 * Compares everybody's results, then measures.
 *
 * @throws WrongResult
 */
export async function measureRow(row: Row, seconds: number, engines: Engines): Promise<PacketBenchRow> {
  const contestants = await contestantsOf(row, engines);
  return summarize(row, contestants, await takeTurns(contestants, seconds));
}

/**
 * Everybody who can do a row, with results that are right. A packet counts as `row.octets`.
 *
 * @throws WrongResult
 */
export async function contestantsOf(row: Row, engines: Engines): Promise<(Contestant & { name: Name })[]> {
  const workload = workloadOf(row);
  const layout = new Layout();
  const oracle = oneByOne(nodeCrypto(row, workload), workload.packets);
  oracle.run();
  const expected = oracle.results();
  const octetsPerRun = row.octets * packetsPerRun(row);
  const contestants: (Contestant & { name: Name })[] = [];
  const enter = (name: Name, work: PacketWork | undefined): void => {
    if (work === undefined) return;
    compareResults(row, name, work, expected);
    contestants.push({ name, octetsPerRun, slice: (milliseconds) => runSlice(work, milliseconds) });
  };
  enter('firmware', wasmWork(row, workload, engines.firmware, layout));
  enter('scalar', wasmWork(row, workload, engines.scalar, layout));
  enter('noble', nobleWork(row, workload));
  if (isFair(row)) {
    enter('nodeCrypto', oracle);
    if (engines.masked !== undefined) contestants.push(...(await maskedOf(engines.masked, row, expected)));
  }
  return contestants;
}

function nobleWork(row: Row, workload: Workload): PacketWork | undefined {
  const process = noble(row, workload);
  return process === undefined ? undefined : oneByOne(process, workload.packets);
}

async function maskedOf(masked: Masked, row: Row, expected: readonly Uint8Array[]) {
  const digest = createHash('sha256');
  for (const result of expected) digest.update(result);
  if ((await masked.prepare(row)) !== digest.digest('hex'))
    throw new WrongResult(titleOf(row), 'nodeCryptoMasked', 'its digest is another');
  const names = ['nodeCryptoMasked', 'nodeCryptoMaskedLong'] as const;
  return names.map((name) => ({
    ...masked.contestant(name, row, name === 'nodeCryptoMasked' ? 'packets' : 'long'),
    name,
  }));
}

/** Runs `work` once. Throws WrongResult. */
function compareResults(row: Row, name: Name, work: PacketWork, expected: readonly Uint8Array[]): void {
  let found: readonly Uint8Array[];
  try {
    work.prepare?.();
    work.run();
    found = work.results();
  } catch (error) {
    throw new WrongResult(titleOf(row), name, error instanceof Error ? error.message : String(error));
  }
  const hex = (octets: Uint8Array | undefined): string =>
    octets === undefined ? 'nothing' : Buffer.from(octets).toString('hex');
  for (const [index, right] of expected.entries()) {
    if (hex(found[index]) === hex(right)) continue;
    const detail = `packet ${index}: expected ${hex(right)}, found ${hex(found[index])}`;
    throw new WrongResult(titleOf(row), name, detail);
  }
}

function summarize(
  row: Row,
  contestants: readonly { name: Name }[],
  speeds: readonly number[][],
): PacketBenchRow {
  const speedsOf = (name: Name) => speeds[contestants.findIndex((one) => one.name === name)];
  const ours = speedsOf('firmware') ?? [];
  const ratioTo = (name: Name): number | null => {
    const theirs = speedsOf(name);
    return theirs === undefined ? null : medianRatio(ours, theirs);
  };
  const octetsPerSecond = best(ours);
  const ratio = {
    nodeCrypto: ratioTo('nodeCrypto'),
    nodeCryptoMasked: ratioTo('nodeCryptoMasked'),
    nodeCryptoMaskedLong: ratioTo('nodeCryptoMaskedLong'),
    noble: ratioTo('noble'),
    scalar: ratioTo('scalar'),
  };
  const { name, direction, batch, octets, target } = row;
  const measured = {
    bench: 'crypto',
    name,
    direction,
    batch,
    octets,
    mbPerSecond: octetsPerSecond / 1e6,
    nsPerPacket: (octets / octetsPerSecond) * 1e9,
    ratio,
  };
  if (target === undefined || ratio.nodeCryptoMasked === null) return measured;
  const reached = ratio.nodeCryptoMasked >= target;
  return { ...measured, target: { ratio: 'nodeCryptoMasked', atLeast: target, reached } };
}
