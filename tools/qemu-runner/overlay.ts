/** A disk that begins as another one and keeps what is written to itself, also from one start of a machine to the next. */
import { resolve } from 'node:path';
import { runCommand } from '../lab/namespaces.ts';

/** Makes `file` (qcow2) over the raw image `base`, which has to stay as it is. Throws HostError PLATFORM. */
export function makeOverlay(file: string, base: string): void {
  runCommand(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', resolve(base), file]);
}
