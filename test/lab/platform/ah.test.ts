/**
 * AH through the real kernel, IPv4 and IPv6, tunnel and transport mode: two packet loops in namespaces, ping and tcpdump as
 * witnesses. Raw sockets hand AH over without its IPv6 header, and must send what the engine covered octet for octet.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../requirements.ts';
import type { AhTunnelSettings } from './ah-tunnel.ts';
import { Namespaces } from './namespaces.ts';

const spaces = new Namespaces();
const script = new URL('./ah-tunnel.ts', import.meta.url).pathname;
const ends = {
  4: { a: '192.0.2.1', b: '192.0.2.2' },
  6: { a: '2001:db8::1', b: '2001:db8::2' },
} as const;

describeWith(['root', 'tun', 'network namespaces', 'iproute2', 'tcpdump', 'ping'], 'AH on Linux', () => {
  beforeAll(() => {
    spaces.add('a');
    spaces.add('b');
    spaces.connect('a', 'wan', ['192.0.2.1/24', '2001:db8::1/64'], 'b', 'wan', [
      '192.0.2.2/24',
      '2001:db8::2/64',
    ]);
  });
  afterAll(() => spaces.removeAll());

  it.each(
    (['tunnel', 'transport'] as const).flatMap((mode) =>
      ([4, 6] as const).map((family) => ({ mode, family, proposal: family === 4 ? 'sha256' : 'aes128gmac' })),
    ),
  )(
    'carries packets in $mode mode over IPv$family with $proposal, and protocol 51 is all that crosses',
    async (one) => {
      const { mode, family, proposal } = one;
      const { a, b } = ends[family];
      const bits = family === 4 ? 32 : 128;
      const networks: readonly [string, string] =
        mode === 'tunnel' ? ['10.9.0.1/32', '10.9.0.2/32'] : [`${a}/${bits}`, `${b}/${bits}`];
      const settings = (more: Partial<AhTunnelSettings>) => [
        script,
        JSON.stringify({ proposal, mode, networks, local: a, peer: b, spis: [0x1001, 0x2002], ...more }),
      ];
      const [left, right] = await Promise.all([
        spaces.start('a', process.execPath, settings({}), /open, wake \d+/),
        spaces.start(
          'b',
          process.execPath,
          settings({ local: b, peer: a, spis: [0x2002, 0x1001], networks: [networks[1], networks[0]] }),
          /open, wake \d+/,
        ),
      ]);
      const target = mode === 'tunnel' ? '10.9.0.2' : b;
      if (mode === 'tunnel') {
        spaces.run('a', 'ip', ['addr', 'add', '10.9.0.1/30', 'dev', 'inner0']);
        spaces.run('b', 'ip', ['addr', 'add', '10.9.0.2/30', 'dev', 'inner0']);
      } else {
        // ICMP between the two ends themselves goes into the TUN; AH, which carries it, does not.
        for (const [name, peer] of [
          ['a', b],
          ['b', a],
        ] as const) {
          const ip = (...words: string[]) => spaces.run(name, 'ip', [`-${family}`, ...words]);
          ip(
            'rule',
            'add',
            'to',
            peer,
            'ipproto',
            family === 4 ? 'icmp' : 'ipv6-icmp',
            'table',
            '77',
            'pref',
            '77',
          );
          ip('route', 'add', peer, 'dev', 'inner0', 'table', '77');
        }
      }
      const stop = await spaces.capture(
        'b',
        'wan',
        'proto 51 or ip6 proto 51 or icmp or icmp6[icmp6type] == 128',
      );
      const ping = ['-c', '5', '-i', '0.02', '-W', '2', '-s', '1200', target];
      expect(spaces.run('a', 'ping', ping)).toContain('5 packets transmitted, 5 received');
      const seen = (await stop()).filter((line) => / IP6? /.test(line));
      if (mode === 'transport') {
        for (const name of ['a', 'b']) spaces.run(name, 'ip', [`-${family}`, 'rule', 'del', 'pref', '77']);
      }
      for (const tunnel of [left, right]) {
        await tunnel.kill('SIGTERM');
        expect(tunnel.output).toContain('dropped nothing');
      }
      expect(seen).toHaveLength(10);
      for (const line of seen) expect(line).toMatch(/AH\(spi=0x0000(1001|2002),/);
    },
  );
});
