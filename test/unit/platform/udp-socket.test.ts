import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { type Address, parseAddress } from '../../../host/model/address.ts';
import type { DatagramSocket } from '../../../host/platform/datagram-socket.ts';
import { frameMemory } from '../../../host/platform/frame-memory.ts';
import { pathMtu } from '../../../host/platform/path-mtu.ts';
import { Poller } from '../../../host/platform/poller.ts';
import { ReceiveBatch } from '../../../host/platform/receive-batch.ts';
import { SendBatch } from '../../../host/platform/send-batch.ts';
import { openUdpSocket } from '../../../host/platform/udp-socket.ts';

const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true });
const frames = frameMemory(memory.buffer);
const open: DatagramSocket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

function udp(text: string, port = 0, receivesBundles = false): DatagramSocket {
  const socket = openUdpSocket(port, { address: address(text), receivesBundles });
  open.push(socket);
  return socket;
}

/** A batch whose datagram i goes to `base + i * 2048`. */
function receiveBatch(family: 4 | 6, base = 0, capacity = 64, room = 2048): ReceiveBatch {
  const batch = new ReceiveBatch(family, frames, capacity);
  for (let index = 0; index < capacity; index++) {
    batch.offsets[index] = base + index * 2048;
    batch.rooms[index] = room;
  }
  return batch;
}

function place(batch: SendBatch, index: number, offset: number, content: Uint8Array): void {
  frames.octets.set(content, offset);
  batch.offsets[index] = offset;
  batch.lengths[index] = content.length;
}

function receiveAll(socket: DatagramSocket, batch: ReceiveBatch): number {
  const poller = new Poller();
  poller.add(socket.fd);
  poller.wait(1000);
  return socket.receive(batch);
}

const SEND_BASE = 64 * 2048;

