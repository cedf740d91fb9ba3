/**
 * cbor-x, kept to what the protocol uses. Its encoder writes into a frame that is ours and zeroed after each use, since
 * its own pool would keep key material; its native string extractor stays out (`cbor-x/encode` resolves to the build
 * without it), since that reads past what checkFrame has seen. Bounds and meaning are checked elsewhere.
 */
import { Decoder, Encoder } from 'cbor-x/encode';
import { maximumMessageOctets } from './limits.ts';

declare module 'cbor-x/encode' {
  interface Encoder {
    /** Not in the library's typings: encode into `buffer` from its start. */
    useBuffer(buffer: Uint8Array): void;
  }
}

/** What goes over the wire. Byte strings that were decoded alias the datagram. */
export type WireValue = null | boolean | number | bigint | string | Uint8Array | WireValue[];

const options = { useRecords: false, tagUint8Array: false } as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** Room for the longest message and for cbor-x's margin, so that it never grows the frame and leaves a copy behind. */
const frame = Buffer.alloc(8 * maximumMessageOctets);

/** Encodes into the shared frame, passes the octets on while they last, and zeroes them. */
export function withEncoded<Outcome>(value: WireValue, use: (octets: Uint8Array) => Outcome): Outcome {
  encoder.useBuffer(frame);
  try {
    return use(encoder.encode(value));
  } finally {
    frame.fill(0);
  }
}

/**
 * Decodes one item that checkFrame has passed.
 *
 * @borrows `octets` for as long as the result's byte strings are used
 */
export function decodeItem(octets: Uint8Array): WireValue {
  // cbor-x hangs its DataView on the array it is given: let that be a view of ours.
  return decoder.decode(octets.subarray());
}
