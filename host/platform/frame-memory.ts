/**
 * The memory that the kernel reads packets from and writes them to: usually the linear memory of the WebAssembly engine,
 * so that a packet is never copied on its way. Offsets below are offsets into that memory.
 */
import { addressOfBuffer } from './libc.ts';

export interface FrameMemory {
  /** Address of offset 0 in this process. */
  readonly base: number;
  /** The same memory as octets. */
  readonly octets: Uint8Array;
}

/** Finds the address of `buffer`, which must neither grow nor be transferred while the result is in use. */
export function frameMemory(buffer: ArrayBufferLike): FrameMemory {
  return { base: addressOfBuffer(buffer), octets: new Uint8Array(buffer) };
}
