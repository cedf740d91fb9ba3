/**
 * What a board is: data, and nothing else. The image builder, the first program in the image and the QEMU runner read it;
 * none of them asks for a board's name. README.md beside this file tells how to add one.
 */

/** The processor, by Linux's name. */
export type Architecture = 'x86_64' | 'aarch64';

/** RFC 4301: the protected side is the local network, the unprotected side the Internet. */
export type Side = 'protected' | 'unprotected';

export interface EthernetPort {
  readonly side: Side;
  /**
   * Where the port is: its bus address as the kernel has it below /sys/devices (`0000:01:00.0`, `30be0000.ethernet`), or its
   * place among all Ethernet ports in the order of their bus addresses, from 0, where boards of one kind differ in addresses.
   */
  readonly at: string | number;
}

export interface Watchdog {
  /** The kernel's driver. Of several, the first that finds its device. */
  readonly modules: readonly string[];
  /** Seconds without a sign of life after which the hardware resets the board. */
  readonly timeoutSeconds: number;
}

/** Where the board keeps the key that its credentials are sealed with (docs/config-flash.md). */
export interface BoardKeyStore {
  readonly kind: 'tpm2';
  /** The kernel's drivers. */
  readonly modules: readonly string[];
}

/** The virtual machine that stands in for the board in tests. */
export interface QemuMachine {
  /** QEMU's program. */
  readonly program: string;
  readonly machine: string;
  readonly cpu: string;
  /** QEMU's device for the disk; its drive is called `disk`. */
  readonly disk: readonly string[];
  /** QEMU's model of network interface, for each Ethernet port in the order of `ports`. */
  readonly networkDevice: string;
  /** More arguments: the watchdog's device, say. */
  readonly devices: readonly string[];
  /** QEMU's device for the board's TPM, if it has one; what it stands on is called `tpm`. */
  readonly tpm?: readonly string[];
  /** Flash images of the firmware: code, and the variables that it writes. */
  readonly firmware: { readonly code: string; readonly variables: string };
}

export interface Board {
  readonly description: string;
  readonly architecture: Architecture;
  /** Debian's package of the kernel, without the version in its name: `linux-image-amd64`. */
  readonly kernel: string;
  readonly modules: {
    /** Until the slot with the root file system is mounted: the disk and what is between. */
    readonly disk: readonly string[];
    /** After that: network interfaces, random numbers. */
    readonly devices: readonly string[];
  };
  /** Serial line of the kernel's messages, as on its command line: `ttyS0,115200`. */
  readonly console: string;
  readonly ports: readonly EthernetPort[];
  /** Sizes of the disk's parts, in MiB. */
  readonly slotMebibytes: number;
  readonly configMebibytes: number;
  readonly watchdog: Watchdog;
  /** Absent where the board has none: its credentials are then on its flash as they are. */
  readonly keyStore?: BoardKeyStore;
  /** Absent where no virtual machine is close enough. */
  readonly qemu?: QemuMachine;
}
