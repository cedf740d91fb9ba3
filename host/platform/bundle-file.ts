/** A bundle on a file system, such as that of a stick. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { bundleSource } from '../release/bundle.ts';
import { Refusal } from '../release/refusal.ts';
import type { UpdateSource } from '../release/update-source.ts';

/** Opens a bundle. @throws Refusal UNREACHABLE for a file that cannot be read, BUNDLE_INVALID for one that is no bundle */
export function bundleFile(path: string): UpdateSource {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw new Refusal('UNREACHABLE', `cannot open ${path}: ${String(cause)}`, { cause });
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new Refusal('BUNDLE_INVALID', `${path} is no file`);
    return bundleSource(path, {
      length: status.size,
      read: (offset, length) => readAt(fd, path, offset, length),
      close: () => closeSync(fd),
    });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readAt(fd: number, path: string, offset: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  let done = 0;
  try {
    while (done < length) {
      const count = readSync(fd, octets, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
  } catch (cause) {
    throw new Refusal('UNREACHABLE', `${path} cannot be read at octet ${offset}: ${String(cause)}`, {
      cause,
    });
  }
  return octets.subarray(0, done);
}
