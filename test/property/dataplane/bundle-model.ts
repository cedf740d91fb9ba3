/** Bundles as Linux makes and cuts them, packet by packet: slow, and independent of the firmware. */
import { internetChecksum, octetsOf, TCP, UDP } from './packets.ts';

export interface SegmentPlan {
  readonly source: string;
  readonly destination: string;
  readonly ports: readonly [number, number];
  readonly protocol: typeof TCP | typeof UDP;
  readonly payload: Uint8Array;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly flags?: number;
  readonly window?: number;
  /** Octets of TCP options, a multiple of 4. */
  readonly options?: number;
  readonly identification?: number;
  readonly dontFragment?: boolean;
  readonly tos?: number;
  readonly ttl?: number;
}

export const flag = { fin: 1, psh: 8, ack: 16, cwr: 128 };

const ipHeaderOctets = (plan: SegmentPlan) => (octetsOf(plan.source).length === 4 ? 20 : 40);
const upperHeaderOctets = (plan: SegmentPlan) => (plan.protocol === UDP ? 8 : 20 + (plan.options ?? 0));

/** A whole packet; `checksum` false leaves the sum over the pseudo-header alone in the field, as the kernel does for a bundle. */
export function segmentOf(plan: SegmentPlan, checksum = true): Uint8Array {
  const upper = upperOf(plan);
  const at = plan.protocol === UDP ? 6 : 16;
  const pseudo = pseudoHeader(plan, upper.length);
  if (checksum) upper.writeUInt16BE(internetChecksum(Buffer.concat([pseudo, upper])) || 0xffff, at);
  else upper.writeUInt16BE(~internetChecksum(pseudo) & 0xffff, at);
  return Uint8Array.from(Buffer.concat([ipHeader(plan, upper.length), upper]));
}

/** The virtio_net_hdr and the packet that stand for `plan` cut after each `segmentSize` octets of payload. */
export function bundleOf(plan: SegmentPlan, segmentSize: number): Uint8Array {
  const header = Buffer.alloc(10);
  const isIpv6 = ipHeaderOctets(plan) === 40;
  header[0] = 1;
  header[1] = plan.protocol === UDP ? 5 : isIpv6 ? 4 : 1;
  header.writeUInt16LE(ipHeaderOctets(plan) + upperHeaderOctets(plan), 2);
  header.writeUInt16LE(segmentSize, 4);
  header.writeUInt16LE(ipHeaderOctets(plan), 6);
  header.writeUInt16LE(plan.protocol === UDP ? 6 : 16, 8);
  return Uint8Array.from(Buffer.concat([header, segmentOf(plan, false)]));
}

/** The packets that `plan` is cut to. */
export function segmentsOf(plan: SegmentPlan, segmentSize: number): Uint8Array[] {
  const count = Math.ceil(plan.payload.length / segmentSize);
  return Array.from({ length: count }, (_, index) => {
    const isLast = index === count - 1;
    let flags = plan.flags ?? flag.ack;
    if (!isLast) flags &= ~(flag.fin | flag.psh);
    if (index > 0) flags &= ~flag.cwr;
    return segmentOf({
      ...plan,
      payload: plan.payload.subarray(index * segmentSize, (index + 1) * segmentSize),
      sequence: ((plan.sequence ?? 0) + index * segmentSize) >>> 0,
      identification: ((plan.identification ?? 0) + index) & 0xffff,
      flags,
    });
  });
}

