/** A slow link behind full sockets: what was read from the TUN is sent, and nothing spins while it waits. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../requirements.ts';
import type { EspTunnelReport, EspTunnelSettings } from './esp-tunnel.ts';
import { Namespaces } from './namespaces.ts';

const spaces = new Namespaces();
const script = new URL('./esp-tunnel.ts', import.meta.url).pathname;

/** Two seconds of the link. */
const count = 2000;
const payloadOctets = 1000;
const linkBits = '8mbit';

const receiver = `
  const socket = require('node:dgram').createSocket('udp4');
  let seen = 0;
  socket.on('message', () => { seen++; });
  socket.bind(9999, '10.2.0.1', () => { socket.setRecvBufferSize(4 << 20); console.log('bound'); });
  process.on('SIGTERM', () => { console.log('seen', seen); process.exit(0); });`;

/** As fast as the kernel takes them, so that the TUN's queue is full most of the time. */
const sender = `
  const socket = require('node:dgram').createSocket('udp4');
  const payload = Buffer.alloc(${payloadOctets}, 7);
  const next = (left) => left === 0 ? socket.close() : socket.send(payload, 9999, '10.2.0.1', () =>
    left % 20 === 0 ? setTimeout(next, 10, left - 1) : next(left - 1));
  next(${count});`;

const end = (isFirst: boolean, encapsulation: 'udp' | 'raw'): string => {
  const settings: EspTunnelSettings = {
    local: isFirst ? '192.0.2.1' : '192.0.2.2',
    peer: isFirst ? '192.0.2.2' : '192.0.2.1',
    networks: isFirst ? ['10.1.0.0/24', '10.2.0.0/24'] : ['10.2.0.0/24', '10.1.0.0/24'],
    spis: isFirst ? [0x1001, 0x2001] : [0x2001, 0x1001],
    encapsulation,
    mode: 'tunnel',
    dontFragment: 'clear',
    tunMtu: 1400,
    pathMtuOctets: 1500,
    // Forty packets of the link's queue, which takes far more: the socket is what is full.
    ...(isFirst ? { socketBufferOctets: 32 * 1024 } : {}),
  };
  return JSON.stringify(settings);
};

describeWith(['root', 'tun', 'network namespaces', 'iproute2'], 'a full socket', () => {
  beforeAll(() => {
    spaces.add('a');
    spaces.add('b');
    spaces.connect('a', 'wan', ['192.0.2.1/24'], 'b', 'wan', ['192.0.2.2/24']);
    const shape = ['tbf', 'rate', linkBits, 'burst', '10kb', 'limit', '20mb'];
    spaces.run('a', 'tc', ['qdisc', 'add', 'dev', 'wan', 'root', ...shape]);
  });
  afterAll(() => spaces.removeAll());

  it.each(['udp', 'raw'] as const)(
    'holds packets of the TUN until there is room, by %s',
    async (encapsulation) => {
      const start = (short: string, isFirst: boolean) =>
        spaces.start(short, process.execPath, [script, end(isFirst, encapsulation)], /open/);
      const [left, right] = [await start('a', true), await start('b', false)];
      for (const [short, address] of [
        ['a', '10.1.0.1/32'],
        ['b', '10.2.0.1/32'],
      ] as const) {
        spaces.run(short, 'ip', ['addr', 'add', address, 'dev', 'inner0']);
        spaces.run(short, 'ip', [
          'route',
          'add',
          short === 'a' ? '10.2.0.0/24' : '10.1.0.0/24',
          'dev',
          'inner0',
        ]);
      }
      const listening = await spaces.start('b', process.execPath, ['-e', receiver], /bound/);
      const begun = performance.now();
      spaces.run('a', process.execPath, ['-e', sender]);
      // The rest of the queues.
      await new Promise((resolve) => setTimeout(resolve, 2500));
      const tookMs = performance.now() - begun;
      await listening.kill('SIGTERM');
      const seen = Number((await listening.waitFor(/seen (\d+)/, 5000))[1]);
      const link = JSON.parse(spaces.run('a', 'ip', ['-json', '-stats', 'link', 'show', 'inner0']));
      const { packets } = link[0].stats64.tx;
      await left.kill('SIGTERM');
      await right.kill('SIGTERM');
      const report: EspTunnelReport = JSON.parse((await left.waitFor(/report (.*)\n/, 5000))[1] ?? '');
      // The sender was faster than the link: some of it never got into the TUN, which is where a router drops.
      expect(seen).toBeGreaterThan(count / 4);
      expect(seen).toBe(packets);
      expect(report.counters['loop socketFull']).toBe(0);
      expect(report.processorMs - startMs).toBeLessThan(0.5 * tookMs);
    },
  );
});

/** What Node and the engine's self-test take before the first packet. */
const startMs = 1500;
