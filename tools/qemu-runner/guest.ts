/**
 * A virtual machine of QEMU, as a value with an end: started with a kernel and its first file system, spoken to over serial
 * lines and a cable, switched off.
 */
import { Cable } from './cable.ts';
import { QemuProcess, socketArguments } from './qemu-process.ts';
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

const sockets = ['console', 'commands', 'cable'] as const;

export class Guest {
  /** What the kernel prints. */
  readonly console: SerialLine;
  /** /dev/vport0p1 in the guest, for a program there: unlike a serial line it loses nothing when nobody reads. */
  readonly commands: SerialLine;
  readonly cable: Cable;
  readonly #process: QemuProcess<(typeof sockets)[number]>;

  private constructor(process: QemuProcess<(typeof sockets)[number]>, options: GuestOptions) {
    this.#process = process;
    this.console = new SerialLine('console', process.stream('console'));
    this.commands = new SerialLine('command port', process.stream('commands'));
    this.cable = new Cable(process.stream('cable'), options.onFrame);
  }

  /** Starts the machine; its kernel boots meanwhile. Throws HostError PLATFORM with what QEMU says. */
  static async start(options: GuestOptions): Promise<Guest> {
    const { machine } = options;
    const process = await QemuProcess.start({
      program: machine.program,
      sockets,
      args: (socket) => [
        ...[
          '-no-reboot',
          '-machine',
          machine.machine,
          '-cpu',
          machine.cpu,
          '-m',
          `${options.memoryMebibytes}M`,
        ],
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
    });
    return new Guest(process, options);
  }

  /** Cuts the power. */
  async cutPower(): Promise<void> {
    await this.#process.cutPower();
  }
}
