/** Settings for an image that somebody starts: a copy of the disk whose config partition holds them, written as a router writes them. */
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Board } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { parseConfigCommand } from '../../host/router/config-command.ts';
import { fileReaders, openFlash } from '../../host/router/flash-opening.ts';
import { writeChange } from '../../host/router/flash-settings.ts';
import { runCommand } from '../lab/namespaces.ts';
import { partitionsOf } from './disk.ts';

/** Of the config flash; host/platform/block-device.ts. */
const sectorOctets = 4096;

/**
 * Writes a copy of `disk` to `file`, with `router.yaml` of `folder` and the credentials that it names as its first settings. Nobody
 * else may read the copy.
 *
 * @throws HostError CONFIG_INVALID, CREDENTIAL_* with what is wrong with the settings
 */
export function copyWithSettings(disk: string, file: string, board: Board, folder: string): void {
  if (existsSync(join(folder, 'network'))) {
    throw new HostError(
      'CONFIG_INVALID',
      `${join(folder, 'network')}: addresses and routes are the field network of router.yaml (docs/configuration.md)`,
    );
  }
  runCommand(['cp', '--sparse=always', disk, file]);
  chmodSync(file, 0o600);
  const { offset, octets } = partitionsOf(board).config;
  const within = { first: offset / sectorOctets, sectors: octets / sectorOctets };
  const { flash, close } = openFlash({ device: file, within }, 'write');
  try {
    const command = parseConfigCommand({ what: 'apply', file: join(folder, 'router.yaml') });
    if (command.what === 'apply') writeChange(flash, command, fileReaders, false);
  } finally {
    close();
  }
}
