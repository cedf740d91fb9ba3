/**
 * A board as a virtual machine, with a disk of its own: started by its firmware as the real one is, or with a kernel given
 * from outside, which is faster; watched, reset, its power cut, started again with the same disk.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { QemuMachine } from '../../boards/board.ts';
import { Monitor } from './monitor.ts';
import { QemuProcess, socketArguments } from './qemu-process.ts';
import { SerialLine } from './serial-line.ts';

/** Where the cable of an Ethernet port leads. */
export type CableEnd =
  /** To another guest or program over a Unix socket: one of both listens. No privileges. */
  | { readonly kind: 'socket'; readonly path: string; readonly listens: boolean }
  /** To a TAP interface of this machine, made by whoever starts the guest, in `namespace` of the options. */
  | { readonly kind: 'tap'; readonly interface: string }
  | { readonly kind: 'unplugged' };

export type Start =
  | { readonly kind: 'firmware' }
  | {
      readonly kind: 'kernel';
      readonly kernel: string;
      readonly firstFileSystem: string;
      readonly commandLine: string;
    };

export interface BoardGuestOptions {
  readonly machine: QemuMachine;
  readonly memoryMebibytes: number;
  /** A qcow2 file (overlay.ts); it is written to. */
  readonly disk: string;
  readonly start: Start;
  /** For each Ethernet port of the board, in the order of its data. */
  readonly cables: readonly CableEnd[];
  /** Name of a network namespace to start QEMU in (`ip netns`). */
  readonly namespace?: string;
  /** What a watchdog that runs out does. */
  readonly watchdog?: 'reset' | 'none';
}

const sockets = ['console', 'monitor'] as const;

/** Ports take these places on the first bus, in order; the other devices come behind them. */
const firstPortSlot = 2;

export class BoardGuest {
  readonly console: SerialLine;
  readonly monitor: Monitor;
  readonly #process: QemuProcess<(typeof sockets)[number]>;

  private constructor(process: QemuProcess<(typeof sockets)[number]>) {
    this.#process = process;
    this.console = new SerialLine('console', process.stream('console'));
    this.monitor = new Monitor(process.stream('monitor'));
  }

  /** Starts the machine; it boots meanwhile. Throws HostError PLATFORM with what QEMU says. */
  static async start(options: BoardGuestOptions): Promise<BoardGuest> {
    const { machine, namespace } = options;
    const process = await QemuProcess.start({
      program: machine.program,
      before: namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace}`, '--'],
      sockets,
      args: (socket, folder) => [
        ...['-machine', machine.machine, '-cpu', machine.cpu, '-m', `${options.memoryMebibytes}M`],
        ...socketArguments('console', socket('console')),
        ...['-serial', 'chardev:console'],
        ...['-qmp', `unix:${socket('monitor')},server=on,wait=off`],
        ...['-action', `watchdog=${options.watchdog ?? 'reset'}`],
        ...startArguments(options, folder),
        // First of all devices, so that each port has the place that the board's data names.
        ...options.cables.flatMap((cable, index) => cableArguments(machine, cable, index)),
        ...['-drive', `if=none,id=disk,format=qcow2,file=${options.disk},discard=unmap`, ...machine.disk],
        ...machine.devices,
      ],
    });
    return new BoardGuest(process);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Cuts the power. What the guest had not written to its disk is lost. */
  async cutPower(): Promise<void> {
    await this.#process.cutPower();
  }
}

function startArguments({ machine, start }: BoardGuestOptions, folder: string): string[] {
  if (start.kind === 'kernel')
    return ['-kernel', start.kernel, '-initrd', start.firstFileSystem, '-append', start.commandLine];
  // The firmware writes its variables: into a copy.
  const variables = join(folder, 'firmware-variables');
  copyFileSync(machine.firmware.variables, variables);
  return [
    ...['-drive', `if=pflash,format=raw,readonly=on,file=${machine.firmware.code}`],
    ...['-drive', `if=pflash,format=raw,file=${variables}`],
  ];
}

function cableArguments(machine: QemuMachine, cable: CableEnd, index: number): string[] {
  const place = `addr=0x${(firstPortSlot + index).toString(16)},mac=52:54:00:53:4b:${(index + 1).toString(16).padStart(2, '0')}`;
  const device = ['-device', `${machine.networkDevice},netdev=cable${index},${place},romfile=`];
  switch (cable.kind) {
    case 'socket':
      return [
        ...[
          '-netdev',
          `stream,id=cable${index},server=${cable.listens ? 'on' : 'off'},addr.type=unix,addr.path=${cable.path}`,
        ],
        ...device,
      ];
    case 'tap':
      return [
        ...['-netdev', `tap,id=cable${index},ifname=${cable.interface},script=no,downscript=no`],
        ...device,
      ];
    case 'unplugged':
      // A hub with nothing else at it.
      return ['-netdev', `hubport,id=cable${index},hubid=${index}`, ...device];
  }
}
