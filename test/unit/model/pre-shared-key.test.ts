import { describe, expect, it } from 'vitest';
import { HostError } from '../../../host/model/host-error.ts';
import { preSharedKeyIn } from '../../../host/model/pre-shared-key.ts';

const text = new TextEncoder();

/** The key's octets, read as text. */
function key(content: string): string {
  return Buffer.from(preSharedKeyIn(text.encode(content), 'x.psk').reveal()).toString();
}

describe('a pre-shared key', () => {
  it.each([
    ['as it is', 'c2VjcmV0c2VjcmV0', 'c2VjcmV0c2VjcmV0'],
    ['without the line end of base64 and echo', 'c2VjcmV0c2VjcmV0\n', 'c2VjcmV0c2VjcmV0'],
    ['without the line end of other systems', 'c2VjcmV0c2VjcmV0\r\n', 'c2VjcmV0c2VjcmV0'],
    ['without one line end only', 'sixteen octets. \n\n', 'sixteen octets. \n'],
    ['with spaces and line ends inside', ' sixteen\n octets ', ' sixteen\n octets '],
    ['with a carriage return that ends no line', 'sixteen octets. \r', 'sixteen octets. \r'],
  ])('is taken %s', (_, content, expected) => {
    expect(key(content)).toBe(expected);
  });

  it.each(['', '\n', '\r\n', 'fifteen octets.\n'])(
    'is refused when %j is all there is, by the name of the file',
    (content) => {
      expect(() => key(content)).toThrow(HostError);
      expect(() => key(content)).toThrow(/x\.psk holds \d+ octets, expected at least 16/);
    },
  );

  it('is wiped in the memory that the file was read into', () => {
    const content = text.encode('a secret of 24 octets ..\n');
    preSharedKeyIn(content, 'x.psk').wipe();
    expect(content.subarray(0, 24).every((octet) => octet === 0)).toBe(true);
  });
});
