/**
 * `npm run bench -- path --soak MINUTES`: two routers at full load for long, with new SAs every ten seconds. What the engines dropped and
 * a slow flow beside the load lost, whether memory grows, and whether the control side keeps its time. In no test: an hour is too long.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { renderTable } from '../../../host/cli/text-table.ts';
import { readRouterStatus, renew } from '../../lab/control.ts';
import type { BenchOutcome, BenchRow } from '../bench.ts';
import { onStage, type Stage } from '../stage.ts';
import { whileAsking } from './control-side.ts';
import { paced, startReceiver, tcp } from './iperf.ts';
import { sekisho } from './sekisho.ts';

const proposal = 'chacha20poly1305';
const renewEverySeconds = 10;
/** A heap has its size by then. */
const warmUpShare = 0.2;

export interface SoakRow extends BenchRow {
  readonly minutes: number;
  readonly gigabits: number;
  readonly renewals: number;
  /** Of the slow flow, which shares the TUN's queue with the load. */
  readonly pacedPackets: number;
  readonly pacedLost: number;
  /** By both engines, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** Resident memory of both routers, a fifth into the run and at its end. */
  readonly residentMiB: readonly [number, number];
  readonly statusMs: number;
  readonly lateDeadlines: number;
}

/** Throws HostError. */
export async function soak(minutes: number, progress: (line: string) => void): Promise<BenchOutcome> {
  const row = await onStage('soak', progress, (stage) => measure(stage, minutes, progress), {
    bundlesOnTheInternet: true,
  });
  return { rows: [row], text: render(row) };
}

async function measure(stage: Stage, minutes: number, progress: (line: string) => void): Promise<SoakRow> {
  const { name, start } = sekisho(proposal);
  const { pids, controlSockets = [], letGo } = await start(stage);
  await startReceiver(stage);
  const seconds = minutes * 60;
  const before = await dropsOf(controlSockets);
  let [gigabits, renewals, resident] = [0, 0, 0];
  let slow = { packets: 0, lost: 0 };
  const control = await whileAsking(controlSockets, async () => {
    let isOver = false;
    const renewing = (async () => {
      const [socket = ''] = controlSockets;
      for (const begun = performance.now(); !isOver; ) {
        await sleep(renewEverySeconds * 1000);
        if (isOver) return;
        await renew(socket, `to-${stage.sites[1].name}`);
        renewals++;
        const passed = (performance.now() - begun) / 1000 / seconds;
        if (resident === 0 && passed >= warmUpShare) resident = residentMiB(pids);
        progress(`${Math.round(passed * 100)} %: ${renewals} renewals, ${residentMiB(pids).toFixed(0)} MiB`);
      }
    })();
    try {
      const [bits, flow] = await Promise.all([tcp(stage, seconds, false), paced(stage, seconds)]);
      gigabits = bits / 1e9;
      slow = flow;
    } finally {
      isOver = true;
      await renewing;
    }
  });
  const row: SoakRow = {
    bench: 'path',
    name,
    ratio: {},
    minutes,
    gigabits,
    renewals,
    pacedPackets: slow.packets,
    pacedLost: slow.lost,
    drops: difference(await dropsOf(controlSockets), before),
    residentMiB: [resident, residentMiB(pids)],
    statusMs: control?.statusMs ?? Number.NaN,
    lateDeadlines: control?.lateDeadlines ?? Number.NaN,
  };
  letGo?.();
  return row;
}

type Counts = Readonly<Record<string, number>>;

async function dropsOf(sockets: readonly string[]): Promise<Counts> {
  const sums: Record<string, number> = {};
  for (const { drops } of await Promise.all(sockets.map(readRouterStatus))) {
    for (const [reason, count] of Object.entries(drops)) sums[reason] = (sums[reason] ?? 0) + Number(count);
  }
  return sums;
}

function difference(after: Counts, before: Counts): Counts {
  return Object.fromEntries(
    Object.entries(after)
      .map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}

function residentMiB(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => {
    const [, found = 'NaN'] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s*(\d+) kB$/m) ?? [];
    return Number(found);
  });
  return kibibytes.reduce((sum, one) => sum + one, 0) / 1024;
}

function render(row: SoakRow): string {
  const dropped = Object.entries(row.drops).map(([reason, count]) => `${reason} ${count}`);
  const lines: [string, string][] = [
    ['minutes', String(row.minutes)],
    ['Gbit/s', row.gigabits.toFixed(2)],
    ['renewals', String(row.renewals)],
    ['slow flow', `${row.pacedLost} of ${row.pacedPackets} packets lost`],
    ['engines dropped', dropped.join(', ') || 'nothing'],
    ['memory', `${row.residentMiB.map((size) => size.toFixed(0)).join(' MiB, at the end ')} MiB`],
    ['status', `${row.statusMs.toFixed(0)} ms at the longest`],
    ['deadlines', `${row.lateDeadlines} kept more than 50 ms late`],
  ];
  return renderTable(
    [
      { title: row.name, cell: ([what]) => what },
      { title: '', cell: ([, value]) => value },
    ],
    lines,
    undefined,
    '',
  );
}
