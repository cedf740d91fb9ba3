/** The packet loop with its two passes, over the real engine: what goes where, and what is counted. */
import { describe, expect, it } from 'vitest';
import { formatEndpoint } from '../../../host/model/address.ts';
import { address, pair, referenceSa, selector } from '../../property/dataplane/engines.ts';
import { octetsOf, packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceOpen, referenceSeal } from '../../property/dataplane/reference-esp.ts';
import { carriers, channelSelectors, channelSpi, esp, numberOf, opened, outwards, Rig } from './rig.ts';

const peer4 = { address: address('192.0.2.2'), port: 4500 };
const peer6 = { address: address('2001:db8::2'), port: 4500 };

/** IKE as RFC 3948 carries it: marker, then at least a header. */
function ike(octets: number, fill = 0xab): Uint8Array {
  const datagram = new Uint8Array(4 + octets).fill(fill);
  datagram.fill(0, 0, 4);
  return datagram;
}

function sumOf(counts: Readonly<Record<string, bigint>> = {}): bigint {
  return Object.values(counts).reduce((sum, count) => sum + count, 0n);
}

describe('inbound, the loop', () => {
  it('sorts ESP, IKE, keepalives and short datagrams of one batch, in order', () => {
    const rig = new Rig().withPairs();
    const datagrams = [
      esp('udp', 1),
      Uint8Array.of(0xff),
      esp('udp', 2),
      ike(28),
      ike(27),
      esp('udp', 3),
      ike(300),
      esp('udp', 4),
    ];
    rig.kernel.udp4.waiting.push(...datagrams.map((bytes) => ({ bytes, from: peer4 })));
    rig.settle();
    expect(rig.kernel.written.map(numberOf)).toEqual([1, 2, 3, 4]);
    expect(rig.kernel.written[0]).toEqual(
      packetOf({ source: '10.2.0.9', destination: '10.1.0.9', protocol: UDP, upper: [1, 53] }),
    );
    const messages = rig.ofKind('ike');
    expect(messages.map(({ bytes }) => bytes.length)).toEqual([28, 300]);
    expect(messages[0]?.bytes).toEqual(new Uint8Array(28).fill(0xab));
    expect(messages.map(({ from }) => formatEndpoint(from))).toEqual(['192.0.2.2:4500', '192.0.2.2:4500']);
    expect(rig.counters()).toMatchObject({ 'loop keepalives': 1n, 'loop ikeDropped': 1n });
    // The engine saw the ESP packets, once each, and nothing else.
    expect(sumOf(rig.loop.snapshot().drops)).toBe(0n);
  });

  it('takes anything else on the UDP socket for ESP, and lets the engine refuse it', () => {
    const rig = new Rig().withPairs();
    const odd = [
      Uint8Array.of(0xfe),
      Uint8Array.of(0xff, 0xff),
      Uint8Array.of(0, 0, 0),
      new Uint8Array(40).fill(9),
    ];
    rig.kernel.udp4.waiting.push(...odd.map((bytes) => ({ bytes, from: peer4 })));
    rig.settle();
    expect(rig.kernel.written).toEqual([]);
    expect(rig.ofKind('ike')).toEqual([]);
    const { drops } = rig.loop.snapshot();
    expect(sumOf(drops)).toBe(4n);
    expect(drops['spi-unknown']).toBe(1n);
  });

  it('reads raw ESP of IPv4 with its header, and UDP over IPv6', () => {
    const rig = new Rig().withPairs();
    const whole = packetOf({
      source: '192.0.2.2',
      destination: '192.0.2.1',
      protocol: 50,
      payload: esp('raw', 1),
    });
    rig.kernel.raw4.waiting.push({ bytes: whole, from: { ...peer4, port: 0 } });
    rig.kernel.udp6.waiting.push({ bytes: esp('udp6', 2), from: peer6 });
    rig.kernel.udp6.waiting.push({ bytes: ike(40), from: peer6 });
    rig.settle();
    expect(rig.kernel.written.map(numberOf)).toEqual([1, 2]);
    expect(rig.ofKind('ike').map(({ from }) => formatEndpoint(from))).toEqual(['[2001:db8::2]:4500']);
  });

  it('delivers what came for the host itself to the control thread, and nowhere else', () => {
    const rig = new Rig().withPairs();
    const channel = pair(channelSpi, 0x2004, { selectors: channelSelectors }, { entry: '', deliver: 'host' });
    rig.command({ kind: 'change', change: { install: [{ pair: channel, use: true }] } });
    rig.settle();
    const inner = packetOf({ source: 'fd00::2', destination: 'fd00::1', protocol: UDP, upper: [4510, 4510] });
    const bytes = referenceSeal(referenceSa(channelSpi), 1n, inner, 41);
    rig.kernel.udp4.waiting.push({ bytes, from: peer4 });
    rig.settle();
    expect(rig.ofKind('inner')).toEqual([{ kind: 'inner', packet: inner, spi: channelSpi }]);
    expect(rig.kernel.written).toEqual([]);
  });

  it('counts what did not fit into a slot', () => {
    const rig = new Rig().withPairs();
    rig.kernel.udp4.waiting.push({ bytes: new Uint8Array(5000).fill(1), from: peer4 });
    rig.kernel.udp4.waiting.push({ bytes: esp('udp', 1), from: peer4 });
    rig.settle();
    expect(rig.kernel.written.map(numberOf)).toEqual([1]);
    expect(rig.counters()['loop tooLong']).toBe(1n);
  });

  it('passes 200 IKE messages a second on, and no more', () => {
    const rig = new Rig().withPairs();
    const flood = (count: number) => {
      for (let sent = 0; sent < count; sent++) rig.kernel.udp4.waiting.push({ bytes: ike(28), from: peer4 });
      rig.settle();
    };
    flood(250);
    expect(rig.ofKind('ike')).toHaveLength(200);
    rig.kernel.nowMs += 1000;
    flood(10);
    expect(rig.ofKind('ike')).toHaveLength(210);
    expect(rig.counters()['loop ikeDropped']).toBe(50n);
  });
});

