/**
 * Watches every packet that enters the internet, once: tcpdump in the internet's namespace (in a user namespace
 * packet-ring.ts), whose output is counted while it arrives (census.ts) and, where asked for, kept in a file for tshark. It sees what routers sent and nothing else of
 * theirs, so its figures are a stranger's.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';
import { type Census, settleMarker } from './census.ts';
import { PcapReader } from './pcap.ts';
import { isInsideUserNamespace } from './privileges.ts';
import { describeEnd, type LabProcess, nodeCommand, type Processes } from './processes.ts';
import { internet } from './topology-plan.ts';

/** Enough of each packet for headers, SPI, IV and the start of a payload in clear. */
const headersOnly = 160;
const settleTimeoutMs = 10_000;

export class Capture {
  readonly census: Census;
  readonly #processes: Processes;
  readonly #tcpdump: LabProcess;
  #settlement = 0;
  #failure: unknown;

  private constructor(processes: Processes, tcpdump: LabProcess, census: Census, file: string | undefined) {
    this.#processes = processes;
    this.#tcpdump = tcpdump;
    this.census = census;
    const reader = new PcapReader(({ wallMs, packet }) => census.add(wallMs, packet));
    const fd = file === undefined ? undefined : openSync(file, 'w', 0o600);
    tcpdump.stdout?.on('data', (piece: Buffer) => {
      if (this.#failure !== undefined) return;
      try {
        if (fd !== undefined) writeSync(fd, piece);
        reader.push(piece);
      } catch (cause) {
        this.#failure = cause;
      }
    });
    tcpdump.stdout?.on('end', () => {
      if (fd !== undefined) closeSync(fd);
    });
  }

  /**
   * Starts the capture and waits until it captures.
   *
   * @param file where to keep the whole packets; undefined keeps none, and captures their first octets only
   */
  static async start(processes: Processes, census: Census, file?: string): Promise<Capture> {
    const command = isInsideUserNamespace() ? ringCommand(file) : tcpdumpCommand(file);
    const tcpdump = await processes.start(internet, 'capture', command, 'pipe');
    const capture = new Capture(processes, tcpdump, census, file);
    await capture.settle();
    return capture;
  }

  /**
   * Resolves when every packet that crossed before the call has been counted: a datagram is sent in the same namespace,
   * and the capture has caught up once it has seen it.
   *
   * @throws HostError PLATFORM when tcpdump is gone, lost packets or does not catch up
   */
  async settle(): Promise<void> {
    this.#settlement++;
    const text = `#${this.#settlement}.`;
    const deadline = performance.now() + settleTimeoutMs;
    while (!this.census.settled.startsWith(text)) {
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.#tcpdump.isAlive()) {
        throw new HostError('PLATFORM', describeEnd(this.#tcpdump, await this.#tcpdump.ended));
      }
      if (performance.now() > deadline) throw new HostError('PLATFORM', 'the capture does not catch up');
      await this.#processes.run(internet, 'settle', [
        ...['bash', '-c', `printf %s '${settleMarker}${text}' > /dev/udp/127.0.0.1/9`],
      ]);
      for (let wait = 0; wait < 20 && !this.census.settled.startsWith(text); wait++) await sleep(10);
    }
  }

  /** Ends it and says how many packets the kernel could not hand over: 0, or the census missed some. */
  async stop(): Promise<number> {
    await this.settle();
    this.#tcpdump.signal('SIGINT');
    const status = await this.#tcpdump.ended;
    const said = describeEnd(this.#tcpdump, status);
    return Number(/(\d+) packets? dropped by kernel/.exec(said)?.[1] ?? Number.NaN);
  }
}

function tcpdumpCommand(file: string | undefined): string[] {
  return [
    ...['tcpdump', '-i', 'any', '-Q', 'in', '-n', '-U', '--immediate-mode'],
    // 64 MiB of kernel buffer: a transfer must not outrun the census.
    ...[
      '-B',
      '65536',
      '-s',
      String(file === undefined ? headersOnly : 0),
      '-Z',
      'root',
      '-w',
      '-',
      'ip or ip6',
    ],
  ];
}

function ringCommand(file: string | undefined): string[] {
  return [nodeCommand, 'tools/lab/programs/packet-ring.ts', String(file === undefined ? headersOnly : 0)];
}
