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
    ['as it is', 'c2VjcmV0', 'c2VjcmV0'],
    ['without the line end of base64 and echo', 'c2VjcmV0\n', 'c2VjcmV0'],
    ['without the line end of other systems', 'c2VjcmV0\r\n', 'c2VjcmV0'],
    ['without one line end only', 'a\n\n', 'a\n'],
    ['with spaces and line ends inside', ' a\nb ', ' a\nb '],
    ['with a carriage return that ends no line', 'a\r', 'a\r'],
  ])('is taken %s', (_, content, expected) => {
    expect(key(content)).toBe(expected);
  });

  it.each(['', '\n', '\r\n'])('is refused when %j is all there is, by the name of the file', (content) => {
    expect(() => key(content)).toThrow(HostError);
    expect(() => key(content)).toThrow('x.psk holds no key');
  });

  it('is wiped in the memory that the file was read into', () => {
    const content = text.encode('secret\n');
    preSharedKeyIn(content, 'x.psk').wipe();
    expect([...content.subarray(0, 6)]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
