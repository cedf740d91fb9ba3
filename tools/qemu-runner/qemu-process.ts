/**
 * A process of QEMU with the sockets by which it is spoken to, in a folder of its own. Only this process is ever ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';

/** QEMU makes its sockets within milliseconds, or says what is wrong. */
const startWithinMs = 10_000;
const pollMs = 20;

/** Debian's package for each of QEMU's programs. */
const packages: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-system-aarch64': 'qemu-system-arm',
};

export interface QemuProcessOptions<Name extends string> {
  /** QEMU's program. */
  readonly program: string;
  /** Put before it: what starts it in a network namespace, say. */
  readonly before?: readonly string[];
  /** Sockets that QEMU makes and this process connects to. */
  readonly sockets: readonly Name[];
  /** The arguments, with the paths of the sockets and of the folder in which they are. */
  readonly args: (socket: (name: Name) => string, folder: string) => readonly string[];
}

export class QemuProcess<Name extends string> {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #streams: ReadonlyMap<Name, Socket>;

  private constructor(child: ChildProcess, folder: string, streams: ReadonlyMap<Name, Socket>) {
    this.#process = child;
    this.#folder = folder;
    this.#streams = streams;
  }

  /** Starts QEMU and connects to its sockets. Throws HostError PLATFORM with what QEMU says. */
  static async start<Name extends string>(options: QemuProcessOptions<Name>): Promise<QemuProcess<Name>> {
    const { program, before = [], sockets } = options;
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-guest-'));
    const socket = (name: string): string => join(folder, name);
    const [command = program, ...args] = [...before, program, ...common, ...options.args(socket, folder)];
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    // Whatever ends this program ends the machine.
    const endWithUs = (): void => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    };
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    let said = '';
    child.stderr?.on('data', (octets: Buffer) => {
      said += octets.toString();
    });
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (cause) => {
        const advice = `install ${packages[program] ?? program}`;
        reject(new HostError('PLATFORM', `${program} cannot be started: ${advice}`, { cause }));
      });
      child.once('exit', () => reject(new HostError('PLATFORM', `${program} ended: ${said.trim()}`)));
    });
    failed.catch(() => {});
    const streams = new Map<Name, Socket>();
    try {
      for (const name of sockets) streams.set(name, await Promise.race([connectTo(socket(name)), failed]));
      return new QemuProcess(child, folder, streams);
    } catch (error) {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** This end of a socket. */
  stream(name: Name): Socket {
    const found = this.#streams.get(name);
    if (found === undefined) throw new Error(`no socket ${name}`);
    return found;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Cuts the power. */
  async cutPower(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) resolve();
      else this.#process.once('exit', () => resolve());
    });
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** No device and no setting but those that are asked for. */
const common = ['-nodefaults', '-no-user-config', '-display', 'none'];

/** Arguments for a character device `id` that is a socket. */
export function socketArguments(id: string, path: string): string[] {
  return ['-chardev', `socket,id=${id},path=${path},server=on,wait=off`];
}

async function connectTo(path: string): Promise<Socket> {
  for (let waitedMs = 0; waitedMs < startWithinMs; waitedMs += pollMs) {
    const socket = await tryToConnect(path);
    if (socket !== undefined) return socket;
    await sleep(pollMs);
  }
  throw new HostError('PLATFORM', `QEMU made no socket ${path} within ${startWithinMs / 1000} s`);
}

function tryToConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