/** What Linux makes of a bundle that is written to a TUN: the packets on the other side of its segmentation. */
export function cut(bundle: Uint8Array): Uint8Array[] {
  const header = Buffer.from(bundle.subarray(0, 10));
  const packet = Buffer.from(bundle.subarray(10));
  if (header[1] === 0) return [Uint8Array.from(packet)];
  const upper = header.readUInt16LE(6);
  const isIpv6 = upper === 40;
  const length = isIpv6 ? 40 + packet.readUInt16BE(4) : packet.readUInt16BE(2);
  if (length !== packet.length) throw new Error(`its header says ${length} octets, it has ${packet.length}`);
  const isUdp = header[1] === 5;
  if (header[1] !== (isUdp ? 5 : isIpv6 ? 4 : 1)) throw new Error('the type is wrong');
  if (header.readUInt16LE(8) !== (isUdp ? 6 : 16)) throw new Error('the checksum is elsewhere');
  const headers = upper + (isUdp ? 8 : ((packet[upper + 12] ?? 0) >> 4) * 4);
  if (headers !== header.readUInt16LE(2)) throw new Error('the header length is wrong');
  const text = (from: number, octets: number) =>
    octets === 4
      ? [...packet.subarray(from, from + 4)].join('.')
      : packet
          .subarray(from, from + 16)
          .toString('hex')
          .replace(/(.{4})(?!$)/g, '$1:');
  const plan: SegmentPlan = {
    source: isIpv6 ? text(8, 16) : text(12, 4),
    destination: isIpv6 ? text(24, 16) : text(16, 4),
    ports: [packet.readUInt16BE(upper), packet.readUInt16BE(upper + 2)],
    protocol: isUdp ? UDP : TCP,
    payload: packet.subarray(headers),
    ...(isUdp
      ? {}
      : {
          sequence: packet.readUInt32BE(upper + 4),
          acknowledgement: packet.readUInt32BE(upper + 8),
          flags: packet[upper + 13] ?? 0,
          window: packet.readUInt16BE(upper + 14),
          options: headers - upper - 20,
        }),
    identification: isIpv6 ? 0 : packet.readUInt16BE(4),
    dontFragment: !isIpv6 && ((packet[6] ?? 0) & 0x40) !== 0,
    tos: isIpv6 ? (packet.readUInt16BE(0) >> 4) & 0xff : (packet[1] ?? 0),
    ttl: packet[isIpv6 ? 7 : 8] ?? 0,
  };
  if (Buffer.compare(segmentOf(plan, false), packet) !== 0) throw new Error('its headers are not whole');
  const segments = segmentsOf(plan, header.readUInt16LE(4));
  if (isUdp && segments.length > 64) throw new Error(`${segments.length} datagrams, and Linux takes 64`);
  return segments;
}

function upperOf(plan: SegmentPlan): Buffer {
  const [source, destination] = plan.ports;
  const header = Buffer.alloc(upperHeaderOctets(plan));
  header.writeUInt16BE(source, 0);
  header.writeUInt16BE(destination, 2);
  if (plan.protocol === UDP) {
    header.writeUInt16BE(8 + plan.payload.length, 4);
  } else {
    header.writeUInt32BE(plan.sequence ?? 0, 4);
    header.writeUInt32BE(plan.acknowledgement ?? 0, 8);
    header[12] = (header.length / 4) << 4;
    header[13] = plan.flags ?? flag.ack;
    header.writeUInt16BE(plan.window ?? 512, 14);
    header.fill(1, 20);
  }
  return Buffer.concat([header, plan.payload]);
}

function pseudoHeader(plan: SegmentPlan, length: number): Buffer {
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(length, 0);
  rest.writeUInt32BE(plan.protocol, 4);
  return Buffer.concat([octetsOf(plan.source), octetsOf(plan.destination), rest]);
}

function ipHeader(plan: SegmentPlan, upperLength: number): Buffer {
  const header = Buffer.alloc(ipHeaderOctets(plan));
  if (header.length === 40) {
    header.writeUInt32BE(((6 << 28) | ((plan.tos ?? 0) << 20)) >>> 0, 0);
    header.writeUInt16BE(upperLength, 4);
    header[6] = plan.protocol;
    header[7] = plan.ttl ?? 64;
    header.set(octetsOf(plan.source), 8);
    header.set(octetsOf(plan.destination), 24);
    return header;
  }
  header[0] = 0x45;
  header[1] = plan.tos ?? 0;
  header.writeUInt16BE(20 + upperLength, 2);
  header.writeUInt16BE(plan.identification ?? 0, 4);
  header[6] = plan.dontFragment ? 0x40 : 0;
  header[8] = plan.ttl ?? 64;
  header[9] = plan.protocol;
  header.set(octetsOf(plan.source), 12);
  header.set(octetsOf(plan.destination), 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  return header;
}