describe('outbound, the loop', () => {
  it('sends each packet from the socket of its family and encapsulation', () => {
    const rig = new Rig().withPairs();
    const { kernel } = rig;
    for (const [index, carrier] of (['udp', 'raw', 'udp6', 'udp', 'raw'] as const).entries()) {
      kernel.inner.push(outwards(carrier, index + 1));
    }
    rig.settle();
    expect(opened(kernel.udp4, 'udp')).toEqual([1, 4]);
    expect(opened(kernel.raw4, 'raw')).toEqual([2, 5]);
    expect(opened(kernel.udp6, 'udp6')).toEqual([3]);
    expect(kernel.udp4.sent.map(({ to }) => formatEndpoint(to))).toEqual([
      '192.0.2.2:4500',
      '192.0.2.2:4500',
    ]);
    expect(kernel.udp6.sent.map(({ to }) => formatEndpoint(to))).toEqual(['[2001:db8::2]:4500']);
  });

  it('hands on what the outer header is to have', () => {
    const rig = new Rig().withPairs();
    const marked = packetOf({
      source: '10.1.0.9',
      destination: '10.2.0.9',
      protocol: UDP,
      upper: [1, 53],
      tos: 0xb8,
      dontFragment: true,
    });
    rig.kernel.inner.push(marked, outwards('udp', 2));
    rig.settle();
    expect(rig.kernel.udp4.sent.map(({ tos, dontFragment }) => [tos, dontFragment])).toEqual([
      [0xb8, 1],
      [0, 0],
    ]);
  });

  it('carries more than one batch, in order', () => {
    const rig = new Rig().withPairs();
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
    rig.kernel.inner.push(...numbers.map((number) => outwards('udp', number)));
    rig.settle();
    expect(opened(rig.kernel.udp4, 'udp')).toEqual(numbers);
  });

  it('counts packets for which there is no socket, and sends the others', () => {
    const rig = new Rig().withPairs();
    rig.kernel.inner.push(outwards('raw6', 1), outwards('udp', 2));
    rig.settle();
    expect(opened(rig.kernel.udp4, 'udp')).toEqual([2]);
    expect(rig.counters()['loop noSocket']).toBe(1n);
  });

  it('tells the host of a packet that no SPD entry is for, and lets nothing out', () => {
    const rig = new Rig().withPairs();
    const packet = packetOf({ source: '10.1.0.9', destination: '10.9.0.9', protocol: UDP, upper: [1, 53] });
    rig.kernel.inner.push(packet);
    rig.settle();
    const [error] = rig.kernel.written;
    expect(error?.subarray(12, 20)).toEqual(Uint8Array.of(10, 1, 0, 254, 10, 1, 0, 9));
    expect([error?.[20], error?.[21]]).toEqual([3, 13]);
    expect(error?.subarray(28)).toEqual(packet);
    expect(rig.kernel.sockets.flatMap(({ sent }) => sent)).toEqual([]);
    expect(rig.counters()['loop icmpErrors']).toBe(1n);
  });

  it("lets nothing out in clear even where the SPD says BYPASS: that is the kernel's own path", () => {
    const bypass = {
      name: 'open',
      selectors: [selector('10.1.0.0/16', '10.9.0.0/16')],
      action: 'BYPASS',
    } as const;
    const rig = new Rig().withSpd([bypass]);
    rig.kernel.inner.push(
      packetOf({ source: '10.1.0.9', destination: '10.9.0.9', protocol: UDP, upper: [1, 53] }),
    );
    rig.settle();
    expect(rig.kernel.written).toEqual([]);
    expect(rig.kernel.sockets.flatMap(({ sent }) => sent)).toEqual([]);
  });
});

