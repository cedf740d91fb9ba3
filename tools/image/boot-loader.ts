/**
 * GRUB for UEFI: its program with the modules that it needs built in, its script, and the block in which it keeps which slot's
 * turn it is. docs/image.md has the rules of that block.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Architecture, Board } from '../../boards/board.ts';
import { runCommand } from '../lab/namespaces.ts';
import type { UnpackedPackage } from './package-pins.ts';

export type Slot = 'a' | 'b';

/** GRUB's name of a platform, and where UEFI looks for the program on a disk without a boot entry (UEFI 2.10, 3.5.1.1). */
const platforms: Readonly<Record<Architecture, { readonly format: string; readonly file: string }>> = {
  x86_64: { format: 'x86_64-efi', file: 'BOOTX64.EFI' },
  aarch64: { format: 'arm64-efi', file: 'BOOTAA64.EFI' },
};

const modules = [
  ...['part_gpt', 'fat', 'squash4', 'gzio', 'linux', 'normal', 'configfile', 'loadenv'],
  ...['test', 'regexp', 'echo', 'sleep', 'reboot', 'serial'],
];

export const loaderFolder = '/EFI/sekisho';
const script = fileURLToPath(new URL('./guest/grub.cfg', import.meta.url));

/** grub-editenv's format: a first line, `name=value` lines, filled up with `#`. */
const blockOctets = 1024;
const blockHeader = '# GRUB Environment Block\n';

/** Starts that a slot has before the other one's turn comes, unless it says that it is well. */
const startsBeforeFallBack = 3;

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
    { path: `${loaderFolder}/grubenv`, content: firstEnvironmentBlock() },
  ];
}

/** What the kernel is told. `panic`: a kernel that cannot go on restarts, and the boot loader counts. */
export function kernelCommandLine(board: Board, slot: Slot | '$chosen'): string {
  return `console=tty0 console=${board.console} quiet panic=10 sekisho.slot=${slot}`;
}

function loaderScript(board: Board): string {
  return readFileSync(script, 'utf8').replace('@COMMAND_LINE@', kernelCommandLine(board, '$chosen'));
}

/** As it leaves the factory: slot a is whole and in use, slot b is empty. */
function firstEnvironmentBlock(): Uint8Array {
  const variables = {
    active: 'a',
    left: startsBeforeFallBack,
    trial: '',
    tries: 0,
    complete_a: 1,
    complete_b: 0,
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  return Buffer.from((blockHeader + lines.join('')).padEnd(blockOctets, '#'));
}
