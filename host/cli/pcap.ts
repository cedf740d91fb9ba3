/**
 * Classic capture files, as libpcap writes them (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds,
 * raw IP and Ethernet. It reads a file as a whole and bounded; pcapng is refused with the command that converts it.
 *
 *   0       4     6     8      12     16        20         24
 *   | magic | major, minor | zone | accuracy | snap | link type | records: seconds, fraction, captured, original, octets
 */
import { HostError } from '../model/host-error.ts';

/** LINKTYPE_RAW: the packet begins with its IP header. */
const rawIp = 101;
const ethernet = 1;

const magicMicroseconds = 0xa1b2c3d4;
const magicNanoseconds = 0xa1b23c4d;
const magicPcapng = 0x0a0d0d0a;

const fileHeaderOctets = 24;
const recordHeaderOctets = 16;
/** Libpcap's own limit on one record (MAXIMUM_SNAPLEN). */
const maximumRecordOctets = 262_144;

export interface CaptureTime {
  readonly seconds: number;
  /** Microseconds or nanoseconds, as the file says. */
  readonly fraction: number;
}

export interface CapturedPacket {
  readonly time: CaptureTime;
  /** From the first octet of the IP header to the last of the IP packet; borrowed from the file's octets. */
  readonly packet: Uint8Array | undefined;
  /** Why there is no packet, in the words in which it is counted. */
  readonly missing: 'not-ip' | 'cut-short' | undefined;
}

export interface Capture {
  readonly nanoseconds: boolean;
  readonly packets: readonly CapturedPacket[];
}

/**
 * Reads a capture file. Ethernet frames lose their header, VLAN tags and padding; a frame that carries no IP packet, or
 * only a part of one, stays in its place without a packet.
 *
 * @throws HostError CONFIG_INVALID, naming `file`, when it is no such capture or ends within a record
 */
export function readPcap(octets: Uint8Array, file: string): Capture {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (octets.length < fileHeaderOctets) throw notPcap(file, `has ${octets.length} octets`);
  const littleEndian = [magicMicroseconds, magicNanoseconds].includes(view.getUint32(0, true));
  const magic = view.getUint32(0, littleEndian);
  if (magic === magicPcapng) {
    throw notPcap(file, `is pcapng; convert it with: editcap -F pcap ${file} ${file}.pcap`);
  }
  if (magic !== magicMicroseconds && magic !== magicNanoseconds) {
    throw notPcap(file, `begins with ${magic.toString(16).padStart(8, '0')}`);
  }
  // The upper bits of the field say whether frames end with a checksum.
  const linkType = view.getUint32(20, littleEndian) & 0xffff;
  if (linkType !== rawIp && linkType !== ethernet) {
    throw notPcap(file, `has link type ${linkType}; expected ${rawIp} (raw IP) or ${ethernet} (Ethernet)`);
  }
  const packets: CapturedPacket[] = [];
  let at = fileHeaderOctets;
  while (at < octets.length) {
    const number = packets.length + 1;
    if (octets.length - at < recordHeaderOctets)
      throw notPcap(file, `ends within the header of record ${number}`);
    const captured = view.getUint32(at + 8, littleEndian);
    const original = view.getUint32(at + 12, littleEndian);
    const frameAt = at + recordHeaderOctets;
    if (captured > maximumRecordOctets) throw notPcap(file, `has a record ${number} of ${captured} octets`);
    if (captured > octets.length - frameAt) throw notPcap(file, `ends within record ${number}`);
    const time = {
      seconds: view.getUint32(at, littleEndian),
      fraction: view.getUint32(at + 4, littleEndian),
    };
    const frame = octets.subarray(frameAt, frameAt + captured);
    const packet = linkType === ethernet ? behindEthernet(frame) : frame;
    packets.push({ time, ...wholePacket(packet, captured < original) });
    at = frameAt + captured;
  }
  return { nanoseconds: magic === magicNanoseconds, packets };
}

/** A capture file of raw IP packets, little-endian, in the precision of `nanoseconds`. */
export function writePcap(
  nanoseconds: boolean,
  packets: readonly { readonly time: CaptureTime; readonly packet: Uint8Array }[],
): Uint8Array {
  const length = packets.reduce((sum, one) => sum + recordHeaderOctets + one.packet.length, fileHeaderOctets);
  const octets = new Uint8Array(length);
  const view = new DataView(octets.buffer);
  view.setUint32(0, nanoseconds ? magicNanoseconds : magicMicroseconds, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, maximumRecordOctets, true);
  view.setUint32(20, rawIp, true);
  let at = fileHeaderOctets;
  for (const { time, packet } of packets) {
    view.setUint32(at, time.seconds, true);
    view.setUint32(at + 4, time.fraction, true);
    view.setUint32(at + 8, packet.length, true);
    view.setUint32(at + 12, packet.length, true);
    octets.set(packet, at + recordHeaderOctets);
    at += recordHeaderOctets + packet.length;
  }
  return octets;
}

/** What an Ethernet frame carries behind its header and VLAN tags (IEEE 802.1Q); undefined unless it is IP. */
function behindEthernet(frame: Uint8Array): Uint8Array | undefined {
  let typeAt = 12;
  for (;;) {
    const type = ((frame[typeAt] ?? 0) << 8) | (frame[typeAt + 1] ?? 0);
    if (type === 0x8100 || type === 0x88a8) typeAt += 4;
    else return type === 0x0800 || type === 0x86dd ? frame.subarray(typeAt + 2) : undefined;
  }
}

/** The IP packet without what a link put behind it; a capture that kept only its beginning is no packet. */
function wholePacket(
  packet: Uint8Array | undefined,
  cutShort: boolean,
): Pick<CapturedPacket, 'packet' | 'missing'> {
  const version = (packet?.[0] ?? 0) >> 4;
  if (packet === undefined || (version !== 4 && version !== 6))
    return { packet: undefined, missing: 'not-ip' };
  const total = version === 4 ? uint16(packet, 2) : uint16(packet, 4) + 40;
  if (packet.length < total && cutShort) return { packet: undefined, missing: 'cut-short' };
  // A length that the frame does not hold is the packet's own mistake: the engine counts it.
  return { packet: packet.subarray(0, Math.max(total, 1)), missing: undefined };
}

function uint16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}

function notPcap(file: string, found: string): HostError {
  return new HostError(
    'CONFIG_INVALID',
    `${file} is no capture that can be read (classic pcap): it ${found}`,
  );
}
