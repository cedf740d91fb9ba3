/**
 * The fixed header of an IKE message as a checked view: lengths are validated once, after that no accessor can fail.
 * Does not judge SPIs, flags, version or exchange: what those mean depends on the machine that reads them.
 * RFC 7296 section 3.1.
 */
import { ok } from '../../model/result.ts';
import { headerFlags, ikeMajorVersion } from './iana-numbers.ts';
import { type Parsed, syntaxError } from './syntax.ts';

export const headerOctets = 28;

/** What an emitter decides about a header; length and version are filled in. */
export interface HeaderValue {
  readonly initiatorSpi: bigint;
  /** 0 until the responder has chosen one. */
  readonly responderSpi: bigint;
  readonly exchangeType: number;
  /** The sender is the original initiator of the IKE SA. */
  readonly fromInitiator: boolean;
  readonly isResponse: boolean;
  readonly messageId: number;
}

/**
 * View of a received message's header.
 *
 *      0               8               16  17  18  19      20          24        28
 *     | initiator SPI | responder SPI |NP |ver|exc|flags  |message ID | length  |
 */
export class IkeHeader implements HeaderValue {
  readonly #view: DataView;

  private constructor(view: DataView) {
    this.#view = view;
  }

  /** Checks that `octets` is one whole message: at least a header, and as long as the header says. Borrows it. */
  static check(octets: Uint8Array): Parsed<IkeHeader> {
    if (octets.length < headerOctets) {
      return syntaxError(`expected an IKE header of ${headerOctets} octets, found ${octets.length}`);
    }
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    const length = view.getUint32(24);
    if (length !== octets.length) {
      return syntaxError(`expected a message of ${length} octets as its header says, found ${octets.length}`);
    }
    return ok(new IkeHeader(view));
  }

  get initiatorSpi(): bigint {
    return this.#view.getBigUint64(0);
  }

  get responderSpi(): bigint {
    return this.#view.getBigUint64(8);
  }

  /** Type of the first payload; 0 for none. */
  get nextPayload(): number {
    return this.#view.getUint8(16);
  }

  get majorVersion(): number {
    return this.#view.getUint8(17) >>> 4;
  }

  get exchangeType(): number {
    return this.#view.getUint8(18);
  }

  get fromInitiator(): boolean {
    return (this.#view.getUint8(19) & headerFlags.initiator) !== 0;
  }

  get isResponse(): boolean {
    return (this.#view.getUint8(19) & headerFlags.response) !== 0;
  }

  get messageId(): number {
    return this.#view.getUint32(20);
  }
}

/** Writes a header to the start of `octets`, which is the whole message: its length is taken from there. */
export function writeHeader(octets: Uint8Array, value: HeaderValue, nextPayload: number): void {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  view.setBigUint64(0, value.initiatorSpi);
  view.setBigUint64(8, value.responderSpi);
  view.setUint8(16, nextPayload);
  view.setUint8(17, ikeMajorVersion << 4); // minor version 0
  view.setUint8(18, value.exchangeType);
  view.setUint8(
    19,
    (value.fromInitiator ? headerFlags.initiator : 0) | (value.isResponse ? headerFlags.response : 0),
  );
  view.setUint32(20, value.messageId);
  view.setUint32(24, octets.length);
}
