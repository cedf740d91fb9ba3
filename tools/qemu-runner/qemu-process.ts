/**
 * A process of QEMU with the sockets by which it is spoken to, in a folder of its own. Only this process is ever ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';
import { insideNamespace } from '../lab/namespaces.ts';

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
  /** Name of a network namespace to start it in (`ip netns`). */
  readonly namespace?: string | undefined;
  /** Made, and removed afterwards: a short path, since sockets lie in it (unix(7): 107 octets). Otherwise a new one in the system's place for them. */
  readonly folder?: string | undefined;
  /** Sockets that QEMU makes and this process connects to. */
  readonly sockets: readonly Name[];
  /** The arguments, with the paths of the sockets and of the folder in which they are. */
  readonly args: (socket: (name: Name) => string, folder: string) => readonly string[];
}

export class QemuProcess<Name extends string> {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #streams: ReadonlyMap<Name, Socket>;

  /** Resolves when it is gone, with what is to be said of that: its last words, or the signal. */
  readonly ended: Promise<string>;

  private constructor(
    child: ChildProcess,
    folder: string,
    streams: ReadonlyMap<Name, Socket>,
    ended: Promise<string>,
  ) {
    this.#process = child;
    this.#folder = folder;
    this.#streams = streams;
    this.ended = ended;
  }

  /** Starts QEMU and connects to its sockets. Throws HostError PLATFORM with what QEMU says. */
  static async start<Name extends string>(options: QemuProcessOptions<Name>): Promise<QemuProcess<Name>> {
    const { program, namespace, sockets } = options;
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sekisho-guest-'));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const socket = (name: string): string => join(folder, name);
    const command = [program, ...common, ...options.args(socket, folder)];
    const inside = namespace === undefined ? command : insideNamespace(namespace, command);
    // Whatever ends this program ends the machine, kill -9 too. Both wrappers exec in place: the pid is QEMU's own. A session of its
    // own: Ctrl-C is this program's, which decides when the power is cut.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...inside], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
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
    const ended = new Promise<string>((resolve) => {
      child.once('error', ({ message }) => resolve(`${program} cannot be started: ${message}`));
      child.once('close', (status, signal) => {
        // As `setpriv` and `nsenter` say it when the program is not there (POSIX, exit status of env).
        const advice = status === 127 ? ` (install ${packages[program] ?? program})` : '';
        const last = said.trim() === '' ? '' : `: ${said.trim()}`;
        resolve(`${program} ended, ${signal ?? `status ${status}`}${advice}${last}`);
      });
    });
    const failed = ended.then((why): never => {
      throw new HostError('PLATFORM', why);
    });
    failed.catch(() => {});
    const streams = new Map<Name, Socket>();
    try {
      for (const name of sockets) streams.set(name, await Promise.race([connectTo(socket(name)), failed]));
      return new QemuProcess(child, folder, streams, ended);
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

  /** What `awaited` gives. Throws HostError PLATFORM with what QEMU says when it ends before. */
  unlessEnded<Value>(awaited: Promise<Value>): Promise<Value> {
    const ended = this.ended.then((why): never => {
      throw new HostError('PLATFORM', why);
    });
    return Promise.race([awaited, ended]);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Nothing happens when it is gone. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Cuts the power. */
  async cutPower(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** No device and no setting but those that are asked for. */
const common = ['-nodefaults', '-no-user-config', '-display', 'none'];

/**
 * Arguments for a character device `id` that is a socket.
 *
 * @param logFile gets everything that comes out of it, behind what is there, whether or not anybody reads the socket
 */
export function socketArguments(id: string, path: string, logFile?: string): string[] {
  const log = logFile === undefined ? '' : `,logfile=${logFile},logappend=on`;
  return ['-chardev', `socket,id=${id},path=${path},server=on,wait=off${log}`];
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
