/** Which start of the machine this is: processes of one start see the same, and no other start has it. */
import { readFileSync } from 'node:fs';

/** The kernel's random name of this start (random(4)); 36 characters. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
