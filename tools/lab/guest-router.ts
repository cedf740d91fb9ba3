/**
 * A router as a guest of QEMU: a board's image with this router's settings on a disk of its own, its ports cabled to the TAP
 * interfaces of its namespace (guest-wires.ts). To the fleet it is one more process, whose end is a power cut.
 */
import { existsSync } from 'node:fs';
import { kernelCommandLine } from '../image/boot-loader.ts';
import { copyWithSettings } from '../image/settings.ts';
import { BoardGuest } from '../qemu-runner/board-guest.ts';
import { makeOverlay } from '../qemu-runner/overlay.ts';
import type { BoardImage } from './board-image.ts';
import { tapOf } from './guest-wires.ts';
import { namespacePrefix } from './namespaces.ts';
import type { Place } from './place.ts';
import type { LabProcess } from './processes.ts';

/** With its kernel given from outside a board runs in this much (docs/image.md). */
const memoryMebibytes = 256;

/** GRUB and the firmware hold their own beside the kernel. */
const firmwareMemoryMebibytes = 384;

/** What the fleet sees of whatever runs a router. */
export type Running = Pick<LabProcess, 'what' | 'pid' | 'logFile' | 'ended' | 'signal'> & {
  /** Undefined for a process. */
  readonly guest?: BoardGuest;
};

export interface GuestRouterOptions {
  readonly place: Place;
  readonly image: BoardImage;
  readonly name: string;
  /** Different for each guest. */
  readonly number: number;
  /** Folder as writeGuestSettings() makes it. The guest's disk lies beside it and stays from one start to the next. */
  readonly settings: string;
  /** `firmware` goes by the board's own boot loader, which knows of slots. */
  readonly by: 'kernel' | 'firmware';
  readonly more: readonly string[];
}

/** Where a guest with these settings keeps its disk. */
export function diskOf(settings: string): string {
  return `${settings}.qcow2`;
}

/** Starts it; it boots meanwhile. Throws HostError PLATFORM with what QEMU says. */
export async function startGuestRouter(options: GuestRouterOptions): Promise<Running> {
  const { place, image, name, number, settings, by, more } = options;
  const { board, machine } = image;
  const disk = diskOf(settings);
  if (!existsSync(disk)) {
    const base = `${settings}.img`;
    copyWithSettings(image.image.disk, base, board, settings);
    makeOverlay(disk, base);
  }
  const logFile = place.path(`${name}.log`);
  const first = (side: string) => board.ports.findIndex((port) => port.side === side);
  const guest = await BoardGuest.start({
    ...{ machine, disk, number, consoleLog: logFile, more },
    memoryMebibytes: by === 'firmware' ? firmwareMemoryMebibytes : memoryMebibytes,
    folder: place.path(`${name}.qemu`),
    namespace: namespacePrefix(place.name) + name,
    cables: board.ports.map(({ side }, index) =>
      index === first(side) ? { kind: 'tap', interface: tapOf(side) } : { kind: 'unplugged' },
    ),
    start:
      by === 'firmware'
        ? { kind: 'firmware' }
        : {
            kind: 'kernel',
            kernel: image.image.kernel,
            firstFileSystem: image.image.firstFileSystem,
            commandLine: kernelCommandLine(board, 'a'),
          },
  });
  place.record(guest.pid, `guest ${name}`);
  return {
    guest,
    what: `guest ${name}`,
    pid: guest.pid,
    logFile,
    ended: guest.ended,
    // A board is not asked to end; somebody pulls the plug.
    signal: () => void guest.cutPower(),
  };
}
