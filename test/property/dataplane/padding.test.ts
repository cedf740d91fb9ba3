/** ESP padding (RFC 4303 section 2.4), every length of it: what the engine refuses is what is not 1, 2, 3, ... */
import { expect, it } from 'vitest';
import { arrival, delivered, engineWithPair, reason, referenceSa } from './engines.ts';
import { packetOf } from './packets.ts';
import { referenceSeal } from './reference-esp.ts';

const IPV4 = 4;
/** RFC 3692: a protocol for experiments, which has no ports. */
const EXPERIMENTAL = 253;
const longest = 255;
/** Without the check of sequence numbers, so that one serves all packets. */
const options = { proposal: 'null-sha256', replayWindow: 0 };
const engine = engineWithPair(options);
const reference = referenceSa(0x1001, options);

/** A packet so long that `padLength` octets of padding end it on a multiple of four. */
function innerPacket(padLength: number): Uint8Array {
  const payload = new Uint8Array((2 - padLength) & 3);
  return packetOf({ source: '10.2.0.1', destination: '10.1.0.1', protocol: EXPERIMENTAL, payload });
}

function rightPadding(padLength: number): Uint8Array {
  return Uint8Array.from({ length: padLength }, (_, index) => index + 1);
}

function received(inner: Uint8Array, padding: Uint8Array, padLength: number) {
  return engine.inbound(arrival(referenceSeal(reference, 1n, inner, IPV4, { padding, padLength })), 0);
}

it('of every length is taken off', () => {
  for (let padLength = 0; padLength <= longest; padLength++) {
    const inner = innerPacket(padLength);
    expect(delivered(received(inner, rightPadding(padLength), padLength))).toEqual(inner);
  }
});

it('is refused wherever one octet of it is wrong', () => {
  for (let padLength = 1; padLength <= longest; padLength++) {
    const inner = innerPacket(padLength);
    for (let wrong = 0; wrong < padLength; wrong++) {
      const padding = rightPadding(padLength);
      padding[wrong] = (wrong + 1) ^ (1 << ((padLength + wrong) & 7));
      expect(reason(received(inner, padding, padLength))).toBe('padding');
    }
  }
});

it('is refused when it is said to be longer than the text, whatever stands before it', () => {
  // 2, 3, ..., 255, and before it the last octet of a sequence number of 1.
  const text = rightPadding(longest).subarray(1);
  expect(reason(received(new Uint8Array(0), text, longest))).toBe('padding');
  for (let length = 2; length < longest; length += 4) {
    const short = rightPadding(longest).subarray(longest - length);
    expect(reason(received(new Uint8Array(0), short, longest))).toBe('padding');
  }
});

it('may be all that there is', () => {
  for (let padLength = 2; padLength <= longest; padLength += 4) {
    expect(reason(received(new Uint8Array(0), rightPadding(padLength), padLength))).toBe('next-header');
  }
});
