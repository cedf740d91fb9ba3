/**
 * Real traffic between the hosts: a ping, a TCP transfer with a hash at both ends, a continuous numbered UDP flow, a probe
 * of many address pairs. Each is a program in the host's namespace (programs/); this file starts them and reads what they
 * counted.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';
import { bootMinusWallMs } from './clock.ts';
import { type LabProcess, nodeCommand, type Processes } from './processes.ts';
import type { FlowReport } from './programs/flow.ts';
import type { ProbeReport } from './programs/probe.ts';
import type { TransferReport } from './programs/transfer.ts';
import { hostOf, type Site } from './topology-plan.ts';

/** What ping saw of one echo request. */
export interface PingResult {
  /** Round trip; undefined when no reply came. */
  readonly milliseconds: number | undefined;
  /** When the request was sent and the reply came, in boot-time milliseconds. */
  readonly sentAtMs: number | undefined;
  readonly repliedAtMs: number | undefined;
  /** Echo replies that came, of all requests; the times above are the first one's. */
  readonly replies: number;
  /** ICMP errors in ping's words (`Packet filtered`, `Destination Host Unreachable`), once for each that came. */
  readonly errors: readonly string[];
  readonly output: string;
}

/** Sends `count` echo requests from the host behind `from`, `intervalMs` apart. Never throws for want of a reply. */
export async function ping(
  processes: Processes,
  from: Site,
  toAddress: string,
  options: {
    readonly count?: number;
    readonly intervalMs?: number;
    readonly waitSeconds?: number;
    /** Address to send from, where the host has several. */
    readonly source?: string;
  } = {},
): Promise<PingResult> {
  const { count = 1, intervalMs = 1000, waitSeconds = 5 } = options;
  const command = ['ping', '-n', '-D', '-c', String(count), '-i', String(intervalMs / 1000)];
  if (options.source !== undefined) command.push('-I', options.source);
  command.push('-W', String(waitSeconds), toAddress);
  const output = await processes.run(hostOf(from), `ping from ${from.name}`, command, true);
  return parsePing(output, bootMinusWallMs());
}

/**
 * Reads what `ping -D` (iputils) printed.
 *
 * @param bootMinusWall what to add to its wall-clock times
 */
export function parsePing(output: string, bootMinusWall: number): PingResult {
  const reply = /^\[(\d+\.\d+)\] \d+ bytes from .* time=([\d.]+) ms/m.exec(output);
  const errors = [...output.matchAll(/icmp_seq=\d+ ((?!ttl=|hlim=)[A-Z][^\n]*)/g)].map(
    (match) => match[1] ?? '',
  );
  const milliseconds = reply === null ? undefined : Number(reply[2]);
  const repliedAtMs = reply === null ? undefined : Number(reply[1]) * 1000 + bootMinusWall;
  return {
    milliseconds,
    repliedAtMs,
    replies: [...output.matchAll(/ bytes from .* time=/g)].length,
    sentAtMs:
      repliedAtMs === undefined || milliseconds === undefined ? undefined : repliedAtMs - milliseconds,
    errors,
    output,
  };
}

export interface TransferResult {
  readonly octets: number;
  readonly sha256Matches: boolean;
  readonly megabitsPerSecond: number;
}

/** Sends random octets over TCP from one host to another, hashing them at both ends. */
export async function transfer(
  processes: Processes,
  from: Site,
  to: Site,
  octets: number,
  withinMs = 60_000,
  port = 5001,
): Promise<TransferResult> {
  const receiver = await startProgram(processes, to, 'transfer receiver', 'transfer', [
    'receive',
    String(port),
  ]);
  await receiver.nextLine(10_000);
  const sender = await startProgram(processes, from, 'transfer sender', 'transfer', [
    ...['send', String(port), to.hostAddress, String(octets)],
  ]);
  const [sent, received] = await Promise.all([
    sender.nextJson<TransferReport>(withinMs),
    receiver.nextJson<TransferReport>(withinMs),
  ]);
  return {
    octets: received.octets,
    sha256Matches: sent.octets === octets && received.octets === octets && sent.sha256 === received.sha256,
    megabitsPerSecond: Math.round((received.octets * 8) / 1000 / received.milliseconds),
  };
}

export interface FlowResult {
  readonly sent: number;
  /** Datagrams of either end that the other never got. */
  readonly lost: number;
  readonly duplicates: number;
  readonly reordered: number;
  readonly longestGapMs: number;
  /** For a person: what is missing at which end. */
  readonly missing: readonly string[];
}

