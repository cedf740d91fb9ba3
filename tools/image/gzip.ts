/** gzip for what a boot loader unpacks, by GNU gzip: zlib in Node, made for speed, packs a kernel 3 % worse. No name and no time is in it. */
import { execFileSync } from 'node:child_process';
import { HostError } from '../../host/model/host-error.ts';

/** Throws HostError PLATFORM where there is no gzip. */
export function gzip(content: Uint8Array): Buffer {
  try {
    return execFileSync('gzip', ['-9', '-n', '-c'], { input: content, maxBuffer: 2 ** 28 });
  } catch (cause) {
    throw new HostError('PLATFORM', `gzip failed: ${String(cause)}`, { cause });
  }
}
