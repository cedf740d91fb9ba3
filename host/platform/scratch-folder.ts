/** A folder for the time of one piece of work, where only its owner may look: in memory on a board, where /tmp is. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ScratchFolder } from '../release/trusted-metadata.ts';

export function scratchFolder(): ScratchFolder {
  const path = mkdtempSync(join(tmpdir(), 'sekisho-'));
  return {
    path,
    read(name) {
      try {
        return new Uint8Array(readFileSync(join(path, name)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    write: (name, octets) => writeFileSync(join(path, name), octets, { mode: 0o600 }),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
