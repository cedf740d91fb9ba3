/** Sockets of several workers on one address: each gets what its SPIs say, by the kernel's own filters. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Address } from '../../../host/model/address.ts';
import type { DatagramSocket } from '../../../host/platform/datagram-socket.ts';
import { frameMemory } from '../../../host/platform/frame-memory.ts';
import { libc } from '../../../host/platform/libc.ts';
import { Poller } from '../../../host/platform/poller.ts';
import { openRawAhSocket, openRawEspSocket } from '../../../host/platform/raw-socket.ts';
import { ReceiveBatch } from '../../../host/platform/receive-batch.ts';
import { SendBatch } from '../../../host/platform/send-batch.ts';
import { SharedSockets } from '../../../host/platform/shared-sockets.ts';
import { openUdpSocket } from '../../../host/platform/udp-socket.ts';
import { address } from '../../property/dataplane/engines.ts';
import { describeWith } from '../../requirements.ts';

const frames = frameMemory(new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true }).buffer);
const room = 2048;
const open: DatagramSocket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

function kept(socket: DatagramSocket): DatagramSocket {
  open.push(socket);
  return socket;
}

function freePort(local: Address): number {
  const socket = openUdpSocket(0, { address: local });
  socket.close();
  return socket.localPort;
}

/** What has arrived, as the SPIs at `spiAt` of ESP or AH. */
function received(socket: DatagramSocket, spiAt = 0): string[] {
  const poller = new Poller();
  poller.add(socket.fd);
  poller.wait(50);
  const batch = new ReceiveBatch(socket.family, frames, 16);
  for (let index = 0; index < 16; index++) {
    batch.offsets[index] = index * room;
    batch.rooms[index] = room;
  }
  const count = socket.receive(batch);
  return Array.from({ length: count }, (_, index) => {
    const from = (batch.offsets[index] ?? 0) + (socket.receivesIpHeader ? 20 : 0) + spiAt;
    const octets = frames.octets.slice(from, from + Math.min(4, (batch.lengths[index] ?? 0) - spiAt));
    return Buffer.from(octets).toString('hex');
  });
}

function sendAll(sender: DatagramSocket, to: Address, port: number, datagrams: readonly Uint8Array[]): void {
  const batch = new SendBatch(sender.family, frames, 16, sender.localPort > 0);
  datagrams.forEach((datagram, index) => {
    const at = (16 + index) * room;
    frames.octets.set(datagram, at);
    batch.offsets[index] = at;
    batch.lengths[index] = datagram.length;
    batch.setPeer(index, to.octets, 0, port);
  });
  expect(sender.send(batch, 0, datagrams.length)).toBe(datagrams.length);
}

const spis = ['00001000', '40001001', '80001002', 'c0001003', '3fffffff', '7fffffff'];
/** Of three workers. */
const bySpi = [['00001000', 'c0001003', '3fffffff'], ['40001001', '7fffffff'], ['80001002']];

const esp = (spi: string): Uint8Array =>
  Uint8Array.from(Buffer.from(`${spi}00000001`.padEnd(64, '0'), 'hex'));

describe.each(['127.0.0.1', '::1'])('UDP sockets of three workers on %s', (text) => {
  const local = address(text);
  const workers = (port: number) =>
    [0, 1, 2].map((worker) => {
      const share = { worker, workers: 3 };
      return kept(openUdpSocket(port, { address: local, receivesBundles: true, share }));
    });

  it('each get what has an SPI of theirs, and the first IKE and keepalives', () => {
    const port = freePort(local);
    const sockets = workers(port);
    const ike = Uint8Array.of(0, 0, 0, 0, 9, 9, 9, 9);
    const sender = kept(openUdpSocket(0, { address: local }));
    sendAll(sender, local, port, [...spis.map(esp), ike, Uint8Array.of(0xff)]);
    const all = sockets.map((socket) => received(socket).sort());
    expect(all).toEqual([[...bySpi[0]!, '00000000', 'ff'].sort(), bySpi[1]!, bySpi[2]!]);
  });

  it('are the same in the hands of another thread', () => {
    const port = freePort(local);
    const [first, second] = workers(port);
    const adopted = openUdpSocket(port, { address: local, fd: second?.fd ?? -1 });
    expect(adopted.localPort).toBe(port);
    const sender = kept(openUdpSocket(0, { address: local }));
    sendAll(sender, local, port, [esp('40001001'), esp('00001000')]);
    expect(received(adopted)).toEqual(['40001001']);
    expect(received(first!)).toEqual(['00001000']);
  });
});

describe('UDP sockets of three workers, shared', () => {
  const local = address('127.0.0.1');
  const kind = { address: local, protocol: 'esp', encapsulation: 'udp' } as const;
  const adopted = (fds: readonly number[], port: number) =>
    fds.map((fd) => kept(openUdpSocket(port, { address: local, fd })));

  it('keep their workers when each closes its own and has another, in whatever order', () => {
    const port = freePort(local);
    const shared = new SharedSockets(3, { localPort: port });
    const before = shared.take(kind).map((fd) => openUdpSocket(port, { address: local, fd }));
    before[0]?.close();
    const sockets = adopted(shared.take(kind), port);
    for (const socket of before.slice(1)) socket.close();
    const sender = kept(openUdpSocket(0, { address: local }));
    sendAll(sender, local, port, spis.map(esp));
    expect(sockets.map((socket) => received(socket).sort())).toEqual(bySpi.map((own) => [...own].sort()));
    shared.close();
  });

  it('are opened on another address beside those of before, which end when that one is kept', () => {
    const port = freePort(local);
    const shared = new SharedSockets(2, { localPort: port });
    for (const fd of shared.take(kind)) libc.close(fd);
    const other = address('127.0.0.2');
    adopted(shared.take({ ...kind, address: other }), port);
    expect(() => openUdpSocket(port, { address: local })).toThrow(/Another program has port/);
    shared.keepOnly(other);
    kept(openUdpSocket(port, { address: local }));
    shared.close();
  });
});

describeWith(['root'], 'raw sockets of three workers', () => {
  it.each([
    ['ESP', '127.0.0.9', openRawEspSocket, 0],
    ['ESP', '::1', openRawEspSocket, 0],
    ['AH', '::1', openRawAhSocket, 4],
  ] as const)('each get the %s of their SPIs alone, on %s', (name, text, openRaw, spiAt) => {
    const local = address(text);
    const sockets = [0, 1, 2].map((worker) =>
      kept(openRaw({ address: local, share: { worker, workers: 3 } })),
    );
    // What is sent goes out as it is: AH needs its IP header.
    const sender = kept(openRaw({ address: local, share: { worker: 0, workers: 1 } }));
    const header = Buffer.from(
      '60000000002033400000000000000000000000000000000100000000000000000000000000000001',
      'hex',
    );
    const packets = spis.map((spi) =>
      name === 'AH'
        ? Uint8Array.from([...header, ...Buffer.from('3b060000', 'hex'), ...esp(spi).subarray(0, 28)])
        : esp(spi),
    );
    sendAll(sender, local, 0, packets);
    expect(sockets.map((socket) => received(socket, spiAt).sort())).toEqual(
      bySpi.map((own) => [...own].sort()),
    );
  });
});
