/** Work of a contestant of the cipher bench that can be compared with others': its results, packet by packet. */
import type { Work } from '../turns.ts';
import type { Packet } from './packet.ts';

export interface PacketWork extends Work {
  /** Of the last run: each packet's text, or its MAC, and behind an encrypted text its ICV. */
  readonly results: () => readonly Uint8Array[];
}

/** What comes out for a packet; without `icv` where `text` is all. */
export interface Processed {
  readonly text: Uint8Array;
  readonly icv?: Uint8Array;
}

/** What a stranger does with a packet; results are its own new octets, as its interface has it. */
export type Process = (packet: Packet) => Processed;

/** Runs `process` on one packet after the other. */
export function oneByOne(process: Process, packets: readonly Packet[]): PacketWork {
  const processed: Processed[] = [];
  return {
    run() {
      for (let index = 0; index < packets.length; index++) {
        processed[index] = process(packets[index] as Packet);
      }
    },
    results: () => processed.map(({ text, icv }) => (icv === undefined ? text : Buffer.concat([text, icv]))),
  };
}
