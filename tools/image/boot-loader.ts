/**
 * GRUB for UEFI: its program with the modules that it needs built in, and its script. What it writes is in a partition of its own,
 * which host/slots describes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Architecture, Board } from '../../boards/board.ts';
import type { SlotName } from '../../host/slots/slot.ts';
import { runCommand } from '../lab/namespaces.ts';
import type { UnpackedPackage } from './package-pins.ts';

/** GRUB's name of a platform, and where UEFI looks for the program on a disk without a boot entry (UEFI 2.10, 3.5.1.1). */
const platforms: Readonly<Record<Architecture, { readonly format: string; readonly file: string }>> = {
  x86_64: { format: 'x86_64-efi', file: 'BOOTX64.EFI' },
  aarch64: { format: 'arm64-efi', file: 'BOOTAA64.EFI' },
};

const modules = [
  ...['part_gpt', 'fat', 'squash4', 'tar', 'gzio', 'linux', 'normal', 'configfile', 'loadenv'],
  ...['test', 'true', 'regexp', 'echo', 'sleep', 'reboot', 'serial'],
];

export const loaderFolder = '/EFI/sekisho';
/** In this order they are the script. */
const scripts = ['choose-slot.cfg', 'start-slot.cfg'].map((name) =>
  fileURLToPath(new URL(`./guest/${name}`, import.meta.url)),
);

export interface LoaderFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** The files of the EFI system partition. */
export function loaderFiles(board: Board, grub: UnpackedPackage, scratch: string): LoaderFile[] {
  const { format, file } = platforms[board.architecture];
  const program = join(scratch, file);
  runCommand([
    ...['grub-mkimage', '-d', join(grub.root, 'usr/lib/grub', format), '-O', format, '-o', program],
    ...['-p', loaderFolder, ...modules],
  ]);
  return [
    { path: `/EFI/BOOT/${file}`, content: readFileSync(program) },
    { path: `${loaderFolder}/grub.cfg`, content: Buffer.from(loaderScript(board)) },
  ];
}

/** What the kernel is told. `panic`: a kernel that cannot go on restarts, and the boot loader counts. */
export function kernelCommandLine(board: Board, slot: SlotName | '$chosen'): string {
  return `console=tty0 console=${board.console} quiet panic=10 sekisho.slot=${slot}`;
}

function loaderScript(board: Board): string {
  const text = scripts.map((file) => readFileSync(file, 'utf8')).join('');
  return text.replace('@COMMAND_LINE@', `${kernelCommandLine(board, '$chosen')} sekisho.start=$how`);
}