describe('refusals', () => {
  const refused = (number: number) =>
    packetOf({ source: '10.1.0.9', destination: '10.9.0.9', protocol: UDP, upper: [number, 53] });

  it('tell hosts of 100 packets a second, and count the rest', () => {
    const rig = new Rig().withPairs();
    for (let number = 1; number <= 150; number++) rig.kernel.inner.push(refused(number));
    rig.settle();
    expect(rig.kernel.written).toHaveLength(100);
    rig.kernel.nowMs += 1000;
    rig.kernel.inner.push(refused(151));
    rig.settle();
    expect(rig.kernel.written).toHaveLength(101);
    expect(rig.counters()).toMatchObject({ 'loop icmpErrors': 101n, 'loop icmpSuppressed': 50n });
  });

  it('come from the address to which this router has moved', () => {
    const rig = new Rig().withPairs();
    rig.loop.rebind(address('10.1.0.254'), address('10.1.0.253'));
    rig.kernel.inner.push(refused(1));
    rig.settle();
    expect(rig.kernel.written[0]?.subarray(12, 16)).toEqual(Uint8Array.of(10, 1, 0, 253));
  });

  it('leave packets of a family alone in which this router has no address', () => {
    const rig = new Rig().withPairs();
    rig.kernel.inner.push(
      packetOf({ source: 'fd01::1', destination: 'fd02::1', protocol: UDP, upper: [1, 53] }),
    );
    rig.settle();
    expect(rig.kernel.written).toEqual([]);
    expect(rig.counters()['loop icmpErrors']).toBe(0n);
  });
});

describe('held packets, in the loop', () => {
  it('raise one acquire, and go out when the pair is there', () => {
    const rig = new Rig().withSpd();
    rig.kernel.inner.push(outwards('udp', 1), outwards('udp', 2));
    rig.settle();
    const events = rig.ofKind('engine').flatMap((event) => event.events);
    expect(events).toMatchObject([{ kind: 'acquire', entry: 'udp', packet: { remotePort: 53 } }]);
    expect(rig.ofKind('engine')[0]?.atMs).toBe(1000);
    rig.install('udp');
    expect(rig.kernel.udp4.sent).toEqual([]);
    rig.command({ kind: 'release-held', entry: 'udp' });
    rig.settle();
    expect(opened(rig.kernel.udp4, 'udp')).toEqual([1, 2]);
    expect(rig.ofKind('trace').map(({ what }) => what)).toEqual(['held packets out: 2']);
  });

  it('come in too, when the other end was faster', () => {
    const rig = new Rig().withSpd();
    rig.command({ kind: 'change', change: { reserve: [carriers.udp.inbound] } });
    rig.settle();
    rig.kernel.udp4.waiting.push({ bytes: esp('udp', 5), from: peer4 });
    rig.settle();
    expect(rig.kernel.written).toEqual([]);
    rig.install('udp');
    rig.command({ kind: 'release-held', entry: 'udp' });
    rig.settle();
    expect(rig.kernel.written.map(numberOf)).toEqual([5]);
  });

  it.each([true, false])('are dropped, and their hosts told (%s) when it was asked for', (icmp) => {
    const rig = new Rig().withSpd();
    rig.kernel.inner.push(outwards('udp', 1), outwards('udp', 2));
    rig.settle();
    rig.command({ kind: 'drop-held', entry: 'udp', icmp });
    rig.settle();
    expect(rig.kernel.written.map((error) => [error[20], error[21]])).toEqual(
      icmp
        ? [
            [3, 13],
            [3, 13],
          ]
        : [],
    );
    expect(rig.kernel.written.map((error) => numberOf(error.subarray(28)))).toEqual(icmp ? [1, 2] : []);
    expect(rig.kernel.sockets.flatMap(({ sent }) => sent)).toEqual([]);
  });
});

