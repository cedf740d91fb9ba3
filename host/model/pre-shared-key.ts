/**
 * The pre-shared key in a credential file: every octet but the line end that editors and `base64` leave behind, so that a
 * key that was pasted at one end and copied at the other is the same key.
 */
import { HostError } from './host-error.ts';
import { Secret } from './secret.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * The key in a file's `content`, which it takes over.
 *
 * @param path for the message
 * @throws HostError CREDENTIAL_UNREADABLE when nothing is left but a line end
 */
export function preSharedKeyIn(content: Uint8Array, path: string): Secret {
  let length = content.length;
  if (content[length - 1] === lineFeed) {
    length -= 1;
    if (content[length - 1] === carriageReturn) length -= 1;
  }
  if (length === 0) throw new HostError('CREDENTIAL_UNREADABLE', `credential ${path} holds no key`);
  return new Secret(content.subarray(0, length));
}
