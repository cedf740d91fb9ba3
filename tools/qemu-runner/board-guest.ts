/**
 * A board as a virtual machine, with a disk of its own: started by its firmware as the real one is, or with a kernel given
 * from outside, which is faster; watched, reset, its power cut, started again with the same disk.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QemuMachine } from '../../boards/board.ts';
import { type CableEnd, cableBackend } from './cable-end.ts';
import { Monitor } from './monitor.ts';
import { QemuProcess, socketArguments } from './qemu-process.ts';
import { SerialLine } from './serial-line.ts';
import { SoftwareTpm } from './software-tpm.ts';

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
  /** What the board's TPM keeps, where it has one; otherwise a folder beside the disk, whose name ends in `.tpm`. */
  readonly tpmState?: string | undefined;
  readonly start: Start;
  /** For each Ethernet port of the board, in the order of its data. */
  readonly cables: readonly CableEnd[];
  /** Name of a network namespace to start QEMU in (`ip netns`). */
  readonly namespace?: string | undefined;
  /** From 0 to 255: guests whose cables meet have different numbers, of which their MAC addresses are made. */
  readonly number?: number;
  /** Gets everything that the console prints, behind what is there. */
  readonly consoleLog?: string | undefined;
  /** Gets what the console prints as it comes, for a person. */
  readonly onConsole?: (octets: Uint8Array) => void;
  /** Where QEMU's sockets lie; a temporary folder otherwise. */
  readonly folder?: string | undefined;
  /** More of QEMU's arguments. */
  readonly more?: readonly string[];
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
  readonly #tpm: SoftwareTpm | undefined;

  private constructor(
    process: QemuProcess<(typeof sockets)[number]>,
    tpm: SoftwareTpm | undefined,
    { onConsole }: BoardGuestOptions,
  ) {
    this.#process = process;
    this.#tpm = tpm;
    if (onConsole !== undefined) process.stream('console').on('data', onConsole);
    this.console = new SerialLine('console', process.stream('console'));
    this.monitor = new Monitor(process.stream('monitor'));
  }

  /** Starts the machine; it boots meanwhile. Throws HostError PLATFORM with what QEMU says. */
  static async start(options: BoardGuestOptions): Promise<BoardGuest> {
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sekisho-guest-'));
    const tpm = await startTpm(options, folder);
    try {
      return await BoardGuest.#start(options, folder, tpm);
    } catch (error) {
      await tpm?.end();
      throw error;
    }
  }

  static async #start(
    options: BoardGuestOptions,
    folder: string,
    tpm: SoftwareTpm | undefined,
  ): Promise<BoardGuest> {
    const { machine, namespace } = options;
    const process = await QemuProcess.start({
      program: machine.program,
      namespace,
      folder,
      sockets,
      args: (socket, folder) => [
        ...['-machine', machine.machine, '-cpu', machine.cpu, '-m', `${options.memoryMebibytes}M`],
        ...socketArguments('console', socket('console'), options.consoleLog),
        ...['-serial', 'chardev:console'],
        ...['-qmp', `unix:${socket('monitor')},server=on,wait=off`],
        ...['-action', `watchdog=${options.watchdog ?? 'reset'}`],
        ...startArguments(options, folder),
        // First of all devices, so that each port has the place that the board's data names.
        ...options.cables.flatMap((cable, index) => cableArguments(options, cable, index)),
        ...['-drive', `if=none,id=disk,format=qcow2,file=${options.disk},discard=unmap`, ...machine.disk],
        ...machine.devices,
        ...tpmArguments(options, folder),
        ...(options.more ?? []),
      ],
    });
    const guest = new BoardGuest(process, tpm, options);
    await process.unlessEnded(guest.monitor.ready);
    return guest;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when QEMU is gone, with what is to be said of that. */
  get ended(): Promise<string> {
    return this.#process.ended;
  }

  /** Cuts the power. What the guest had not written to its disk is lost. */
  async cutPower(): Promise<void> {
    await this.#process.cutPower();
    await this.#tpm?.end();
  }
}

/** Beside QEMU's own sockets; gone with them. */
const tpmSocket = (folder: string): string => join(folder, 'tpm');

async function startTpm(
  { machine, disk, tpmState }: BoardGuestOptions,
  folder: string,
): Promise<SoftwareTpm | undefined> {
  if (machine.tpm === undefined) return undefined;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    const state = tpmState ?? `${disk}.tpm`;
    return await SoftwareTpm.start({ state, socket: tpmSocket(folder), for: 'machine' });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function tpmArguments({ machine }: BoardGuestOptions, folder: string): string[] {
  if (machine.tpm === undefined) return [];
  return [
    ...['-chardev', `socket,id=tpm-program,path=${tpmSocket(folder)}`],
    ...['-tpmdev', 'emulator,id=tpm,chardev=tpm-program', ...machine.tpm],
  ];
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

function cableArguments(
  { machine, number = 0 }: BoardGuestOptions,
  cable: CableEnd,
  index: number,
): string[] {
  // QEMU's prefix, and a bus address that the board's data names.
  const mac = `52:54:00:53:${octet(number)}:${octet(index + 1)}`;
  const place = `addr=0x${(firstPortSlot + index).toString(16)},mac=${mac}`;
  return [
    ...cableBackend(cable, index),
    ...['-device', `${machine.networkDevice},netdev=cable${index},${place},romfile=`],
  ];
}

function octet(value: number): string {
  return value.toString(16).padStart(2, '0');
}
