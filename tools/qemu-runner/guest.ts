/**
 * A virtual machine of QEMU, as a value with an end: started with a kernel and its first file system, spoken to over serial
 * lines and a cable, switched off.
 */
import { Cable } from './cable.ts';
import { type CableEnd, cableBackend } from './cable-end.ts';
import { Monitor } from './monitor.ts';
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
  /** Gets everything that the console prints, behind what is there. */
  readonly consoleLog?: string;
  /** Where its cable leads: to this process, which gets each frame that the guest sends, borrowed during the call; or elsewhere. */
  readonly cable: { readonly kind: 'here'; readonly onFrame: (frame: Uint8Array) => void } | CableEnd;
  /** Name of a network namespace to start QEMU in (`ip netns`). */
  readonly namespace?: string | undefined;
  /** For its sockets (QemuProcessOptions); whoever names one removes it where the machine is ended by a signal. */
  readonly folder?: string;
  /** More of QEMU's arguments. */
  readonly more?: readonly string[];
}

type SocketName = 'console' | 'commands' | 'monitor' | 'cable';

export class Guest {
  /** What the kernel prints. */
  readonly console: SerialLine;
  /** /dev/vport0p1 in the guest, for a program there: unlike a serial line it loses nothing when nobody reads. */
  readonly commands: SerialLine;
  /** Undefined where it leads elsewhere. */
  readonly cable: Cable | undefined;
  readonly monitor: Monitor;
  readonly #process: QemuProcess<SocketName>;

  private constructor(process: QemuProcess<SocketName>, { cable }: GuestOptions) {
    this.#process = process;
    this.console = new SerialLine('console', process.stream('console'));
    this.commands = new SerialLine('command port', process.stream('commands'));
    this.monitor = new Monitor(process.stream('monitor'));
    this.cable = cable.kind === 'here' ? new Cable(process.stream('cable'), cable.onFrame) : undefined;
  }

  /** Starts the machine; its kernel boots meanwhile. Throws HostError PLATFORM with what QEMU says. */
  static async start(options: GuestOptions): Promise<Guest> {
    const { machine, cable, namespace } = options;
    const process = await QemuProcess.start<SocketName>({
      program: machine.program,
      namespace,
      folder: options.folder,
      sockets: ['console', 'commands', 'monitor', ...(cable.kind === 'here' ? (['cable'] as const) : [])],
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
        ...socketArguments('console', socket('console'), options.consoleLog),
        ...['-serial', 'chardev:console'],
        ...['-qmp', `unix:${socket('monitor')},server=on,wait=off`],
        ...socketArguments('commands', socket('commands')),
        ...['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=commands,nr=1'],
        ...cableBackend(
          cable.kind === 'here' ? { kind: 'socket', path: socket('cable'), listens: true } : cable,
          0,
        ),
        ...['-device', `virtio-net-pci,netdev=cable0,mac=${options.macAddress},romfile=`],
        ...(options.more ?? []),
        ...['-object', 'rng-random,id=random,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=random'],
      ],
    });
    const guest = new Guest(process, options);
    await process.unlessEnded(guest.monitor.ready);
    return guest;
  }

  /** Resolves when QEMU is gone, with what is to be said of that. */
  get ended(): Promise<string> {
    return this.#process.ended;
  }

  /** QEMU's. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Sends QEMU a signal: SIGSTOP holds the machine, SIGKILL cuts its power. Nothing happens when it is gone. */
  signal(name: NodeJS.Signals): void {
    this.#process.signal(name);
  }

  /** Cuts the power. */
  async cutPower(): Promise<void> {
    await this.#process.cutPower();
  }
}
