/** The options that say where settings on a config flash are: those of `sekisho router`, for it and the commands below it. */
import type { Command } from 'commander';
import type { KeyStorePlace } from '../flash/key-store.ts';
import { HostError } from '../model/host-error.ts';
import type { FlashPaths } from '../router/flash-opening.ts';

export interface FlashPlaceOptions {
  readonly flash?: string;
  readonly flashKey?: string;
  readonly flashTpm?: string;
}

export function addFlashOptions(command: Command): Command {
  return command
    .option('--flash <device>', 'config flash with the same: a partition, or a file in its place')
    .option(
      '--flash-key <file>',
      "the board's device key, which the credentials on the flash are sealed with",
    )
    .option('--flash-tpm <device>', "the board's TPM, which seals them: /dev/tpmrm0");
}

/** A line for `--help` of a command that works on a flash that no router uses. */
export const unusedFlashHelp =
  '--flash DEVICE, with --flash-tpm DEVICE or --flash-key FILE where the board has a key store, goes to a\ndevice that no router uses.';

/** The key store that is named; undefined where none is. Throws HostError USAGE for two. */
export function keyStoreOf({ flashKey, flashTpm }: FlashPlaceOptions): KeyStorePlace | undefined {
  if (flashKey !== undefined && flashTpm !== undefined)
    throw new HostError('USAGE', 'expected --flash-key or --flash-tpm: a board has one key store');
  if (flashTpm !== undefined) return { kind: 'tpm2', device: flashTpm };
  return flashKey === undefined ? undefined : { kind: 'device-key', file: flashKey };
}

/** @param otherwise the device where none is named */
export function flashPathsOf(options: FlashPlaceOptions, otherwise = ''): FlashPaths {
  const keyStore = keyStoreOf(options);
  return { device: options.flash ?? otherwise, ...(keyStore === undefined ? {} : { keyStore }) };
}