describe('commands, to the loop', () => {
  it('send IKE behind the marker, keepalives, and packets of the channel', () => {
    const rig = new Rig();
    const channel = pair(channelSpi, 0x2004, { selectors: channelSelectors }, { entry: '', deliver: 'host' });
    rig.command({ kind: 'change', change: { install: [{ pair: channel, use: true }] } });
    rig.command({ kind: 'send-ike', bytes: Uint8Array.of(1, 2, 3), to: peer6 });
    rig.command({ kind: 'send-keepalive', to: peer4 });
    const inner = packetOf({ source: 'fd00::1', destination: 'fd00::2', protocol: UDP, upper: [4510, 4510] });
    rig.command({ kind: 'send-inner', spi: channelSpi, packet: inner });
    rig.settle();
    expect(rig.kernel.udp6.sent).toMatchObject([{ bytes: Uint8Array.of(0, 0, 0, 0, 1, 2, 3), to: peer6 }]);
    const [keepalive, carried] = rig.kernel.udp4.sent;
    expect(keepalive).toMatchObject({ bytes: Uint8Array.of(0xff), to: peer4 });
    expect(referenceOpen(referenceSa(0x2004), carried?.bytes ?? octetsOf('0.0.0.0'))?.payload).toEqual(inner);
  });

  it('never send what lies behind a message that is too long for a slot', () => {
    const rig = new Rig();
    rig.command({ kind: 'send-ike', bytes: new Uint8Array(4000).fill(1), to: peer4 });
    rig.settle();
    expect(rig.kernel.udp4.sent).toEqual([]);
    expect(rig.counters()['loop tooLong']).toBe(1n);
  });

  it('count a message that a full socket did not take', () => {
    const rig = new Rig();
    rig.kernel.udp4.room = 0;
    rig.command({ kind: 'send-keepalive', to: peer4 });
    rig.settle();
    expect(rig.counters()['loop socketFull']).toBe(1n);
  });

  it('change what a snapshot shows: the tables, and both sets of counters', () => {
    const snapshot = new Rig().withPairs().loop.snapshot();
    expect(snapshot.spd.map(({ entry }) => entry)).toContain('raw6');
    expect(snapshot.sad).toHaveLength(8);
    expect(Object.keys(snapshot.counters)).toContain('loop socketFull');
  });
});

describe('packets of hosts', () => {
  const threePackets = [1, 2, 3].map((number) => outwards('udp', number));

  it('go one by one after a silence: the first is not kept waiting for a look at whether there are others', () => {
    const rig = new Rig().withPairs();
    rig.kernel.inner.push(...threePackets);
    expect([rig.loop.run(), rig.kernel.udp4.sent.length]).toEqual([1, 1]);
    expect([rig.loop.run(), rig.kernel.udp4.sent.length]).toEqual([2, 3]);
  });

  it('go together where others have just gone', () => {
    const rig = new Rig().withPairs();
    rig.kernel.inner.push(outwards('udp', 0));
    rig.settle();
    rig.kernel.nowMs += 0.9;
    rig.kernel.inner.push(...threePackets);
    expect(rig.loop.run()).toBe(3);
    rig.kernel.nowMs += 1;
    rig.kernel.inner.push(...threePackets);
    expect(rig.loop.run()).toBe(1);
  });
});

