/** When packets of a kind first crossed the interfaces of a namespace, by the kernel's own time stamps: a tcpdump of its own. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../host/model/host-error.ts';
import { wallTimeMs } from '../../lab/clock.ts';
import { PcapReader } from '../../lab/pcap.ts';
import { describeEnd, type LabProcess } from '../../lab/processes.ts';
import type { Stage } from '../stage.ts';

/** An IPv4 packet, as far as it matters here. */
export interface WirePacket {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  /** Of UDP; 0 for others. */
  readonly port: number;
  /** The first four octets of what UDP or ESP carries: an SPI, or on port 4500 the 0 by which IKE is told (RFC 3948 section 2.2). */
  readonly word: number;
}

export const protocols = { icmp: 1, udp: 17, esp: 50 } as const;

const headersOnly = 96;
const startsWithinMs = 30_000;
const pollMs = 2;

export class WireTimes<Kind extends string> {
  readonly #kinds: Readonly<Record<Kind, (packet: WirePacket) => boolean>>;
  #since = 0;
  #first: Partial<Record<Kind, number>> = {};
  #last: Partial<Record<Kind, number>> = {};

  private constructor(tcpdump: LabProcess, kinds: Readonly<Record<Kind, (packet: WirePacket) => boolean>>) {
    this.#kinds = kinds;
    const reader = new PcapReader(({ wallMs, packet }) => this.#take(wallMs, packet));
    tcpdump.stdout?.on('data', (piece: Buffer) => reader.push(piece));
  }

  /** Starts the capture, one for each namespace, and waits until it captures. Throws HostError. */
  static async start<Kind extends string>(
    { processes }: Stage,
    namespace: string,
    kinds: Readonly<Record<Kind, (packet: WirePacket) => boolean>>,
  ): Promise<WireTimes<Kind>> {
    const command = ['tcpdump', '-i', 'any', '-n', '-U', '--immediate-mode', '-B', '8192'];
    command.push('-s', String(headersOnly), '-Z', 'root', '-w', '-', 'ip');
    const tcpdump = await processes.start(namespace, `capture ${namespace}`, command, 'pipe');
    const times = new WireTimes(tcpdump, kinds);
    const deadline = performance.now() + startsWithinMs;
    while (!readFileSync(tcpdump.logFile, 'utf8').includes('listening on')) {
      if (!tcpdump.isAlive()) throw new HostError('PLATFORM', describeEnd(tcpdump, await tcpdump.ended));
      if (performance.now() > deadline) throw new HostError('PLATFORM', 'tcpdump does not begin');
      await sleep(pollMs);
    }
    return times;
  }

  /** Forgets what was seen, also of what tcpdump tells of only later. */
  reset(): void {
    this.#since = wallTimeMs();
    this.#first = {};
    this.#last = {};
  }

  /** Milliseconds from the first packet of one kind to the first of another. Throws HostError if it does not come in time. */
  async between(from: Kind, to: Kind, withinMs: number): Promise<number> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const [begin, end] = [this.#first[from], this.#first[to]];
      if (begin !== undefined && end !== undefined) return end - begin;
      if (performance.now() > deadline) {
        const missing = begin === undefined ? from : to;
        throw new HostError('PLATFORM', `no packet within ${withinMs} ms: ${missing}`);
      }
      await sleep(pollMs);
    }
  }

  /** Milliseconds from the first packet of a kind to the last so far. */
  span(kind: Kind): number {
    return (this.#last[kind] ?? Number.NaN) - (this.#first[kind] ?? Number.NaN);
  }

  #take(wallMs: number, octets: Uint8Array): void {
    if (wallMs < this.#since) return;
    const packet = readWirePacket(octets);
    for (const kind of Object.keys(this.#kinds) as Kind[]) {
      if (!this.#kinds[kind](packet)) continue;
      this.#first[kind] ??= wallMs;
      this.#last[kind] = wallMs;
    }
  }
}

/** ESP, raw or in UDP. */
export function isEsp({ protocol, port, word }: WirePacket): boolean {
  return protocol === protocols.esp || (protocol === protocols.udp && port === 4500 && word !== 0);
}

/** IKE, on either port. */
export function isIke({ protocol, port, word }: WirePacket): boolean {
  return protocol === protocols.udp && (port === 500 || (port === 4500 && word === 0));
}

/** Reads an IPv4 packet of which the first octets were captured. */
export function readWirePacket(octets: Uint8Array): WirePacket {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const payloadAt = ((octets[0] ?? 0) & 0x0f) * 4;
  const protocol = octets[9] ?? 0;
  const isUdp = protocol === protocols.udp && payloadAt + 12 <= octets.length;
  const isEspItself = protocol === protocols.esp && payloadAt + 4 <= octets.length;
  return {
    from: octets.subarray(12, 16).join('.'),
    to: octets.subarray(16, 20).join('.'),
    protocol,
    port: isUdp ? view.getUint16(payloadAt + 2) : 0,
    word: isUdp || isEspItself ? view.getUint32(payloadAt + (isUdp ? 8 : 0)) : 0,
  };
}
