/**
 * A system call that Linux refused, as one line for a person: what was tried, what Linux answered, and what to do where
 * that is known. Packet errors never come here; they are counted where they happen.
 */
import { constants } from 'node:os';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { HostError } from '../model/host-error.ts';

/** Error numbers by name (`EAGAIN`, `ENOENT`, ...), as the kernel that we run on has them. */
export const errnos = constants.errno;

export class SystemCallError extends HostError {
  /** The name of the kernel's answer, such as `ENOENT`. */
  readonly errnoName: string;
  readonly errno: number;

  /**
   * @param tried what was to be done, such as `open /dev/net/tun`
   * @param errno the kernel's positive error number
   * @param advice what to do about it, as a sentence; empty where nothing better than the number is known
   */
  constructor(tried: string, errno: number, advice = '') {
    super('PLATFORM', `${tried}: ${describeErrno(errno)}${advice === '' ? '' : `. ${advice}`}`);
    this.name = 'SystemCallError';
    this.errno = errno;
    this.errnoName = errnoName(errno);
  }
}

/** `ENOENT` for 2. */
export function errnoName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : `errno ${errno}`;
}

/** `ENOENT (no such file or directory)` for 2. */
function describeErrno(errno: number): string {
  return errno > 0 ? `${errnoName(errno)} (${getSystemErrorMessage(-errno)})` : errnoName(errno);
}