describe('what happened, in the loop', () => {
  it('waits until the round is over, is told once, and lets nobody sleep until then', () => {
    const rig = new Rig();
    rig.kernel.udp4.waiting.push({ bytes: ike(28), from: peer4 });
    rig.loop.run();
    rig.loop.wait(250);
    expect(rig.kernel.waits).toEqual([0]);
    expect(rig.loop.takeEvents().map(({ kind }) => kind)).toEqual(['ike']);
    expect(rig.loop.takeEvents()).toEqual([]);
  });

  it('goes the ways of packets without one, and counts nothing but its own keepalive', () => {
    const rig = new Rig();
    const before = rig.counters();
    expect(rig.loop.rehearse({ address: address('192.0.2.1'), port: 4500 })).toBe(false);
    expect(rig.kernel).toMatchObject({ waits: [0], rehearsals: 1 });
    const [sent] = rig.kernel.udp4.sent;
    expect(sent).toMatchObject({ bytes: Uint8Array.of(0xff), to: { port: 4500 } });
    rig.kernel.udp4.waiting.push({ bytes: Uint8Array.of(0xff), from: peer4 });
    rig.settle();
    expect(rig.posted).toEqual([]);
    expect(rig.counters()).toEqual({ ...before, 'loop keepalives': 1n });
  });

  it('ends with the loop, which closes its machine', () => {
    const rig = new Rig();
    rig.loop.wait(250);
    expect(rig.kernel.waits).toEqual([250]);
    rig.loop.close();
    expect(rig.kernel.isClosed).toBe(true);
  });
});

describe('dummies, the loop', () => {
  const wanted = pair(
    carriers.udp.inbound,
    carriers.udp.outbound,
    { dummiesPerSecond: 10, selectors: [selector('10.1.0.0/16', carriers.udp.network)] },
    { entry: 'udp' },
  );

  /** Lets `ms` pass as the loop would sleep through it. */
  function sleep(rig: Rig, ms: number): void {
    const { kernel } = rig;
    for (const end = kernel.nowMs + ms; ; ) {
      rig.settle();
      rig.loop.wait(1000);
      const due = kernel.waits.at(-1) ?? 1000;
      if (kernel.nowMs + due > end) {
        kernel.nowMs = end;
        return;
      }
      kernel.nowMs += Math.max(1, due);
    }
  }

  it('sends in time, beside packets, to the peer, and counts; it sleeps no longer than until the next', () => {
    const rig = new Rig().withSpd();
    rig.command({ kind: 'change', change: { install: [{ pair: wanted, use: true }] } });
    rig.kernel.inner.push(outwards('udp', 7));
    sleep(rig, 10_000);
    const { sent } = rig.kernel.udp4;
    const inner = sent.map(({ bytes }) => referenceOpen(referenceSa(carriers.udp.outbound), bytes));
    const dummies = inner.filter((one) => one?.nextHeader === 59);
    expect(sent.length - dummies.length).toBe(1);
    expect(dummies.length).toBeGreaterThan(50);
    expect(dummies.length).toBeLessThan(200);
    expect(inner.map((one) => one?.sequence)).toEqual(sent.map((_, index) => BigInt(index + 1)));
    expect(rig.counters()['loop dummies']).toBe(BigInt(dummies.length));
    // At ten a second the next is never further away.
    for (const wait of rig.kernel.waits) expect(wait).toBeLessThanOrEqual(150);
  });

  it('stops when the pair is gone, and sleeps as long as it may', () => {
    const rig = new Rig().withSpd();
    rig.command({ kind: 'change', change: { install: [{ pair: wanted, use: true }] } });
    sleep(rig, 1000);
    rig.command({ kind: 'change', change: { remove: [carriers.udp.inbound] } });
    const before = rig.kernel.udp4.sent.length;
    expect(before).toBeGreaterThan(0);
    sleep(rig, 5000);
    expect(rig.kernel.udp4.sent.length).toBe(before);
    expect(rig.kernel.waits.at(-1)).toBe(1000);
  });

  it('stops by itself for a pair whose entry is gone', () => {
    const rig = new Rig().withSpd();
    rig.command({ kind: 'change', change: { install: [{ pair: wanted, use: true }] } });
    rig.command({ kind: 'change', change: { spd: [] } });
    sleep(rig, 5000);
    expect(rig.kernel.udp4.sent).toEqual([]);
    expect(rig.kernel.waits.at(-1)).toBe(1000);
  });
});
