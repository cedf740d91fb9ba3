/**
 * A TPM of Linux. /dev/tpmrm0 is the kernel's resource manager: each process has the TPM's places for keys to itself there, and what
 * it leaves is flushed when it closes the device.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';

/** The kernel's buffer for a command or an answer (drivers/char/tpm, TPM_BUFSIZE). */
const answerOctetsMax = 4096;

export interface TpmDevice {
  /** Sends a command, waits for the answer, which takes milliseconds to a second, and returns all of it. Throws HostError PLATFORM. */
  transmit(command: Uint8Array): Uint8Array;
  close(): void;
}

/** Opens it, for this process and thread. Throws HostError PLATFORM. */
export function openTpm(path: string): TpmDevice {
  const attempt = <Value>(work: () => Value): Value => {
    try {
      return work();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new HostError('PLATFORM', `expected a TPM 2.0 at ${path}: ${why}`, { cause });
    }
  };
  const fd = attempt(() => openSync(path, 'r+'));
  return {
    transmit: (command) =>
      attempt(() => {
        writeSync(fd, command);
        const answer = new Uint8Array(answerOctetsMax);
        return answer.subarray(0, readSync(fd, answer));
      }),
    close: () => closeSync(fd),
  };
}