/** A flow in both directions that goes on until `stop`. */
export interface Flow {
  /** Ends the sending, waits for what is under way and counts. */
  stop(): Promise<FlowResult>;
}

/** Starts a flow of `rate` datagrams a second each way; resolves when both ends send. */
export async function startFlow(
  processes: Processes,
  a: Site,
  b: Site,
  rate: number,
  port = 5002,
): Promise<Flow> {
  const ends = await Promise.all([
    startProgram(processes, a, `flow ${a.name}-${b.name}`, 'flow', [`${port}`, b.hostAddress, `${rate}`]),
    startProgram(processes, b, `flow ${b.name}-${a.name}`, 'flow', [`${port}`, a.hostAddress, `${rate}`]),
  ]);
  for (const end of ends) await end.nextLine(10_000);
  for (const end of ends) end.process.stdin.write('go\n');
  return {
    stop: async () => {
      for (const end of ends) end.process.stdin.write('stop\n');
      await sleep(1000);
      for (const end of ends) end.process.stdin.write('report\n');
      const [atA, atB] = await Promise.all(ends.map((end) => end.nextJson<FlowReport>(10_000)));
      if (atA === undefined || atB === undefined) throw new HostError('PLATFORM', 'a flow has two ends');
      return {
        sent: atA.sent + atB.sent,
        lost: atA.sent - atB.received + atB.sent - atA.received,
        duplicates: atA.duplicates + atB.duplicates,
        reordered: atA.reordered + atB.reordered,
        longestGapMs: Math.round(Math.max(atA.longestGapMs, atB.longestGapMs)),
        missing: [...missingAt(b, atB), ...missingAt(a, atA)],
      };
    },
  };
}

function missingAt(site: Site, report: FlowReport): string[] {
  return report.missing.length === 0 ? [] : [`at ${site.name}: ${report.missing.join(', ')}`];
}

/** Asks each pair of addresses until it answers; milliseconds in the order of `pairs`, null where nothing came in time. */
export async function probe(
  processes: Processes,
  from: Site,
  pairs: readonly (readonly [string, string])[],
  timeoutMs: number,
  port = 5003,
): Promise<readonly (number | null)[]> {
  const text = pairs.map(([local, remote]) => `${local}=${remote}`).join(',');
  const asker = await startProgram(processes, from, `probe from ${from.name}`, 'probe', [
    ...['ask', String(port), String(timeoutMs), text],
  ]);
  return (await asker.nextJson<ProbeReport>(timeoutMs + 30_000)).milliseconds;
}

/** Answers probes to these addresses until the lab ends or `signal` is sent to it. */
export async function startEcho(
  processes: Processes,
  at: Site,
  addresses: readonly string[],
  port = 5003,
): Promise<LabProcess> {
  const echo = await startProgram(processes, at, `echo at ${at.name}`, 'probe', [
    ...['echo', String(port), addresses.join(',')],
  ]);
  await echo.nextLine(10_000);
  return echo.process;
}

interface Program {
  readonly process: LabProcess;
  nextLine(timeoutMs: number): Promise<string>;
  nextJson<T>(timeoutMs: number): Promise<T>;
}

async function startProgram(
  processes: Processes,
  site: Site,
  what: string,
  program: string,
  args: readonly string[],
): Promise<Program> {
  const path = `tools/lab/programs/${program}.ts`;
  const started = await processes.start(hostOf(site), what, [nodeCommand, path, ...args], 'pipe');
  const lines: string[] = [];
  let wake = () => {};
  if (started.stdout !== undefined) {
    createInterface({ input: started.stdout }).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  void started.ended.then(() => wake());
  const nextLine = async (timeoutMs: number): Promise<string> => {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const line = lines.shift();
      if (line !== undefined) return line;
      if (!started.isAlive()) throw new HostError('PLATFORM', `${what} ended early; see ${started.logFile}`);
      if (performance.now() > deadline)
        throw new HostError('PLATFORM', `${what} gave no answer in ${timeoutMs} ms`);
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), sleep(200)]);
    }
  };
  return {
    process: started,
    nextLine,
    // Our own programs print their report types.
    nextJson: async <T>(timeoutMs: number) => JSON.parse(await nextLine(timeoutMs)) as T,
  };
}
