/**
 * A tunnel without an engine, run in a namespace by packet-interface.test.ts: what comes out of the TUN goes to the peer as
 * the payload of UDP or of IP protocol 50, in clear, and the other way round. Packets stay in one WebAssembly memory.
 *
 * Says `open` when ready and, for each batch from the peer, `from PEER port PORT to LOCAL tos TOS`.
 */
import { addressOf, formatAddress, parseAddress } from '../../../host/model/address.ts';
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
const ROOM = 2048;
const INNER_BASE = 64 * ROOM;
const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true });
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
const innerOffsets = new Uint32Array(64);
const innerLengths = new Uint32Array(64);
for (let index = 0; index < 64; index++) {
  innerOffsets[index] = INNER_BASE + index * ROOM;
  socket.received.offsets[index] = index * ROOM;
  socket.received.rooms[index] = ROOM;
  socket.outgoing.setPeer(index, peer.octets, 0, settings.via === 'udp' ? settings.port : 0);
}
process.stdout.write(`open, wake ${machine.wakeFd}\n`);
wake(machine.wakeFd);
for (;;) {
  machine.wait(-1);
  inwards(socket.receive());
  outwards(machine.readInner(innerOffsets, innerLengths, ROOM, 64));
}

function outwards(count: number): void {
  if (socket === undefined || count === 0) return;
  for (let index = 0; index < count; index++) {
    const at = innerOffsets[index] ?? 0;
    const isIpv4 = (octets[at] ?? 0) >> 4 === 4;
    socket.outgoing.offsets[index] = at;
    socket.outgoing.lengths[index] = innerLengths[index] ?? 0;
    socket.outgoing.tos[index] = isIpv4 ? (octets[at + 1] ?? 0) : 0;
    socket.outgoing.ttl[index] = 33;
    socket.outgoing.dontFragment[index] = isIpv4 ? ((octets[at + 6] ?? 0) >> 6) & 1 : 1;
  }
  socket.send(count);
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
    const at = batch.offsets[index] ?? 0;
    const header = socket.receivesIpHeader ? ((octets[at] ?? 0) & 15) * 4 : 0;
    innerOffsets[index] = at + header;
    innerLengths[index] = (batch.lengths[index] ?? 0) - header;
  }
  machine.writeInner(innerOffsets, innerLengths, count);
  for (let index = 0; index < count; index++) innerOffsets[index] = INNER_BASE + index * ROOM;
}

function addressNamed(text: string) {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}
