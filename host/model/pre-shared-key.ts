/**
 * The pre-shared key in a credential file: every octet but the line end that editors and `base64` leave behind, so that a
 * key that was pasted at one end and copied at the other is the same key.
 */
import { HostError } from './host-error.ts';
import { Secret } from './secret.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Ours: shorter ones can be guessed from one recorded handshake by whoever answers in the server's place (RFC 7296 section 2.15). */
const leastOctets = 16;

/**
 * The key in a file's `content`, which it takes over.
 *
 * @param path for the message
 * @throws HostError CREDENTIAL_UNREADABLE when what is left is too short to be a key
 */
export function preSharedKeyIn(content: Uint8Array, path: string): Secret {
  let length = content.length;
  if (content[length - 1] === lineFeed) {
    length -= 1;
    if (content[length - 1] === carriageReturn) length -= 1;
  }
  if (length < leastOctets) {
    throw new HostError(
      'CREDENTIAL_UNREADABLE',
      `credential ${path} holds ${length} octets, expected at least ${leastOctets}; make a key with: head -c 32 /dev/urandom | base64 > ${path}`,
    );
  }
  return new Secret(content.subarray(0, length));
}
