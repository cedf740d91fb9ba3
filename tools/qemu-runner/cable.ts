/**
 * This end of a guest's network cable: Ethernet frames over the stream of QEMU's `-netdev stream`, each behind its length in
 * four octets. No privileges, no interface of this machine.
 */
import type { Duplex } from 'node:stream';

const lengthOctets = 4;

export class Cable {
  readonly #stream: Duplex;
  readonly #onFrame: (frame: Uint8Array) => void;
  #rest: Buffer = Buffer.alloc(0);

  /** `onFrame` gets each frame that the guest sends, from the destination's address on; it is borrowed during the call. */
  constructor(stream: Duplex, onFrame: (frame: Uint8Array) => void) {
    this.#stream = stream;
    this.#onFrame = onFrame;
    stream.on('data', (octets: Buffer) => this.#take(octets));
  }

  /** Puts frames on the cable, in order. */
  send(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const length = Buffer.alloc(lengthOctets);
      length.writeUInt32BE(frame.length);
      this.#stream.write(length);
      this.#stream.write(frame);
    }
  }

  #take(octets: Buffer): void {
    let rest = Buffer.concat([this.#rest, octets]);
    while (rest.length >= lengthOctets) {
      const end = lengthOctets + rest.readUInt32BE();
      if (rest.length < end) break;
      this.#onFrame(rest.subarray(lengthOctets, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }
}
