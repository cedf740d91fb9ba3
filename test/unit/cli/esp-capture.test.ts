import { describe, expect, it } from 'vitest';
import { openCapture, sealCapture } from '../../../host/cli/esp-capture.ts';
import type { CapturedPacket } from '../../../host/cli/pcap.ts';
import { parseSaFile } from '../../../host/cli/sa-file.ts';

const json = {
  protocol: 'esp',
  mode: 'tunnel',
  proposal: 'aes128gcm16',
  spi: '0x1001',
  encryptionKey: '000102030405060708090a0b0c0d0e0f',
  salt: '10111213',
  tunnel: { source: '192.0.2.1', destination: '192.0.2.2' },
};

const saOf = (change: object = {}) => parseSaFile(JSON.stringify({ ...json, ...change }), 'sa.json');

/** An IPv4 packet with UDP's protocol number and `length` octets, whose last ones tell it from others. */
function packetOf(length: number, mark: number): Uint8Array {
  const packet = new Uint8Array(length);
  packet.set([
    0x45,
    0,
    length >> 8,
    length & 255,
    0,
    mark & 255,
    0x40,
    0,
    64,
    17,
    0,
    0,
    10,
    1,
    0,
    1,
    10,
    2,
    0,
    1,
  ]);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  packet.set([(~sum >> 8) & 255, ~sum & 255], 10);
  packet.set([0, 9, 0, 9, (length - 20) >> 8, (length - 20) & 255, 0, 0], 20);
  return packet;
}

function capturedOf(packets: readonly Uint8Array[]): CapturedPacket[] {
  return packets.map((packet, index) => ({
    time: { seconds: index, fraction: 7 },
    packet,
    missing: undefined,
  }));
}

describe('a capture through an SA', () => {
  it('comes back as it was, more packets than a batch, times kept', () => {
    const captured = capturedOf(Array.from({ length: 200 }, (_, index) => packetOf(28 + index, index)));
    const sealed = sealCapture(saOf(), captured);
    expect(sealed.leftOut).toEqual({});
    expect(sealed.packets.map((one) => one.time)).toEqual(captured.map((one) => one.time));
    const opened = openCapture(
      saOf(),
      sealed.packets.map((one) => ({ ...one, missing: undefined })),
    );
    expect(opened.leftOut).toEqual({});
    expect(opened.packets.map((one) => one.packet)).toEqual(captured.map((one) => one.packet));
  });

  it('begins with the sequence number of the file, in the ESP header and in the nonce', () => {
    const { packets } = sealCapture(saOf({ sequence: '0x12345678' }), capturedOf([packetOf(40, 1)]));
    const esp = packets[0]?.packet.subarray(20) ?? new Uint8Array();
    expect(Buffer.from(esp.subarray(0, 8)).toString('hex')).toBe('0000100112345678');
  });

  it('ends where 32-bit sequence numbers end: what is left is left out', () => {
    const captured = capturedOf([1, 2, 3].map((mark) => packetOf(40, mark)));
    const { packets, leftOut } = sealCapture(saOf({ sequence: '0xfffffffe' }), captured);
    expect([packets.length, leftOut]).toEqual([2, { 'sequence-exhausted': 1 }]);
  });

  it('opens from the middle of an extended sequence space, across 2^32', () => {
    const long = saOf({ esn: true, sequence: '0x7fffffffe' });
    const captured = capturedOf([1, 2, 3, 4].map((mark) => packetOf(40, mark)));
    const sealed = sealCapture(long, captured).packets.map((one) => ({ ...one, missing: undefined }));
    const opened = openCapture(saOf({ esn: true, sequence: '0x7fffffffe' }), sealed);
    expect([opened.packets.length, opened.leftOut]).toEqual([4, {}]);
    const elsewhere = openCapture(saOf({ esn: true, sequence: '0x6fffffffe' }), sealed);
    expect([elsewhere.packets.length, elsewhere.leftOut]).toEqual([0, { icv: 4 }]);
  });

  it('counts by reason what is no packet, no ESP, another SA, changed or repeated', () => {
    const sealed = sealCapture(saOf(), capturedOf([1, 2, 3].map((mark) => packetOf(40, mark)))).packets;
    const [first, second, third] = sealed.map((one) => one.packet);
    const changed = Uint8Array.from(second ?? []);
    changed[40] = (changed[40] ?? 0) ^ 1;
    const otherSpi = Uint8Array.from(third ?? []);
    otherSpi[21] = (otherSpi[21] ?? 0) ^ 0x10;
    const { packets, leftOut } = openCapture(saOf(), [
      ...capturedOf([first ?? changed, first ?? changed, changed, otherSpi, packetOf(40, 9).fill(1, 9, 10)]),
      { time: { seconds: 0, fraction: 0 }, packet: undefined, missing: 'not-ip' },
      { time: { seconds: 0, fraction: 0 }, packet: undefined, missing: 'cut-short' },
      ...capturedOf([second ?? changed]),
    ]);
    expect(packets.length).toBe(2);
    expect(leftOut).toMatchObject({ replay: 1, icv: 1, 'spi-unknown': 1, 'not-ip': 1, 'cut-short': 1 });
    expect(Object.values(leftOut).reduce((sum, count) => sum + count, 0)).toBe(6);
  });

  it('takes the largest packet that still fits, and leaves a larger one out', () => {
    const { packets, leftOut } = sealCapture(saOf(), capturedOf([packetOf(65_000, 1), packetOf(65_530, 2)]));
    expect([packets.length, leftOut]).toEqual([1, { 'packet-too-big': 1 }]);
    const opened = openCapture(
      saOf(),
      packets.map((one) => ({ ...one, missing: undefined })),
    );
    expect(opened.packets[0]?.packet).toEqual(packetOf(65_000, 1));
  });

  it('keeps the header in transport mode, options and all', () => {
    const transport = { mode: 'transport', tunnel: undefined };
    const captured = capturedOf([packetOf(60, 5)]);
    const sealed = sealCapture(saOf(transport), captured).packets.map((one) => ({
      ...one,
      missing: undefined,
    }));
    expect([...(sealed[0]?.packet.subarray(12, 20) ?? [])]).toEqual([10, 1, 0, 1, 10, 2, 0, 1]);
    expect(openCapture(saOf(transport), sealed).packets[0]?.packet).toEqual(captured[0]?.packet);
  });

  it('wipes the keys that it was given', () => {
    const sa = saOf();
    sealCapture(sa, []);
    expect(sa.keys.encryptionKey.reveal().every((octet) => octet === 0)).toBe(true);
  });
});
