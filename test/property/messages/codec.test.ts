import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, messageCodecs } from '../../../host/messages/codec.ts';
import { messageDropCodes } from '../../../host/messages/drop-codes.ts';
import { message, revealed } from './arbitrary-message.ts';

describe('the message codec', () => {
  it('gives every message back as it was', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(message, (original) => {
        seen.add(original.type);
        const decoded = decodeMessage(encodeMessage(original));
        expect(decoded.ok && revealed(decoded.value)).toEqual(revealed(original));
      }),
      { numRuns: 1500 },
    );
    expect([...seen].sort()).toEqual(Object.keys(messageCodecs).sort());
  });

  it('refuses every truncation', () => {
    fc.assert(
      fc.property(message, (original) => {
        const datagram = encodeMessage(original);
        for (let length = 0; length < datagram.length; length += 1) {
          const decoded = decodeMessage(datagram.slice(0, length));
          expect(decoded.ok).toBe(false);
          if (!decoded.ok) expect(decoded.code).toBe('MESSAGE_TRUNCATED');
        }
      }),
      { numRuns: 60 },
    );
  });

  it('refuses every extension', () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ minLength: 1, maxLength: 9 }), (original, more) => {
        const decoded = decodeMessage(Uint8Array.of(...encodeMessage(original), ...more));
        expect(decoded.ok ? 'a message' : decoded.code).toBe('MESSAGE_TRAILING');
      }),
      { numRuns: 200 },
    );
  });

  it('reads a message with any bit flipped as another message or drops it under a known code', () => {
    fc.assert(
      fc.property(message, (original) => {
        const datagram = encodeMessage(original);
        for (let bit = 0; bit < datagram.length * 8; bit += 1) {
          const flipped = Uint8Array.from(datagram);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          const decoded = decodeMessage(Uint8Array.from(flipped));
          if (!decoded.ok) expect(messageDropCodes).toContain(decoded.code);
          // Whatever is accepted has this one encoding.
          else expect(encodeMessage(decoded.value)).toEqual(flipped);
        }
      }),
      { numRuns: 15 },
    );
  });
});
