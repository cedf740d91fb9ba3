/**
 * `npm run bench -- esp`: whole packets through the engine next to their ciphers alone, and what lookups in its tables cost. Which rows
 * there are is in rows.ts and lookups.ts.
 */
import type { Bench, BenchOptions, BenchOutcome } from '../bench.ts';
import { contestantsOf, type Engines, enginesWith, type Name } from '../crypto/bench.ts';
import { canMask, MaskedProcess } from '../crypto/masked.ts';
import { best, medianRatio } from '../statistics.ts';
import { runSlice, takeTurns } from '../turns.ts';
import { lookups, measureLookup } from './lookups.ts';
import { espWork } from './packet-work.ts';
import { type EspBenchRow, renderEspRows } from './report.ts';
import { type EspRow, espBatch, espRows, espTitleOf, meanOf } from './rows.ts';

export const espBench: Bench = {
  names: [...espRows.map(({ name }) => name), ...lookups.map(({ name }) => name)],
  async run({ only, seconds, progress }: BenchOptions): Promise<BenchOutcome> {
    const isChosen = ({ name }: { readonly name: string }) => only === undefined || only.includes(name);
    const rows = espRows.filter(isChosen);
    const tables = lookups.filter(isChosen);
    const all = rows.length + tables.length;
    const masked = canMask && rows.length > 0 ? new MaskedProcess() : undefined;
    try {
      const engines = enginesWith(masked);
      const measured: EspBenchRow[] = [];
      for (const row of rows) {
        progress(`row ${measured.length + 1} of ${all}: ${espTitleOf(row)}`);
        measured.push(await measureEsp(row, seconds, engines));
      }
      for (const lookup of tables) {
        progress(`row ${measured.length + 1} of ${all}: ${lookup.name}, ${lookup.size}`);
        measured.push(await measureLookup(lookup, seconds));
      }
      return { rows: measured, text: renderEspRows(measured) };
    } finally {
      masked?.end();
    }
  },
};

/**
 * Compares results, then lets the engine and everybody who can do its cipher take turns.
 *
 * @throws WrongResult
 */
export async function measureEsp(row: EspRow, seconds: number, engines: Engines): Promise<EspBenchRow> {
  const work = espWork(row);
  const esp = {
    name: 'esp',
    octetsPerRun: work.octetsPerRun,
    slice: (milliseconds: number) => runSlice(work, milliseconds),
  };
  // A packet counts as the same number of octets for all, so that ratios compare packets.
  const octets = meanOf(row.lengths);
  const ciphers = (await contestantsOf(row.cipher, engines)).map((contestant) => ({
    ...contestant,
    octetsPerRun: octets * espBatch,
  }));
  const contestants = [esp, ...ciphers.filter(({ name }) => name !== 'nodeCryptoMaskedLong')];
  const speeds = await takeTurns(contestants, seconds);
  const speedsOf = (name: 'esp' | Name) => speeds[contestants.findIndex((one) => one.name === name)];
  const ours = speedsOf('esp') ?? [];
  const ratioTo = (name: Name): number | null => {
    const theirs = speedsOf(name);
    return theirs === undefined ? null : medianRatio(ours, theirs);
  };
  const ratio = {
    bareCipher: ratioTo('firmware'),
    nodeCrypto: ratioTo('nodeCrypto'),
    nodeCryptoMasked: ratioTo('nodeCryptoMasked'),
    noble: ratioTo('noble'),
    scalar: ratioTo('scalar'),
  };
  const octetsPerSecond = best(ours);
  const measured = {
    bench: 'esp',
    name: row.name,
    direction: row.direction,
    size: row.size,
    sas: row.sas,
    batch: espBatch,
    octets,
    mbPerSecond: octetsPerSecond / 1e6,
    nsPerPacket: (octets / octetsPerSecond) * 1e9,
    ratio,
  };
  if (row.overheadAtMost === undefined || ratio.bareCipher === null) return measured;
  const atLeast = 1 / (1 + row.overheadAtMost);
  return {
    ...measured,
    target: { ratio: 'bareCipher', atLeast, reached: ratio.bareCipher >= atLeast },
  };
}
