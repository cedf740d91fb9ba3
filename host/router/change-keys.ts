/** The keys that a change of the tables carries: none is left in it, whatever became of it. */
import type { TableChange } from '../dataplane/engine.ts';
import { Secret } from '../model/secret.ts';

/** The engine wipes what it installs; this wipes what it did not. */
export function wipeKeys({ install = [] }: TableChange): void {
  for (const { pair } of install) {
    for (const { keys } of [pair.inbound, pair.outbound]) {
      for (const secret of Object.values(keys)) if (secret instanceof Secret) secret.wipe();
    }
  }
}
