/**
 * Tells hosts about packets that go no further, by ICMP errors written into the TUN, at a bounded rate (RFC 1812 section
 * 4.3.2.8, RFC 4443 section 2.4 f).
 */
import { VNET_HEADER } from '../../firmware/abi/bundle.ts';
import type { PacketBatch } from '../dataplane/packet-batch.ts';
import { type Address, equalAddresses } from '../model/address.ts';
import type { Instant } from '../model/instant.ts';
import { type IcmpReason, icmpError } from './icmp-error.ts';
import type { LoopCounters } from './loop-counters.ts';
import type { PacketInterface } from './packet-interface.ts';

/** Ours: enough for every host of a site to learn it at once, too little to be an amplifier. */
const errorsPerSecond = 100;

export class Refusals {
  readonly #kernel: PacketInterface;
  readonly #packets: PacketBatch;
  #sources: readonly Address[];
  readonly #counters: LoopCounters;
  readonly #offset = new Uint32Array(1);
  readonly #length = new Uint32Array(1);
  #second = 0;
  #sent = 0;

  /** `sources` are this router's addresses, at most one for each family. */
  constructor(
    kernel: PacketInterface,
    packets: PacketBatch,
    sources: readonly Address[],
    counters: LoopCounters,
  ) {
    this.#kernel = kernel;
    this.#packets = packets;
    this.#sources = sources;
    this.#counters = counters;
  }

  /** This router's address `from` is `to` now. */
  move(from: Address, to: Address): void {
    this.#sources = this.#sources.map((source) => (equalAddresses(source, from) ? to : source));
  }

  /** "Administratively prohibited" for the packet in slot `index`, which is overwritten. */
  prohibited(packets: PacketBatch, index: number, now: Instant): void {
    if (this.#mayTell(now)) this.#tell(packets.copyPacket(index), 'prohibited', 0, index);
  }

  /** "Too big" for the packet in slot `index`, which is overwritten. */
  tooBig(packets: PacketBatch, index: number, now: Instant): void {
    if (this.#mayTell(now)) this.#tell(packets.copyPacket(index), 'too-big', packets.mtu(index), index);
  }

  /** "Administratively prohibited" for a packet that was held and will not be sent. */
  abandoned(packet: Uint8Array, now: Instant): void {
    if (this.#mayTell(now)) this.#tell(packet, 'prohibited', 0, this.#packets.packetSlots - 1);
  }

  #mayTell(now: Instant): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#sent = 0;
    }
    if (++this.#sent <= errorsPerSecond) return true;
    this.#counters.icmpSuppressed++;
    return false;
  }

  #tell(packet: Uint8Array, reason: IcmpReason, mtu: number, slot: number): void {
    const family = (packet[0] ?? 0) >> 4;
    const source = this.#sources.find((address) => address.family === family);
    const error = source === undefined ? undefined : icmpError(packet, source, reason, mtu);
    if (error === undefined) return;
    const at = this.#packets.packetAddress(slot);
    this.#packets.memory.set(error, at);
    this.#offset[0] = this.#packets.withoutOffload(at);
    this.#length[0] = VNET_HEADER + error.length;
    this.#kernel.writeInner(this.#offset, this.#length, 0, 1);
    this.#counters.icmpErrors++;
  }
}
