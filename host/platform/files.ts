/**
 * Files whose content or completeness matters: credentials, which nobody else may read, and settings, which after a power
 * cut are either the old or the new ones, never half.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { HostError } from '../model/host-error.ts';

/** No pre-shared key, private key or certificate comes near this. */
const CREDENTIAL_OCTETS_MAX = 64 * 1024;

/** Revocation lists of large authorities have some megabytes. */
const TRUSTED_OCTETS_MAX = 32 * 1024 * 1024;

interface Check {
  /** Permission bits that must not be set. */
  readonly forbidden: number;
  readonly longest: number;
}

/**
 * Reads a credential. The file is opened once and checked by what was opened, so it cannot be exchanged in between.
 *
 * @returns its octets; the caller owns them and wipes them after use
 * @throws HostError CREDENTIAL_EXPOSED when group or others may read or write it or another user owns it, with the command
 *   to run; CREDENTIAL_UNREADABLE when it is missing, no regular file, empty or too long
 */
export function readCredential(path: string): Uint8Array {
  return readChecked(path, { forbidden: 0o077, longest: CREDENTIAL_OCTETS_MAX });
}

function readChecked(path: string, check: Check): Uint8Array {
  let fd: number;
  try {
    // Non-blocking: a FIFO in its place must not hang the start.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new HostError('CREDENTIAL_UNREADABLE', `cannot read credential ${path}: ${reason(cause)}`, {
      cause,
    });
  }
  try {
    const status = fstatSync(fd);
    refuseUnlessOwn(status, path, check);
    return readWhole(fd, path, status.size);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads a file that is no secret, but decides whom to trust: nobody else may write to it.
 *
 * @throws HostError CREDENTIAL_EXPOSED when group or others may write to it or another user owns it; CREDENTIAL_UNREADABLE
 *   as `readCredential`
 */
export function readTrusted(path: string): string {
  return new TextDecoder().decode(readChecked(path, { forbidden: 0o022, longest: TRUSTED_OCTETS_MAX }));
}

/**
 * Replaces the file's content as a whole: written beside it, flushed to disk, renamed over it, and the folder flushed too.
 * On failure the old file is untouched and nothing is left beside it.
 *
 * @param mode permission bits of the new file; 0600 for anything secret
 * @param owner of the new file, where root writes for somebody else
 */
export function writeFileAtomically(
  path: string,
  content: Uint8Array | string,
  mode = 0o600,
  owner?: { readonly uid: number; readonly gid: number },
): void {
  const folder = dirname(path);
  const draft = join(folder, `.${basename(path)}.${process.pid}.new`);
  rmSync(draft, { force: true });
  try {
    const fd = openSync(draft, 'wx', mode);
    try {
      writeFileSync(fd, content);
      if (owner !== undefined && process.geteuid?.() === 0) fchownSync(fd, owner.uid, owner.gid);
      // The process's umask has narrowed it; after the owner, since that may take bits away.
      fchmodSync(fd, mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  const folderFd = openSync(folder, 'r');
  try {
    fsyncSync(folderFd);
  } finally {
    closeSync(folderFd);
  }
}

function refuseUnlessOwn(status: Stats, path: string, { forbidden, longest }: Check): void {
  if (!status.isFile()) {
    throw new HostError('CREDENTIAL_UNREADABLE', `credential ${path} is not a regular file`);
  }
  if ((status.mode & forbidden) !== 0) {
    const found = (status.mode & 0o777).toString(8).padStart(4, '0');
    throw new HostError(
      'CREDENTIAL_EXPOSED',
      `credential ${path} is open to other users (mode ${found}). Run: chmod ${forbidden === 0o077 ? '600' : 'go-w'} ${path}`,
    );
  }
  const own = process.geteuid?.() ?? status.uid;
  if (status.uid !== own && status.uid !== 0) {
    throw new HostError(
      'CREDENTIAL_EXPOSED',
      `credential ${path} belongs to user ${status.uid}, who can change it; expected ${own}. Run: chown ${own} ${path}`,
    );
  }
  if (status.size === 0 || status.size > longest) {
    throw new HostError(
      'CREDENTIAL_UNREADABLE',
      `credential ${path} has ${status.size} octets; expected 1 to ${longest}`,
    );
  }
}

function readWhole(fd: number, path: string, length: number): Uint8Array {
  const content = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const count = readSync(fd, content, at, length - at, at);
    if (count === 0) {
      content.fill(0);
      throw new HostError('CREDENTIAL_UNREADABLE', `credential ${path} became shorter while it was read`);
    }
    at += count;
  }
  return content;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
