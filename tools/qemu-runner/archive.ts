/**
 * cpio archives in the "new ASCII" format, which the Linux kernel unpacks as its first root file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same octets: no times, owners or
 * inode numbers of this machine.
 */

export type ArchiveEntry =
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly content: Uint8Array;
      readonly executable: boolean;
    }
  /** A character device. */
  | { readonly kind: 'device'; readonly path: string; readonly major: number; readonly minor: number };

const magic = '070701';
const trailer = 'TRAILER!!!';

/** Types and permissions of stat(2). */
const folderMode = 0o040755;
const fileMode = 0o100644;
const executableMode = 0o100755;
const deviceMode = 0o020600;

/** The archive of `entries`, whose paths have no leading slash; a folder stands before what is in it. */
export function archiveOf(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts = entries.flatMap((entry, index) => recordOf(entry, index + 1));
  return Buffer.concat([...parts, ...record(0, 0, trailer, new Uint8Array(0))]);
}

function recordOf(entry: ArchiveEntry, inode: number): Uint8Array[] {
  switch (entry.kind) {
    case 'folder':
      return record(inode, folderMode, entry.path, new Uint8Array(0));
    case 'file':
      return record(inode, entry.executable ? executableMode : fileMode, entry.path, entry.content);
    case 'device':
      return record(inode, deviceMode, entry.path, new Uint8Array(0), [entry.major, entry.minor]);
  }
}

/** Header, name and content, each filled up to four octets. */
function record(
  inode: number,
  mode: number,
  path: string,
  content: Uint8Array,
  device: readonly [number, number] = [0, 0],
): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const links = 1;
  const [owner, group, time, checksum] = [0, 0, 0, 0];
  const fields = [
    inode,
    mode,
    owner,
    group,
    links,
    time,
    content.length,
    0,
    0,
    ...device,
    name.length,
    checksum,
  ];
  const header = Buffer.from(magic + fields.map((field) => field.toString(16).padStart(8, '0')).join(''));
  return [header, name, padding(header.length + name.length), content, padding(content.length)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
