import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../../host/messages/codec.ts';
import { messageDropCodes } from '../../../host/messages/drop-codes.ts';
import { message } from '../../property/messages/arbitrary-message.ts';

/** Bytes that decode either give a message that encodes to the same bytes, or a known code; they are zeroed. */
function check(bytes: Uint8Array): string {
  const datagram = Uint8Array.from(bytes);
  const decoded = decodeMessage(datagram);
  expect(datagram.every((octet) => octet === 0)).toBe(true);
  if (decoded.ok) {
    expect(encodeMessage(decoded.value)).toEqual(bytes);
    return 'MESSAGE';
  }
  expect(messageDropCodes).toContain(decoded.code);
  expect(decoded.message.length).toBeGreaterThan(10);
  return decoded.code;
}

describe('the decoder', () => {
  it('never throws on random octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        check(bytes);
      }),
      { numRuns: 20_000 },
    );
  });

  it('never throws on messages with octets changed, cut out, doubled or put in', () => {
    const seen = new Set<string>();
    const edit = fc.record({
      how: fc.constantFrom('change' as const, 'cut' as const, 'double' as const, 'insert' as const),
      where: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.integer({ min: 1, max: 12 }),
      octet: fc.constantFrom(
        0,
        1,
        0x17,
        0x18,
        0x19,
        0x1b,
        0x1f,
        0x40,
        0x58,
        0x60,
        0x7f,
        0x80,
        0x9f,
        0xc0,
        0xf6,
        0xf9,
        0xff,
      ),
    });
    fc.assert(
      fc.property(message, fc.array(edit, { minLength: 1, maxLength: 4 }), (original, edits) => {
        let bytes: Uint8Array = encodeMessage(original);
        for (const { how, where, length, octet } of edits) {
          const at = Math.min(bytes.length - 1, Math.floor(where * bytes.length));
          const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
          if (how === 'change') bytes = Uint8Array.of(...before, octet, ...after.subarray(1));
          if (how === 'cut') bytes = Uint8Array.of(...before, ...after.subarray(length));
          if (how === 'double') bytes = Uint8Array.of(...before, ...after.subarray(0, length), ...after);
          if (how === 'insert') bytes = Uint8Array.of(...before, octet, ...after);
          if (bytes.length === 0) return;
        }
        seen.add(check(bytes));
      }),
      { numRuns: 6000, seed: 7 },
    );
    // The edits are not so rough that only the outermost check ever sees them.
    for (const code of [
      'MESSAGE_TRUNCATED',
      'MESSAGE_FORM',
      'MESSAGE_FIELD_TYPE',
      'MESSAGE_FIELD_RANGE',
      'MESSAGE_NAME',
    ]) {
      expect([...seen]).toContain(code);
    }
  });
});
