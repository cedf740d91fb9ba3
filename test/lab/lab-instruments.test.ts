/** The lab's readers and counters on inputs written by hand: what they must find, and what they must not. */
import { describe, expect, it } from 'vitest';
import { Census, cleartextMarker } from '../../tools/lab/census.ts';
import { readOptions } from '../../tools/lab/options.ts';
import { PcapReader } from '../../tools/lab/pcap.ts';
import { countHalves } from '../../tools/lab/scenario/message-loss.ts';
import { timeSequence } from '../../tools/lab/time-sequence.ts';
import { parsePing } from '../../tools/lab/traffic.ts';

const outer = { tokyo: [198, 51, 100, 10], osaka: [203, 0, 113, 10], server: [192, 0, 2, 10] };

function ipv4(from: number[], to: number[], protocol: number, payload: Buffer, fragmentOffset = 0): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(fragmentOffset, 6);
  header[9] = protocol;
  header.set(from, 12);
  header.set(to, 16);
  return Buffer.concat([header, payload]);
}

function udp(from: number, to: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(from, 0);
  header.writeUInt16BE(to, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

function esp(spi: number, sequence: number, iv: bigint): Buffer {
  const octets = Buffer.alloc(40);
  octets.writeUInt32BE(spi, 0);
  octets.writeUInt32BE(sequence, 4);
  octets.writeBigUInt64BE(iv, 8);
  return octets;
}

function census(): Census {
  return new Census(['10.1.0.0/24', '10.2.0.0/24', 'fdca:5e1:1::/64'], '192.0.2.10');
}

describe('the census', () => {
  it('tells ESP in UDP, raw ESP, IKE, keepalives and the channel apart', () => {
    const one = census();
    one.add(1, ipv4(outer.tokyo, outer.osaka, 17, udp(4500, 4500, esp(0x1000, 1, 1n))));
    one.add(2, ipv4(outer.tokyo, outer.osaka, 50, esp(0x2000, 1, 1n)));
    one.add(3, ipv4(outer.tokyo, outer.server, 17, udp(4500, 4500, esp(0x3000, 1, 1n))));
    one.add(4, ipv4(outer.tokyo, outer.server, 17, udp(4500, 4500, Buffer.alloc(64))));
    one.add(5, ipv4(outer.tokyo, outer.server, 17, udp(4500, 4500, Buffer.from([0xff]))));
    one.add(6, ipv4(outer.server, outer.tokyo, 17, udp(4500, 61234, esp(0x3001, 1, 1n))));
    expect(one.counts()).toMatchObject({
      packets: 6,
      esp: 2,
      channelEsp: 2,
      ike: 1,
      keepalives: 1,
      cleartext: 0,
      repeatedIvs: 0,
    });
  });

  it('finds an IV or a sequence number that one SA uses twice, and only then', () => {
    const one = census();
    const add = (to: number[], spi: number, sequence: number, iv: bigint) =>
      one.add(1, ipv4(outer.tokyo, to, 17, udp(4500, 4500, esp(spi, sequence, iv))));
    add(outer.osaka, 0x1000, 1, 1n);
    add(outer.osaka, 0x1001, 1, 1n);
    add(outer.server, 0x1000, 1, 1n);
    expect(one.counts()).toMatchObject({ repeatedIvs: 0, repeatedSequences: 0 });
    add(outer.osaka, 0x1000, 2, 1n);
    expect(one.counts()).toMatchObject({ repeatedIvs: 1, repeatedSequences: 0 });
    add(outer.osaka, 0x1000, 2, 2n);
    expect(one.counts()).toMatchObject({ repeatedIvs: 1, repeatedSequences: 1 });
  });

  it('finds cleartext by its addresses, by the marker, and behind the ports of ESP', () => {
    const one = census();
    one.add(1, ipv4([10, 1, 0, 10], [10, 2, 0, 10], 1, Buffer.alloc(16)));
    one.add(2, ipv4([10, 1, 0, 10], outer.osaka, 17, udp(4500, 4500, Buffer.alloc(16))));
    one.add(3, ipv4(outer.tokyo, outer.osaka, 17, udp(5000, 5000, Buffer.from(`${cleartextMarker} 1`))));
    const v6 = Buffer.alloc(60);
    v6[0] = 0x60;
    v6[6] = 58;
    v6.set([0xfd, 0xca, 0x05, 0xe1, 0, 1], 8);
    one.add(4, v6);
    expect(one.counts()).toMatchObject({ cleartext: 4, other: 0, esp: 0 });
    one.add(5, ipv4(outer.tokyo, outer.osaka, 1, Buffer.alloc(16)));
    expect(one.counts()).toMatchObject({ cleartext: 4, other: 1 });
  });

  it('counts AH, with its SPI and sequence number, and not as cleartext though it is readable', () => {
    const one = census();
    one.tracing = true;
    const ah = Buffer.concat([Buffer.alloc(28), Buffer.from(cleartextMarker)]);
    ah.writeUInt32BE(0x1000, 4);
    ah.writeUInt32BE(9, 8);
    one.add(1, ipv4(outer.tokyo, outer.osaka, 51, ah));
    one.add(2, ipv4(outer.tokyo, outer.osaka, 51, ah));
    expect(one.counts()).toMatchObject({ ah: 2, esp: 0, cleartext: 0, repeatedSequences: 1 });
    expect(one.takeSightings()[0]).toMatchObject({ kind: 'ah', spi: 0x1000, sequence: 9 });
    one.add(3, ipv4(outer.tokyo, outer.osaka, 51, ah.subarray(0, 11)));
    expect(one.counts()).toMatchObject({ ah: 2, other: 1 });
  });

  it('counts later fragments, which should never be there', () => {
    const one = census();
    one.add(1, ipv4(outer.tokyo, outer.osaka, 17, Buffer.alloc(64), 185));
    expect(one.counts()).toMatchObject({ fragments: 1, esp: 0 });
  });

  it('keeps packets for the time sequence only while tracing', () => {
    const one = census();
    const packet = ipv4(outer.tokyo, outer.osaka, 17, udp(4500, 4500, esp(0x1000, 7, 1n)));
    one.add(1, packet);
    one.tracing = true;
    one.add(2, packet);
    expect(one.takeSightings()).toEqual([
      { wallMs: 2, kind: 'esp', from: '198.51.100.10', to: '203.0.113.10', spi: 0x1000, sequence: 7 },
    ]);
    expect(one.takeSightings()).toEqual([]);
  });
});

describe('the capture reader', () => {
  function file(littleEndian: boolean, nanoseconds: boolean, link: number, frames: Buffer[]): Buffer {
    const u32 = (value: number) => {
      const octets = Buffer.alloc(4);
      if (littleEndian) octets.writeUInt32LE(value);
      else octets.writeUInt32BE(value);
      return octets;
    };
    const magic = u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
    const head = Buffer.concat([magic, u32(0x00020004), u32(0), u32(0), u32(65535), u32(link)]);
    const records = frames.map((frame) =>
      Buffer.concat([u32(10), u32(nanoseconds ? 5_500_000 : 5_500), u32(frame.length), u32(9999), frame]),
    );
    return Buffer.concat([head, ...records]);
  }

  const packet = ipv4(outer.tokyo, outer.osaka, 1, Buffer.alloc(8));
  const cooked = Buffer.concat([Buffer.from([8, 0]), Buffer.alloc(18), packet]);
  const arp = Buffer.concat([Buffer.from([8, 6]), Buffer.alloc(18), packet]);

  it.each([
    [true, false],
    [true, true],
    [false, false],
    [false, true],
  ])('reads either byte order and precision, in pieces of any size (%s, %s)', (littleEndian, nanoseconds) => {
    const octets = file(littleEndian, nanoseconds, 276, [cooked, arp, cooked]);
    for (const size of [1, 7, 64, 100_000]) {
      const seen: { wallMs: number; packet: Buffer }[] = [];
      const reader = new PcapReader((one) => seen.push({ ...one, packet: Buffer.from(one.packet) }));
      for (let at = 0; at < octets.length; at += size) reader.push(octets.subarray(at, at + size));
      expect(seen).toEqual([
        { wallMs: 10_005.5, packet },
        { wallMs: 10_005.5, packet },
      ]);
    }
  });

  it('refuses what is no capture, and link types that it does not know', () => {
    const reader = () => new PcapReader(() => undefined);
    expect(() => reader().push(Buffer.alloc(64, 7))).toThrow(/expected a libpcap capture/);
    expect(() => reader().push(file(true, false, 105, []))).toThrow(/link type 105/);
  });
});

describe('what ping printed', () => {
  it('gives the first reply and the number of replies', () => {
    const output = [
      'PING 10.2.0.10 (10.2.0.10) 56(84) bytes of data.',
      '[1700000000.250000] 64 bytes from 10.2.0.10: icmp_seq=1 ttl=62 time=4.20 ms',
      '[1700000000.260000] 64 bytes from 10.2.0.10: icmp_seq=2 ttl=62 time=0.51 ms',
    ].join('\n');
    const result = parsePing(output, -1_700_000_000_000);
    expect(result).toMatchObject({ milliseconds: 4.2, replies: 2, errors: [] });
    expect(result.repliedAtMs).toBeCloseTo(250, 3);
    expect(result.sentAtMs).toBeCloseTo(245.8, 3);
  });

  it('gives ICMP errors in its words, and no time where nothing came', () => {
    const output = [
      'PING 10.3.0.10 (10.3.0.10) 56(84) bytes of data.',
      '[1700000000.250000] From 10.2.0.1 icmp_seq=1 Packet filtered',
      '--- 10.3.0.10 ping statistics ---',
      '1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms',
    ].join('\n');
    expect(parsePing(output, 0)).toMatchObject({
      milliseconds: undefined,
      sentAtMs: undefined,
      replies: 0,
      errors: ['Packet filtered'],
    });
  });
});

describe('the time sequence', () => {
  it('puts everybody on one clock, counted from the ping, and leaves out what was before', () => {
    const event = (atMs: number, where: string, what: string, detail = '') => ({
      ...{ atMs, where, what, detail, level: 'info' },
    });
    const rows = timeSequence({
      sentAtMs: 1000,
      repliedAtMs: 1004,
      sender: 'tokyo-host',
      events: [
        event(1003, 'osaka', 'SAs installed', 'entry to-tokyo'),
        event(900, 'tokyo', 'channel up'),
        event(1000.5, 'tokyo', 'request sent'),
        event(5000, 'tokyo', 'later'),
        event(999.9, 'tokyo', 'packet in, no SA: held'),
      ],
      sightings: [
        { wallMs: 3.5, kind: 'esp', from: 'a', to: 'b', spi: 256, sequence: 1 },
        { wallMs: 3.2, kind: 'channel', from: 'a', to: 's', spi: 257, sequence: 9 },
      ],
      bootMinusWallMs: 1000,
      names: new Map([
        ['a', 'tokyo'],
        ['b', 'osaka'],
      ]),
    });
    expect(rows).toEqual([
      { atMilliseconds: 0, where: 'tokyo-host', what: 'ping sent' },
      { atMilliseconds: 0, where: 'tokyo', what: 'packet in, no SA: held' },
      { atMilliseconds: 0.6, where: 'tokyo', what: 'request sent' },
      { atMilliseconds: 3.1, where: 'osaka', what: 'SAs installed (entry to-tokyo)' },
      {
        atMilliseconds: 3.6,
        where: 'internet',
        what: 'ESP on the wire, tokyo to osaka (SPI 0x00000100, sequence 1)',
      },
      { atMilliseconds: 4, where: 'tokyo-host', what: 'reply received' },
    ]);
  });
});

describe('halves of SA pairs', () => {
  it('are SAs that the other end does not have the other way round', () => {
    const whole = [
      [
        { direction: 'inbound', spi: 1, entry: 'a' },
        { direction: 'outbound', spi: 2, entry: 'a' },
        { direction: 'inbound', spi: 77, entry: '' },
      ],
      [
        { direction: 'outbound', spi: 1, entry: 'b' },
        { direction: 'inbound', spi: 2, entry: 'b' },
      ],
    ] as const;
    expect(countHalves(whole)).toBe(0);
    expect(countHalves([whole[0], []])).toBe(2);
    expect(countHalves([whole[0], [whole[1][0]]])).toBe(1);
  });
});

describe('the command line', () => {
  it('reads what the usage promises', () => {
    expect(readOptions(['--once', '--json', 'report.json'])).toMatchObject({
      once: true,
      json: 'report.json',
    });
    expect(readOptions([])).toMatchObject({ once: false, json: undefined, name: 'lab', exec: undefined });
    expect(readOptions(['--name', 'two', 'exec', 'tokyo-host', 'ping', '-c', '1', 'x'])).toMatchObject({
      name: 'two',
      exec: { where: 'tokyo-host', command: ['ping', '-c', '1', 'x'] },
    });
  });

  it('refuses the rest with a reason', () => {
    expect(() => readOptions(['--protocol', 'gre'])).toThrow(/expected esp or ah, found gre/);
    for (const other of [['--once'], ['--json', '-'], ['--nat', 'osaka'], ['--save-keys', 'x']])
      expect(() => readOptions(['--protocol', 'ah', ...other])).toThrow(`expected no ${other[0]} beside it`);
    expect(() => readOptions(['--onse'])).toThrow(/--onse/);
    expect(() => readOptions(['--name', '../x'])).toThrow(/--name: expected/);
    expect(() => readOptions(['exec', 'tokyo-host'])).toThrow(/exec: expected/);
  });
});
