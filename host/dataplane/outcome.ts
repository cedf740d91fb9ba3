/** What became of one packet, as a value that outlives its slot; for single packets and what was held. Decides nothing. */
import { dropReasonName } from '../../firmware/abi/drop-reason.ts';
import {
  VERDICT_BYPASS,
  VERDICT_DELIVER,
  VERDICT_DELIVER_HOST,
  VERDICT_HELD,
  VERDICT_SEND,
} from '../../firmware/abi/verdict.ts';
import { addressOf } from '../model/address.ts';
import type { Outcome } from './engine.ts';
import type { PacketBatch } from './packet-batch.ts';

/** What became of the packet in slot `index` of the last run, as a value with copies. */
export function outcomeOf(batch: PacketBatch, index: number): Outcome {
  switch (batch.verdict(index)) {
    case VERDICT_SEND: {
      const at = batch.peerAddressAt(index);
      const octets = batch.memory.slice(at, at + (batch.family(index) === 6 ? 16 : 4));
      const udp = batch.isUdp(index);
      return {
        kind: 'send',
        esp: batch.copyEsp(index),
        outer: batch.copyPacket(index),
        to: { address: addressOf(octets), port: batch.peerPort(index) },
        protocol: batch.isAh(index) ? 'ah' : 'esp',
        encapsulation: udp ? 'udp' : 'raw',
        tos: batch.tos(index),
        spi: batch.pairSpi(index),
      };
    }
    case VERDICT_DELIVER:
    case VERDICT_DELIVER_HOST: {
      const to = batch.verdict(index) === VERDICT_DELIVER ? 'network' : 'host';
      return { kind: 'deliver', packet: batch.copyPacket(index), spi: batch.pairSpi(index), to };
    }
    case VERDICT_BYPASS:
      return { kind: 'bypass', packet: batch.copyPacket(index) };
    case VERDICT_HELD:
      return { kind: 'held' };
    default:
      return dropped(batch, index);
  }
}

function dropped(batch: PacketBatch, index: number): Outcome {
  const reason = dropReasonName(batch.reason(index));
  // An inbound packet is of no use to an ICMP error, and one that the firmware did not touch is not in its slot.
  if (!batch.isOutbound(index) || batch.length(index) > batch.packetRoom) return { kind: 'dropped', reason };
  const packet = batch.copyPacket(index);
  return reason === 'packet-too-big'
    ? { kind: 'dropped', reason, packet, mtu: batch.mtu(index) }
    : { kind: 'dropped', reason, packet };
}
