import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { frameMemory } from '../../../host/platform/frame-memory.ts';
import { addressOfBuffer } from '../../../host/platform/libc.ts';
import { ReadAhead } from '../../../host/platform/read-ahead.ts';
import { READS_MAX, ReadRing } from '../../../host/platform/read-ring.ts';
import { errnos } from '../../../host/platform/system-call-error.ts';
import { openUdpSocket } from '../../../host/platform/udp-socket.ts';

const stride = 4096;
const buffer = new ArrayBuffer(READS_MAX * stride);
const address = addressOfBuffer(buffer);
const ring = ReadRing.open();
const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A socket on loopback, with datagrams of those contents waiting. */
async function waiting(contents: readonly Uint8Array[]) {
  const socket = openUdpSocket(0, { address: { family: 4, octets: Uint8Array.of(127, 0, 0, 1) } });
  open.push(socket);
  const sender = createSocket('udp4');
  for (const content of contents)
    await new Promise((resolve) => sender.send(content, socket.localPort, '127.0.0.1', resolve));
  sender.close();
  await once(sender, 'close');
  await sleep(20);
  return socket;
}

const content = (number: number, octets = number + 1) => new Uint8Array(octets).fill(number);

// Older kernels, and containers, have none; routers do without.
describe.skipIf(ring === undefined)('a ring of reads', () => {
  it('brings what is there in order, and says where nothing was', async () => {
    const socket = await waiting([0, 1, 2, 3, 4].map((number) => content(number)));
    expect(ring?.read(socket.fd, address, stride, 3)).toBe(0);
    expect([...(ring?.lengths.subarray(0, 3) ?? [])]).toEqual([1, 2, 3]);
    expect(new Uint8Array(buffer, 2 * stride, 3)).toEqual(content(2));
    expect(ring?.read(socket.fd, address, stride, READS_MAX)).toBe(0);
    expect([...(ring?.lengths ?? [])]).toEqual([4, 5, ...new Array(READS_MAX - 2).fill(0)]);
    expect(new Uint8Array(buffer, stride, 5)).toEqual(content(4));
  });

  it('goes round many times', async () => {
    for (let turn = 0; turn < 20; turn++) {
      const socket = await waiting(Array.from({ length: 7 }, (_, number) => content(turn * 7 + number)));
      expect(ring?.read(socket.fd, address, stride, 7)).toBe(0);
      expect(new Uint8Array(buffer, 6 * stride, 1)).toEqual(Uint8Array.of(turn * 7 + 6));
    }
  });

  it('says why a descriptor cannot be read', () => {
    expect(ring?.read(10_000, address, stride, 2)).toBe(errnos.EBADF);
  });
});

describe.skipIf(ring === undefined)('packets read ahead', () => {
  const frames = frameMemory(new WebAssembly.Memory({ initial: 2, maximum: 2 }).buffer);

  it('come one at a time, whole, small and long ones, in order', async () => {
    const ahead = ReadAhead.open(frames);
    if (ahead === undefined) throw new Error('there was a ring before');
    open.push(ahead);
    const contents = [content(1, 40), content(2, 256), content(3, 257), content(4, 9000), content(5, 1)];
    const socket = await waiting(contents);
    for (let count = 0; count < 3; count++) ahead.note(60);
    expect(ahead.isWorthIt).toBe(false);
    ahead.note(60);
    expect(ahead.isWorthIt).toBe(true);
    expect(ahead.fill(socket.fd)).toBe(0);
    for (const expected of contents) {
      expect(ahead.hasPackets).toBe(true);
      expect(ahead.take(1000, 65_600)).toBe(expected.length);
      expect(frames.octets.slice(1000, 1000 + expected.length)).toEqual(expected);
    }
    expect(ahead.hasPackets).toBe(false);
    expect(ahead.take(1000, 65_600)).toBe(0);
    expect([ahead.takeShort(), ahead.takeShort()]).toEqual([true, false]);
    // A long one was among them: what comes next is read alone.
    expect(ahead.isWorthIt).toBe(false);
  });

  it('are worth it only as long as there are several', async () => {
    const ahead = ReadAhead.open(frames);
    if (ahead === undefined) throw new Error('there was a ring before');
    open.push(ahead);
    const isWorthItAfter = async (packets: number): Promise<boolean> => {
      for (let count = 0; count < 4; count++) ahead.note(60);
      const socket = await waiting(Array.from({ length: packets }, (_, number) => content(number, 60)));
      expect(ahead.fill(socket.fd)).toBe(0);
      while (ahead.hasPackets) ahead.take(1000, 65_600);
      return ahead.isWorthIt;
    };
    expect(await isWorthItAfter(4)).toBe(true);
    expect(await isWorthItAfter(3)).toBe(false);
  });

  it('are a ring full as long as more may be there', async () => {
    const ahead = ReadAhead.open(frames);
    if (ahead === undefined) throw new Error('there was a ring before');
    open.push(ahead);
    const socket = await waiting(
      Array.from({ length: READS_MAX + 1 }, (_, number) => content(number, 40 + number)),
    );
    const take = () => Array.from({ length: READS_MAX }, () => ahead.take(1000, 65_600));
    expect(ahead.fill(socket.fd)).toBe(0);
    expect(take()).toEqual(Array.from({ length: READS_MAX }, (_, number) => 40 + number));
    expect([ahead.hasPackets, ahead.takeShort()]).toEqual([false, false]);
    expect(ahead.fill(socket.fd)).toBe(0);
    expect(take()).toEqual([40 + READS_MAX, ...new Array(READS_MAX - 1).fill(0)]);
    expect(ahead.takeShort()).toBe(true);
  });
});
