import { describe, expect, it } from 'vitest';
import { readPcap, writePcap } from '../../../host/cli/pcap.ts';

/** A minimal IPv4 packet of `length` octets. */
function ipv4(length: number): Uint8Array {
  const packet = new Uint8Array(length);
  packet[0] = 0x45;
  packet[2] = length >> 8;
  packet[3] = length & 0xff;
  return packet;
}

interface FileOptions {
  readonly magic?: number;
  readonly littleEndian?: boolean;
  readonly linkType?: number;
}

/** A capture written here by hand, independent of the writer. */
function capture(
  frames: readonly (readonly [number, number, Uint8Array, number?])[],
  options: FileOptions = {},
) {
  const { magic = 0xa1b2c3d4, littleEndian = true, linkType = 101 } = options;
  const octets = new Uint8Array(24 + frames.reduce((sum, [, , frame]) => sum + 16 + frame.length, 0));
  const view = new DataView(octets.buffer);
  view.setUint32(0, magic, littleEndian);
  view.setUint16(4, 2, littleEndian);
  view.setUint16(6, 4, littleEndian);
  view.setUint32(16, 65535, littleEndian);
  view.setUint32(20, linkType, littleEndian);
  let at = 24;
  for (const [seconds, fraction, frame, original] of frames) {
    view.setUint32(at, seconds, littleEndian);
    view.setUint32(at + 4, fraction, littleEndian);
    view.setUint32(at + 8, frame.length, littleEndian);
    view.setUint32(at + 12, original ?? frame.length, littleEndian);
    octets.set(frame, at + 16);
    at += 16 + frame.length;
  }
  return octets;
}

const time = { seconds: 1_700_000_000, fraction: 999_999 };
const [seconds, fraction] = [time.seconds, time.fraction];

describe('a capture file', () => {
  it.each([
    ['microseconds, little-endian', { littleEndian: true }, false],
    ['microseconds, big-endian', { littleEndian: false }, false],
    ['nanoseconds, little-endian', { magic: 0xa1b23c4d }, true],
    ['nanoseconds, big-endian', { magic: 0xa1b23c4d, littleEndian: false }, true],
  ] as const)('is read in %s', (_, options, nanoseconds) => {
    const packet = ipv4(28);
    expect(readPcap(capture([[seconds, fraction, packet]], options), 'x.pcap')).toEqual({
      nanoseconds,
      packets: [{ time, packet, missing: undefined }],
    });
  });

  it('is written so that it reads back the same, times and precision kept', () => {
    const packets = [
      { time, packet: ipv4(20) },
      { time: { seconds: 1, fraction: 123_456_789 }, packet: ipv4(21) },
    ];
    const read = readPcap(writePcap(true, packets), 'x.pcap');
    expect(read.nanoseconds).toBe(true);
    expect(read.packets).toEqual(packets.map((one) => ({ ...one, missing: undefined })));
    expect(readPcap(writePcap(false, []), 'x.pcap')).toEqual({ nanoseconds: false, packets: [] });
  });

  it('of Ethernet loses the header, VLAN tags and the padding of short frames', () => {
    const header = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    const padded = Uint8Array.from([...header, 8, 0, ...ipv4(28), ...new Array(18).fill(0)]);
    const tagged = Uint8Array.from([...header, 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0, ...ipv4(28)]);
    const arp = Uint8Array.from([...header, 8, 6, ...new Array(46).fill(0)]);
    const { packets } = readPcap(
      capture(
        [
          [1, 2, padded],
          [3, 4, tagged],
          [5, 6, arp],
        ],
        { linkType: 1 },
      ),
      'x.pcap',
    );
    expect(packets.map((one) => one.packet)).toEqual([ipv4(28), ipv4(28), undefined]);
    expect(packets[2]?.missing).toBe('not-ip');
  });

  it('says of a packet of which only a part was captured that it is cut short', () => {
    const { packets } = readPcap(capture([[1, 2, ipv4(100).subarray(0, 60), 100]]), 'x.pcap');
    expect(packets).toEqual([{ time: { seconds: 1, fraction: 2 }, packet: undefined, missing: 'cut-short' }]);
  });

  it.each([
    ['a file that is too short', new Uint8Array(23), 'has 23 octets'],
    ['another format', capture([], { magic: 0x12345678 }), 'begins with'],
    ['pcapng', capture([], { magic: 0x0a0d0d0a }), 'editcap -F pcap x.pcap'],
    ['another link type', capture([], { linkType: 113 }), 'link type 113; expected 101'],
    ['a record that ends early', capture([[1, 2, ipv4(40)]]).subarray(0, 50), 'ends within record 1'],
    [
      'a header that ends early',
      capture([[1, 2, ipv4(40)]]).subarray(0, 30),
      'ends within the header of record 1',
    ],
  ])('refuses %s with a word on why', (_, octets, message) => {
    expect(() => readPcap(octets, 'x.pcap')).toThrow(message);
  });

  it('refuses a record longer than any packet, whatever the file holds', () => {
    const octets = capture([[1, 2, ipv4(40)]]);
    new DataView(octets.buffer).setUint32(32, 0x7fffffff, true);
    expect(() => readPcap(octets, 'x.pcap')).toThrow('record 1 of 2147483647 octets');
  });
});
