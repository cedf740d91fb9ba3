/** The credentials of a revision on the config flash, for the worker that uses them: it reads the device itself, so that no key crosses between threads. */
import type { Readers } from '../certificates/load.ts';
import { type CredentialFiles, wipeCredentials } from '../flash/credential-files.ts';
import { HostError } from '../model/host-error.ts';
import { flashName } from './flash-document.ts';
import { openFlash } from './flash-opening.ts';
import type { FlashPlace } from './worker-protocol.ts';

/**
 * How the settings' credentials are read, as if they were files.
 *
 * @throws HostError FLASH, CREDENTIAL_UNREADABLE
 */
export function readersOfFlash(place: FlashPlace): { readonly readers: Readers; readonly wipe: () => void } {
  const { flash, close } = openFlash(place, 'read');
  let files: CredentialFiles;
  try {
    const read = flash.credentials(place.revision);
    if (!read.ok) throw new HostError('CREDENTIAL_UNREADABLE', `${place.device}: ${read.message}`);
    files = read.value;
  } finally {
    close();
  }
  const octetsOf = (path: string): Uint8Array => {
    const octets = files.get(flashName(path) ?? '');
    if (octets === undefined) {
      throw new HostError(
        'CREDENTIAL_UNREADABLE',
        `${place.device}: revision ${place.revision} has no ${path}`,
      );
    }
    return octets;
  };
  return {
    readers: {
      secret: (path) => Uint8Array.from(octetsOf(path)),
      trusted: (path) => new TextDecoder().decode(octetsOf(path)),
    },
    wipe: () => wipeCredentials(files),
  };
}
