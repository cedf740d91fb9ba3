/** Everything of the firmware that is timed. A new cipher is an entry in a file beside this one. */
import type { Subject } from '../subject.ts';
import { aesSubjects } from './aes.ts';
import { authenticationSubjects } from './authentication.ts';
import { cipherSubjects } from './ciphers.ts';
import { comparisons } from './comparison.ts';
import { openingSubjects } from './opening.ts';
import { packetSubjects } from './packets.ts';

export const firmwareSubjects: readonly Subject[] = [
  ...comparisons,
  ...packetSubjects,
  ...openingSubjects,
  ...aesSubjects,
  ...authenticationSubjects,
  ...cipherSubjects,
];