describe.each([
  { family: 4, any: '0.0.0.0', loopback: '127.0.0.1', other: '127.0.0.7', fromOther: true },
  { family: 6, any: '::', loopback: '::1', other: '::1', fromOther: false },
] as const)('a UDP socket for IPv$family', ({ family, any, loopback, other, fromOther }) => {
  it('carries a full batch, with content, peer, local address and TOS of each datagram', () => {
    const receiver = udp(any);
    const sender = udp(loopback);
    const outgoing = new SendBatch(family, frames, 64);
    for (let index = 0; index < 64; index++) {
      place(outgoing, index, SEND_BASE + index * 2048, new Uint8Array(20 + index * 20).fill(index));
      outgoing.setPeer(index, address(loopback).octets, 0, receiver.localPort);
      outgoing.tos[index] = index * 4 + (index % 4 === 3 ? 2 : index % 4);
      outgoing.ttl[index] = index;
      outgoing.dontFragment[index] = index % 3 === 0 ? 1 : 0;
    }
    expect(sender.send(outgoing, 0, 64)).toBe(64);
    expect([...outgoing.errnos]).toEqual(new Array(64).fill(0));
    const incoming = receiveBatch(family);
    expect(receiveAll(receiver, incoming)).toBe(64);
    for (let index = 0; index < 64; index++) {
      const at = incoming.offsets[index]!;
      const length = incoming.lengths[index]!;
      expect(frames.octets.slice(at, at + length)).toEqual(new Uint8Array(20 + index * 20).fill(index));
      expect(incoming.tos[index]).toBe(outgoing.tos[index]);
      expect(incoming.peerPort(index)).toBe(sender.localPort);
      const size = family === 4 ? 4 : 16;
      const peer = incoming.peerAddressAt(index);
      expect(incoming.octets.slice(peer, peer + size)).toEqual(address(loopback).octets);
      const local = incoming.localAddressAt[index]!;
      expect(incoming.octets.slice(local, local + size)).toEqual(address(loopback).octets);
    }
    expect(receiver.receive(incoming)).toBe(0);
  });

  it('sends what differs in content alone as bundles, which arrive as the datagrams that they are', () => {
    const receiver = udp(any);
    const sender = udp(loopback);
    expect(sender.sendsBundles).toBe(true);
    // The TOS changes; a shorter datagram ends a bundle, whatever follows; a longer one begins another.
    const sizes = [
      ...Array<number>(9).fill(1000),
      ...Array<number>(5).fill(1000),
      400,
      400,
      300,
      400,
      1200,
      1200,
    ];
    const outgoing = new SendBatch(family, frames, 64);
    sizes.forEach((size, index) => {
      place(outgoing, index, SEND_BASE + index * 2048, new Uint8Array(size).fill(index));
      outgoing.setPeer(index, address(loopback).octets, 0, receiver.localPort);
      outgoing.tos[index] = index < 9 ? 8 : 16;
    });
    expect(outgoing.prepare(0, sizes.length, true)).toBe(5);
    expect([0, 1, 2, 3, 4, 5].map((message) => outgoing.firstOf(message))).toEqual([0, 9, 15, 17, 18, 20]);
    expect(sender.send(outgoing, 0, sizes.length)).toBe(sizes.length);
    const incoming = receiveBatch(family);
    expect(receiveAll(receiver, incoming)).toBe(sizes.length);
    sizes.forEach((size, index) => {
      const at = incoming.offsets[index]!;
      expect(frames.octets.slice(at, at + incoming.lengths[index]!)).toEqual(
        new Uint8Array(size).fill(index),
      );
      expect(incoming.segmentLengths[index]).toBe(size);
      expect(incoming.tos[index]).toBe(index < 9 ? 8 : 16);
    });
  });

  it('receives a bundle as one where it says that it can', () => {
    const receiver = udp(any, 0, true);
    expect(receiver.receivesBundles).toBe(true);
    const sender = udp(loopback);
    const outgoing = new SendBatch(family, frames, 64);
    for (let index = 0; index < 20; index++) {
      place(outgoing, index, SEND_BASE + index * 2048, new Uint8Array(index === 19 ? 10 : 1400).fill(index));
      outgoing.setPeer(index, address(loopback).octets, 0, receiver.localPort);
    }
    sender.send(outgoing, 0, 20);
    const incoming = receiveBatch(family, 0, 1, 65_600);
    expect(receiveAll(receiver, incoming)).toBe(1);
    expect(incoming.lengths[0]).toBe(19 * 1400 + 10);
    expect(incoming.segmentLengths[0]).toBe(1400);
    for (let index = 0; index < 20; index++) {
      expect(frames.octets[index * 1400]).toBe(index);
    }
  });

  it('sends alone what is too long to share a bundle', () => {
    const receiver = udp(loopback);
    const sender = udp(loopback);
    const outgoing = new SendBatch(family, frames, 64);
    const octets = 65_507 - (family === 6 ? 1000 : 0);
    for (let index = 0; index < 3; index++) {
      place(outgoing, index, SEND_BASE, new Uint8Array(octets).fill(1));
      outgoing.setPeer(index, address(loopback).octets, 0, receiver.localPort);
    }
    expect(outgoing.prepare(0, 3, true)).toBe(3);
    expect(sender.send(outgoing, 0, 3)).toBe(3);
    expect([...outgoing.errnos.slice(0, 3)]).toEqual([0, 0, 0]);
  });

  it('understands, and is understood by, node:dgram', async () => {
    const ours = udp(loopback);
    const theirs = createSocket(family === 4 ? 'udp4' : 'udp6');
    await new Promise<void>((resolve) => theirs.bind(0, loopback, resolve));
    const heard = new Promise<{ text: string; port: number }>((resolve) =>
      theirs.once('message', (message, from) => resolve({ text: message.toString(), port: from.port })),
    );
    const outgoing = new SendBatch(family, frames, 1);
    place(outgoing, 0, SEND_BASE, Buffer.from('from sekisho'));
    outgoing.setPeer(0, address(loopback).octets, 0, theirs.address().port);
    ours.send(outgoing, 0, 1);
    expect(await heard).toEqual({ text: 'from sekisho', port: ours.localPort });
    await new Promise((resolve) => theirs.send('from dgram', ours.localPort, loopback, resolve));
    const incoming = receiveBatch(family);
    expect(receiveAll(ours, incoming)).toBe(1);
    expect(Buffer.from(frames.octets.slice(0, incoming.lengths[0])).toString()).toBe('from dgram');
    theirs.close();
  });

  it('sends from the address that the caller names', () => {
    const receiver = udp(loopback);
    const sender = udp(any);
    const outgoing = new SendBatch(family, frames, 2);
    for (const index of [0, 1]) {
      place(outgoing, index, SEND_BASE, Buffer.from('x'));
      outgoing.setPeer(index, address(loopback).octets, 0, receiver.localPort);
    }
    outgoing.setSource(1, address(other).octets, 0);
    sender.send(outgoing, 0, 2);
    const incoming = receiveBatch(family);
    expect(receiveAll(receiver, incoming)).toBe(2);
    const peers = [0, 1].map((index) => {
      const at = incoming.peerAddressAt(index);
      return Buffer.from(incoming.octets.slice(at, at + (family === 4 ? 4 : 16))).toString('hex');
    });
    expect(peers[1]).toBe(Buffer.from(address(other).octets).toString('hex'));
    expect(peers[0] !== peers[1]).toBe(fromOther);
    outgoing.clearSource(1);
    sender.send(outgoing, 0, 2);
    expect(receiveAll(receiver, incoming)).toBe(2);
    const at = incoming.peerAddressAt(1);
    expect(incoming.octets.slice(at, at + (family === 4 ? 4 : 16))).toEqual(address(loopback).octets);
  });

  it('leaves out and counts a datagram that was longer than its room, and never writes beyond it', () => {
    const receiver = udp(loopback);
    const sender = udp(loopback);
    const outgoing = new SendBatch(family, frames, 2);
    place(outgoing, 0, SEND_BASE, new Uint8Array(101).fill(7));
    place(outgoing, 1, SEND_BASE + 2048, new Uint8Array(100).fill(8));
    for (const index of [0, 1]) outgoing.setPeer(index, address(loopback).octets, 0, receiver.localPort);
    sender.send(outgoing, 0, 2);
    const incoming = receiveBatch(family, 0, 4, 100);
    frames.octets.fill(0xee, 0, 8192);
    expect(receiveAll(receiver, incoming)).toBe(2);
    expect([...incoming.lengths.slice(0, 2)]).toEqual([0, 100]);
    expect(incoming.truncatedCount).toBe(1);
    expect(frames.octets[100]).toBe(0xee);
    expect(frames.octets[2048 + 100]).toBe(0xee);
  });

  it('sends the others when the kernel refuses one, and says why', () => {
    const receiver = udp(loopback);
    const sender = udp(loopback);
    const outgoing = new SendBatch(family, frames, 3);
    for (const index of [0, 1, 2]) {
      place(outgoing, index, SEND_BASE, Buffer.from([index]));
      outgoing.setPeer(index, address(loopback).octets, 0, receiver.localPort);
    }
    outgoing.lengths[1] = 65_535;
    expect(sender.send(outgoing, 0, 3)).toBe(3);
    expect([...outgoing.errnos]).toEqual([0, 90, 0]); // EMSGSIZE
    expect(sender.sendErrorCount).toBe(1);
    expect(receiveAll(receiver, receiveBatch(family))).toBe(2);
  });

  it('reports a port in use with what to do', () => {
    const first = udp(loopback);
    expect(() => udp(loopback, first.localPort)).toThrow(
      expect.objectContaining({
        code: 'PLATFORM',
        errnoName: 'EADDRINUSE',
        message: expect.stringMatching(/bind the UDP socket on .*EADDRINUSE.*choose another port/),
      }),
    );
  });

  it('knows the path MTU of the loopback interface', () => {
    expect(pathMtu(address(loopback))).toBeGreaterThanOrEqual(1280);
  });
});

describe('a UDP socket', () => {
  it('says that an address is not of this machine', () => {
    expect(() => udp('192.0.2.77')).toThrow(/EADDRNOTAVAIL.*No interface of this machine has 192\.0\.2\.77/);
  });

  it('refuses a batch of more than 65 datagrams', () => {
    expect(() => new SendBatch(4, frames, 66)).toThrow(RangeError);
  });
});
