/**
 * A virtual machine of QEMU, as a value with an end: started with a kernel and its first file system, spoken to over serial
 * lines and a cable, switched off. Its sockets are in a folder of its own; only its own process is ever ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';
import { Cable } from './cable.ts';
import { SerialLine } from './serial-line.ts';

/** A kind of machine that QEMU knows. */
export interface Machine {
  /** QEMU's program. */
  readonly program: string;
  readonly machine: string;
  readonly cpu: string;
  /** The kernel's name of the first serial line. */
  readonly console: string;
}

/** A PC. `max` has the vector instructions that WebAssembly's SIMD needs; QEMU's default processor has not. */
export const pc: Machine = { program: 'qemu-system-x86_64', machine: 'q35', cpu: 'max', console: 'ttyS0' };

export interface GuestOptions {
  readonly machine: Machine;
  readonly memoryMebibytes: number;
  readonly kernel: string;
  /** File of the first root file system. */
  readonly initialFileSystem: string;
  /** MAC address of the guest's network interface. */
  readonly macAddress: string;
  /** Gets each frame that the guest sends; borrowed during the call. */
  readonly onFrame: (frame: Uint8Array) => void;
}

/** QEMU makes its sockets within milliseconds, or says what is wrong. */
const startWithinMs = 10_000;
const pollMs = 20;

export class Guest {
  /** What the kernel prints. */
  readonly console: SerialLine;
  /** /dev/vport0p1 in the guest, for a program there: unlike a serial line it loses nothing when nobody reads. */
  readonly commands: SerialLine;
  readonly cable: Cable;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(
    child: ChildProcess,
    folder: string,
    streams: readonly [Socket, Socket, Socket],
    options: GuestOptions,
  ) {
    this.#process = child;
    this.#folder = folder;
    this.console = new SerialLine('console', streams[0]);
    this.commands = new SerialLine('command port', streams[1]);
    this.cable = new Cable(streams[2], options.onFrame);
  }

  /** Starts the machine; its kernel boots meanwhile. Throws HostError PLATFORM with what QEMU says. */
  static async start(options: GuestOptions): Promise<Guest> {
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-guest-'));
    const { machine } = options;
    const socket = (name: string) => join(folder, name);
    const child = spawn(
      machine.program,
      [
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
        ...['-machine', machine.machine, '-cpu', machine.cpu, '-m', `${options.memoryMebibytes}M`],
        ...['-kernel', options.kernel, '-initrd', options.initialFileSystem],
        ...['-append', `console=${machine.console} panic=-1 quiet`],
        ...socketArguments('console', socket('console')),
        ...['-serial', 'chardev:console'],
        ...socketArguments('commands', socket('commands')),
        ...['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=commands,nr=1'],
        ...['-netdev', `stream,id=cable,server=on,addr.type=unix,addr.path=${socket('cable')}`],
        ...['-device', `virtio-net-pci,netdev=cable,mac=${options.macAddress},romfile=`],
        ...['-object', 'rng-random,id=random,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=random'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
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
      child.once('error', (cause) =>
        reject(
          new HostError('PLATFORM', `${machine.program} cannot be started: install qemu-system-x86`, {
            cause,
          }),
        ),
      );
      child.once('exit', () => reject(new HostError('PLATFORM', `${machine.program} ended: ${said.trim()}`)));
    });
    failed.catch(() => {});
    try {
      const connect = (name: string) => Promise.race([connectTo(socket(name)), failed]);
      const streams = [await connect('console'), await connect('commands'), await connect('cable')] as const;
      return new Guest(child, folder, streams, options);
    } catch (error) {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
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

function socketArguments(id: string, path: string): string[] {
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
