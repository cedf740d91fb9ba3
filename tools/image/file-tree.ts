/**
 * Files on their way into an image: a map from path to what stands there, in memory, so that names, permissions and order
 * come from here alone and not from this machine.
 */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HostError } from '../../host/model/host-error.ts';
import type { ArchiveEntry } from '../qemu-runner/archive.ts';

export type TreeEntry =
  | { readonly kind: 'file'; readonly content: Uint8Array; readonly executable: boolean }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder' };

export class FileTree {
  readonly #entries = new Map<string, TreeEntry>();

  /** Adds an entry, and the folders above it. Paths have no leading slash. Throws HostError PLATFORM when it is there. */
  add(path: string, entry: TreeEntry): void {
    if (this.#entries.has(path) && entry.kind !== 'folder')
      throw new HostError('PLATFORM', `${path} is put into the image twice`);
    const above = dirname(path);
    if (above !== '.' && !this.#entries.has(above)) this.add(above, { kind: 'folder' });
    this.#entries.set(path, entry);
  }

  addFile(path: string, content: Uint8Array | string, executable = false): void {
    this.add(path, { kind: 'file', content: Buffer.from(content), executable });
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** In the order of paths, a folder before what is in it. */
  entries(): [string, TreeEntry][] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** As a folder of this machine, which is emptied first. Modes are set whatever the umask. */
  writeTo(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    for (const [path, entry] of this.entries()) {
      const full = join(folder, path);
      if (entry.kind === 'link') {
        symlinkSync(entry.target, full);
        continue;
      }
      if (entry.kind === 'folder') mkdirSync(full);
      else writeFileSync(full, entry.content);
      chmodSync(full, modeOf(entry));
    }
  }

  /** As entries of a cpio archive. Throws HostError PLATFORM when there is a link, which the archive has no form for. */
  archiveEntries(): ArchiveEntry[] {
    return this.entries().map(([path, entry]) => {
      if (entry.kind === 'link') throw new HostError('PLATFORM', `${path}: no links in a first file system`);
      return { path, ...entry };
    });
  }
}

/** Permissions of stat(2). */
export function modeOf(entry: TreeEntry): number {
  switch (entry.kind) {
    case 'link':
      return 0o777;
    case 'folder':
      return 0o755;
    case 'file':
      return entry.executable ? 0o755 : 0o644;
  }
}
