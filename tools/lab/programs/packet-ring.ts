/**
 * Captures what enters the interfaces of its namespace and writes it to stdout as a pcap of raw IP: `packet-ring.ts SNAP`.
 * Stands in for tcpdump inside a user namespace, where Debian's tcpdump insists on changing its user and cannot. Reads a
 * memory-mapped ring of the kernel (packet(7), PACKET_RX_RING, TPACKET_V2), so that a fast transfer is not missed.
 *
 * SIGINT ends it; then it says on stderr, in tcpdump's words, how many packets the kernel had to drop.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import koffi from 'koffi';
import { addressOfBuffer, check, libc } from '../../../host/platform/libc.ts';

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const ETH_P_ALL = 3;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const TPACKET_V2 = 1;
const TP_STATUS_USER = 1;
const PACKET_OUTGOING = 4;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const POLLIN = 1;

/** struct tpacket2_hdr: where its fields stand; struct sockaddr_ll follows at 32. */
const header = { status: 0, length: 4, captured: 8, network: 14, seconds: 16, nanoseconds: 20 } as const;
const link = { protocol: 34, packetType: 42 } as const;
/** Octets of a frame before the packet in SOCK_DGRAM mode, rounded up. */
const frameHeaderOctets = 96;

const ringOctets = 64 << 20;
const blockOctets = 1 << 20;

const snapLength = Number(process.argv[2]) || 1900;
const frameOctets = 2 ** Math.ceil(Math.log2(frameHeaderOctets + snapLength));
const frames = ringOctets / frameOctets;

const fd = check(libc.socket(AF_PACKET, SOCK_DGRAM, swap16(ETH_P_ALL)), 'open a packet socket');
setOption(PACKET_VERSION, [TPACKET_V2]);
setOption(PACKET_RX_RING, [blockOctets, ringOctets / blockOctets, frameOctets, frames]);
const mmap = koffi.load(null).func('mmap', 'void *', ['uint64', 'uint64', 'int', 'int', 'int', 'int64']);
const ring = new DataView(koffi.view(mmap(0, ringOctets, PROT_READ_WRITE, MAP_SHARED, fd, 0), ringOctets));

let isEnding = false;
process.on('SIGINT', () => {
  isEnding = true;
});

// Nanoseconds, raw IP (draft-ietf-opsawg-pcap).
writeNumbers([0xa1b23c4d, 0x00040002, 0, 0, snapLength, 101]);
const pollEntry = new Uint32Array([fd, POLLIN]);
let next = 0;
for (;;) {
  const pieces = takeFrames();
  if (pieces.length > 0) process.stdout.write(Buffer.concat(pieces));
  else if (isEnding) break;
  else libc.poll(addressOfBuffer(pollEntry.buffer), 1, 20);
  await nextTurn();
}
const statistics = new Uint32Array(2);
const length = new Uint32Array([statistics.byteLength]);
libc.getsockopt(
  fd,
  SOL_PACKET,
  PACKET_STATISTICS,
  addressOfBuffer(statistics.buffer),
  addressOfBuffer(length.buffer),
);
process.stderr.write(`${statistics[1]} packets dropped by kernel\n`, () => process.exit(0));

/** Copies what the kernel has put into the ring, at most a thousand packets, and gives the frames back. */
function takeFrames(): Buffer[] {
  const pieces: Buffer[] = [];
  for (let count = 0; count < 1000; count++) {
    const at = next * frameOctets;
    if ((ring.getUint32(at + header.status, true) & TP_STATUS_USER) === 0) break;
    const protocol = ring.getUint16(at + link.protocol);
    const isIp = protocol === ETH_P_IP || protocol === ETH_P_IPV6;
    if (isIp && ring.getUint8(at + link.packetType) !== PACKET_OUTGOING) pieces.push(...recordAt(at));
    ring.setUint32(at + header.status, 0, true);
    next = (next + 1) % frames;
  }
  return pieces;
}

function recordAt(at: number): Buffer[] {
  const captured = Math.min(ring.getUint32(at + header.captured, true), snapLength);
  const from = at + ring.getUint16(at + header.network, true);
  const record = Buffer.alloc(16);
  record.writeUInt32LE(ring.getUint32(at + header.seconds, true), 0);
  record.writeUInt32LE(ring.getUint32(at + header.nanoseconds, true), 4);
  record.writeUInt32LE(captured, 8);
  record.writeUInt32LE(ring.getUint32(at + header.length, true), 12);
  // A copy: the frame goes back to the kernel.
  return [record, Buffer.from(new Uint8Array(ring.buffer, from, captured))];
}

function setOption(option: number, values: readonly number[]): void {
  const value = new Uint32Array(values);
  check(
    libc.setsockopt(fd, SOL_PACKET, option, addressOfBuffer(value.buffer), value.byteLength),
    `set packet socket option ${option}`,
  );
}

function writeNumbers(values: readonly number[]): void {
  const octets = new Uint32Array(values);
  process.stdout.write(Buffer.from(octets.buffer));
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}
