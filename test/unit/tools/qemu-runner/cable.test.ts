/** Frames on a stream that cuts them wherever it likes. */
import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { Cable } from '../../../../tools/qemu-runner/cable.ts';

/** A cable whose two ends are one: what is sent comes back in pieces of `pieceOctets`. */
function loop(pieceOctets: number, received: string[]): Cable {
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += pieceOctets) this.push(chunk.subarray(at, at + pieceOctets));
      done();
    },
  });
  return new Cable(stream, (frame) => received.push(Buffer.from(frame).toString('hex')));
}

it.each([1, 3, 4, 5, 1000])('come whole and in order in pieces of %i octets', async (pieceOctets) => {
  const received: string[] = [];
  const frames = [1, 60, 1514].map((length) => Buffer.alloc(length, length));
  loop(pieceOctets, received).send(frames);
  await expect.poll(() => received.length).toBe(frames.length);
  expect(received).toEqual(frames.map((frame) => frame.toString('hex')));
});
