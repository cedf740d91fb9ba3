/**
 * `npm run bench -- ike-flood`: 10,000 IKE_SA_INIT a second from spoofed sources at the setting server's real process over loopback;
 * what they cost it, and how long a router takes to get in meanwhile. Needs no privileges.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { readServerStatus } from '../../lab/control.ts';
import { cpuTimeMs } from '../../lab/cpu-time.ts';
import type { Bench, BenchOptions, BenchOutcome, BenchRow } from '../bench.ts';
import { WrongResult } from '../bench.ts';
import { median } from '../statistics.ts';
import { attempt, keyText, routerName, serverName } from './attempt.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const name = 'spoofed IKE_SA_INIT';
const perSecond = 10_000;
const upWithinMs = 60_000;
/** The first half-open SAs are there and cookies are demanded. */
const headStartMs = 500;
const quietAttempts = 10;

interface FloodRow extends BenchRow {
  readonly sentPerSecond: number;
  /** That the server has read of them, per second. */
  readonly readPerSecond: number;
  /** Of one core. */
  readonly serverBusy: number;
  readonly residentMiB: { readonly before: number; readonly after: number };
  readonly attempts: number;
  readonly milliseconds: { readonly quiet: number; readonly flooded: number; readonly longest: number };
  /** Attempts that had to retransmit. */
  readonly retransmitted: number;
}

export const ikeFloodBench: Bench = {
  names: [name],
  async run({ seconds, progress }: BenchOptions): Promise<BenchOutcome> {
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-ike-flood-'));
    let server: ChildProcess | undefined;
    try {
      const port = await freePort();
      const file = writeSettings(folder, port);
      server = spawn(process.execPath, ['host/cli/main.ts', 'server', '--config', file], {
        cwd: root,
        stdio: 'ignore',
      });
      await isUp(server, join(folder, 'control.sock'));
      const row = await measure(server.pid ?? 0, port, join(folder, 'control.sock'), seconds, progress);
      return { rows: [row], text: render(row) };
    } finally {
      server?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(
  pid: number,
  port: number,
  socket: string,
  seconds: number,
  progress: (line: string) => void,
): Promise<FloodRow> {
  progress('a router without a flood');
  const quiet: number[] = [];
  for (let count = 0; count < quietAttempts; count++) quiet.push((await attempt(port)).milliseconds);
  progress(`${perSecond} messages a second for ${seconds} s`);
  const received = async (): Promise<number> => {
    const { messages } = await readServerStatus(socket);
    return Number(messages['ike received'] ?? 0);
  };
  const before = { cpu: cpuTimeMs(pid), resident: residentMiB(pid), received: await received() };
  const flood = startFlood(port, seconds);
  const startedAt = performance.now();
  await sleep(headStartMs);
  const attempts: Awaited<ReturnType<typeof attempt>>[] = [];
  while (performance.now() - startedAt < seconds * 1000 - headStartMs) {
    attempts.push(
      await attempt(port).catch((error) => {
        throw new WrongResult(name, 'our server', `a router does not get in: ${error.message}`);
      }),
    );
    await sleep(50);
  }
  const report = await flood;
  const milliseconds = performance.now() - startedAt;
  const after = { cpu: cpuTimeMs(pid), resident: residentMiB(pid), received: await received() };
  const times = attempts.map((one) => one.milliseconds);
  return {
    bench: 'ike-flood',
    name,
    ratio: {},
    sentPerSecond: (1000 * report.sent) / report.milliseconds,
    readPerSecond: (1000 * (after.received - before.received)) / milliseconds,
    serverBusy: (after.cpu - before.cpu) / milliseconds,
    residentMiB: { before: before.resident, after: after.resident },
    attempts: attempts.length,
    milliseconds: { quiet: median(quiet), flooded: median(times), longest: Math.max(...times) },
    // IKE_SA_INIT, the same with a cookie, IKE_AUTH.
    retransmitted: attempts.filter(({ sent }) => sent > 3).length,
  };
}

async function startFlood(port: number, seconds: number): Promise<{ sent: number; milliseconds: number }> {
  const args = ['tools/bench/ike-flood/programs/flood.ts', String(port), String(perSecond), String(seconds)];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  return JSON.parse(output); // programs/flood.ts prints nothing else
}

function writeSettings(folder: string, port: number): string {
  const file = join(folder, 'server.yaml');
  writeFileSync(join(folder, 'router.psk'), keyText, { mode: 0o600 });
  const settings = {
    version: 1,
    server: {
      identity: serverName,
      listen: [{ address: '127.0.0.1', port }],
      database: 'server.sqlite',
      controlSocket: join(folder, 'control.sock'),
    },
    routers: [
      { name: routerName, credential: { preSharedKeyFile: 'router.psk' }, networks: ['10.1.0.0/16'] },
    ],
    distributionPolicies: [{ kind: 'all', between: ['*', '*'] }],
  };
  writeFileSync(file, stringify(settings), { mode: 0o600 });
  return file;
}

async function isUp(server: ChildProcess, socket: string): Promise<void> {
  const deadline = performance.now() + upWithinMs;
  while ((await readServerStatus(socket).catch(() => undefined)) === undefined) {
    if (server.exitCode !== null || performance.now() > deadline) {
      throw new WrongResult(name, 'our server', 'it does not come up');
    }
    await sleep(50);
  }
}

function residentMiB(pid: number): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  const { port } = socket.address();
  socket.close();
  return port;
}

function render(row: FloodRow): string {
  const { quiet, flooded, longest } = row.milliseconds;
  return [
    `sent               ${row.sentPerSecond.toFixed(0)} messages/s from spoofed sources`,
    `server read        ${row.readPerSecond.toFixed(0)} messages/s`,
    `server busy        ${(100 * row.serverBusy).toFixed(0)} % of one core`,
    `server resident    ${row.residentMiB.before.toFixed(0)} MiB before, ${row.residentMiB.after.toFixed(0)} MiB after`,
    `router, no flood   ${quiet.toFixed(1)} ms to its IKE SA (median)`,
    `router, flood      ${flooded.toFixed(1)} ms (median), ${longest.toFixed(1)} ms (longest)`,
    `attempts           ${row.attempts}, all got in; ${row.retransmitted} retransmitted`,
  ].join('\n');
}
