/** Writes a bundle, file by file, a piece in memory at a time. */
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from '../model/host-error.ts';
import { tarEnd, tarHeader, tarPadding } from '../release/bundle.ts';

/** Writes the files `paths` of `folder` to the archive `out`, which appears whole or not at all. Returns its octets. */
export function writeArchive(out: string, folder: string, paths: readonly string[]): number {
  const draft = `${out}.${process.pid}.new`;
  let written = 0;
  try {
    const archive = openSync(draft, 'wx', 0o644);
    const put = (octets: Uint8Array): void => {
      if (writeSync(archive, octets) !== octets.length) throw new HostError('PLATFORM', `${out}: no space`);
      written += octets.length;
    };
    try {
      for (const path of paths) {
        const { size, mtimeMs } = statSync(join(folder, path));
        put(tarHeader(path, size, mtimeMs));
        copy(join(folder, path), size, put);
        put(tarPadding(size));
      }
      put(tarEnd);
      fsyncSync(archive);
    } finally {
      closeSync(archive);
    }
    renameSync(draft, out);
    return written;
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function copy(path: string, size: number, put: (octets: Uint8Array) => void): void {
  const piece = new Uint8Array(1024 * 1024);
  const fd = openSync(path, 'r');
  try {
    for (let at = 0; at < size; ) {
      const count = readSync(fd, piece, 0, Math.min(piece.length, size - at), at);
      if (count === 0) throw new HostError('PLATFORM', `${path} became shorter while it was read`);
      put(piece.subarray(0, count));
      at += count;
    }
  } finally {
    closeSync(fd);
  }
}
