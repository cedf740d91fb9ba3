/**
 * Settings for an image that somebody starts: a copy of the disk whose config partition holds a folder's files. What the
 * board reads there is told by guest/read-settings.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Board } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';
import { runCommand } from '../lab/namespaces.ts';
import { partitionsOf } from './disk.ts';

/**
 * Writes a copy of `disk` to `file` with the files of `folder` as settings, owned by root and closed to others.
 *
 * @throws HostError PLATFORM when they do not fit
 */
export function copyWithSettings(disk: string, file: string, board: Board, folder: string): void {
  runCommand(['cp', '--sparse=always', disk, file]);
  const { offset, octets } = partitionsOf(board).config;
  const { stdout, stderr, status } = spawnSync(
    'tar',
    [
      '-c',
      '--format=ustar',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      '--mode=u=rwX,go=',
      '-C',
      folder,
      '.',
    ],
    { maxBuffer: 2 * octets },
  );
  if (status !== 0 || stdout.length > octets)
    throw new HostError('PLATFORM', `settings of ${folder} do not go into ${octets} octets: ${stderr}`);
  const fd = openSync(file, 'r+');
  try {
    writeSync(fd, stdout, 0, stdout.length, offset);
  } finally {
    closeSync(fd);
  }
}
