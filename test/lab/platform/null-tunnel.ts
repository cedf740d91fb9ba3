/**
 * A tunnel without an engine, run in a namespace by packet-interface.test.ts: what comes out of the TUN goes to the peer as
 * the payload of UDP or of IP protocol 50, in clear, and the other way round. Packets stay in one WebAssembly memory.
 *
 * Says `open` when ready and, for each batch from the peer, `from PEER port PORT to LOCAL tos TOS`.
 */
import { VNET_HEADER } from '../../../firmware/abi/bundle.ts';
import { addressOf, formatAddress, parseAddress } from '../../../host/model/address.ts';
import { RECEIVE_CAPACITY } from '../../../host/platform/batch-socket.ts';
import { openLinuxPacketInterface } from '../../../host/platform/linux-packet-interface.ts';
import { wake } from '../../../host/platform/poller.ts';

interface TunnelSettings {
  tunName: string;
  local: string;
  peer: string;
  port: number;
  mark: number;
  via: 'udp' | 'raw';
}

const settings: TunnelSettings = JSON.parse(process.argv[2] ?? '');
const local = addressNamed(settings.local);
const peer = addressNamed(settings.peer);
const ROOM = 65_600;
const INNER_BASE = RECEIVE_CAPACITY * ROOM;
const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true });
const octets = new Uint8Array(memory.buffer);
const machine = openLinuxPacketInterface({
  memory: memory.buffer,
  tunName: settings.tunName,
  tunMtu: 1400,
  localAddresses: [local],
  localPort: settings.port,
  mark: settings.mark,
  raw: true,
});
const socket = machine.sockets.find((one) => one.encapsulation === settings.via);
if (socket === undefined) throw new Error('no such socket');
const innerOffset = new Uint32Array(1);
const innerLength = new Uint32Array(1);
for (let index = 0; index < RECEIVE_CAPACITY; index++) {
  socket.received.offsets[index] = index * ROOM;
  socket.received.rooms[index] = ROOM;
}
socket.outgoing.setPeer(0, peer.octets, 0, settings.via === 'udp' ? settings.port : 0);
process.stdout.write(`open, wake ${machine.wakeFd}\n`);
wake(machine.wakeFd);
for (;;) {
  machine.wait(-1);
  inwards(socket.receive());
  for (
    let length = machine.readInner(INNER_BASE, ROOM);
    length > 0;
    length = machine.readInner(INNER_BASE, ROOM)
  ) {
    outwards(length);
  }
}

/** Ping makes no bundles. */
function outwards(length: number): void {
  if (socket === undefined) return;
  const at = INNER_BASE + VNET_HEADER;
  const isIpv4 = (octets[at] ?? 0) >> 4 === 4;
  socket.outgoing.offsets[0] = at;
  socket.outgoing.lengths[0] = length - VNET_HEADER;
  socket.outgoing.tos[0] = isIpv4 ? (octets[at + 1] ?? 0) : 0;
  socket.outgoing.ttl[0] = 33;
  socket.outgoing.dontFragment[0] = isIpv4 ? ((octets[at + 6] ?? 0) >> 6) & 1 : 1;
  socket.send(0, 1);
}

function inwards(count: number): void {
  if (socket === undefined || count === 0) return;
  const batch = socket.received;
  const length = socket.family === 4 ? 4 : 16;
  const text = (at: number) => formatAddress(addressOf(batch.octets.slice(at, at + length)));
  process.stdout.write(
    `from ${text(batch.peerAddressAt(0))} port ${batch.peerPort(0)} to ${text(batch.localAddressAt[0] ?? 0)} tos ${batch.tos[0]}\n`,
  );
  for (let index = 0; index < count; index++) {
    const start = batch.offsets[index] ?? 0;
    const header = socket.receivesIpHeader ? ((octets[start] ?? 0) & 15) * 4 : 0;
    const step = batch.segmentLengths[index] ?? 0;
    const end = start + (batch.lengths[index] ?? 0);
    for (let at = start; at < end; at += step) {
      const length = Math.min(step, end - at) - header;
      octets.fill(0, INNER_BASE, INNER_BASE + VNET_HEADER);
      octets.copyWithin(INNER_BASE + VNET_HEADER, at + header, at + header + length);
      innerOffset[0] = INNER_BASE;
      innerLength[0] = VNET_HEADER + length;
      machine.writeInner(innerOffset, innerLength, 0, 1);
    }
  }
}

function addressNamed(text: string) {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}
