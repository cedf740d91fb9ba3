/** No size is lost for good, whatever the path takes: a hop on the way is narrower than the interface, and says so by ICMP. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../requirements.ts';
import type { EspTunnelReport, EspTunnelSettings } from './esp-tunnel.ts';
import { Namespaces } from './namespaces.ts';

const spaces = new Namespaces();
const tunnel = new URL('./esp-tunnel.ts', import.meta.url).pathname;
const everySize = new URL('./every-size.ts', import.meta.url).pathname;

const narrowMtu = 1320;
const outer = {
  4: { a: '192.0.2.1', b: '198.51.100.2' },
  6: { a: '2001:db8:1::1', b: '2001:db8:2::2' },
} as const;
const inner = {
  4: { a: '10.1.0.1', b: '10.2.0.1', networks: ['10.1.0.0/24', '10.2.0.0/24'], icmp: '10.1.0.254', bits: 32 },
  6: { a: 'fd01::1', b: 'fd02::1', networks: ['fd01::/64', 'fd02::/64'], icmp: 'fd01::fe', bits: 128 },
} as const;
const longest = { 4: 65_507, 6: 65_527 };

/** Every size up to two packets of any path here, and those around every number of fragments' worth of each, and the longest. */
function sizesOf(family: 4 | 6): string {
  const around = [4000, 8192, 16_384, 32_768, 65_000].map((size) => `${size - 3}-${size + 3}`);
  return ['1-2900', ...around, `${longest[family] - 3}-${longest[family]}`].join(',');
}

const cases = [
  { family: 4, over: 4, encapsulation: 'udp', dontFragment: 'copy' },
  { family: 4, over: 4, encapsulation: 'raw', dontFragment: 'copy' },
  { family: 4, over: 4, encapsulation: 'udp', dontFragment: 'set' },
  { family: 4, over: 4, encapsulation: 'udp', dontFragment: 'clear' },
  { family: 6, over: 4, encapsulation: 'udp', dontFragment: 'copy' },
  { family: 4, over: 6, encapsulation: 'udp', dontFragment: 'copy' },
  { family: 6, over: 6, encapsulation: 'raw', dontFragment: 'copy' },
] as const;

describeWith(['root', 'tun', 'network namespaces', 'iproute2'], 'a narrow path', () => {
  beforeAll(() => {
    for (const name of ['a', 'hop', 'b']) spaces.add(name);
    spaces.connect('a', 'wan', ['192.0.2.1/24', '2001:db8:1::1/64'], 'hop', 'left', [
      '192.0.2.254/24',
      '2001:db8:1::fe/64',
    ]);
    spaces.connect('hop', 'right', ['198.51.100.254/24', '2001:db8:2::fe/64'], 'b', 'wan', [
      '198.51.100.2/24',
      '2001:db8:2::2/64',
    ]);
    spaces.run('hop', 'sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    spaces.run('hop', 'ip', ['link', 'set', 'right', 'mtu', String(narrowMtu)]);
    for (const [name, gateway4, gateway6] of [
      ['a', '192.0.2.254', '2001:db8:1::fe'],
      ['b', '198.51.100.254', '2001:db8:2::fe'],
    ] as const) {
      spaces.run(name, 'ip', ['route', 'add', 'default', 'via', gateway4]);
      spaces.run(name, 'ip', ['-6', 'route', 'add', 'default', 'via', gateway6]);
    }
  });
  afterAll(() => spaces.removeAll());

  it.each(cases)(
    'carries IPv$family of every size over IPv$over by $encapsulation, DF $dontFragment',
    async ({ family, over, encapsulation, dontFragment }) => {
      const start = async (here: 'a' | 'b', there: 'a' | 'b') => {
        const [mine, others] = inner[family].networks;
        const settings: EspTunnelSettings = {
          local: outer[over][here],
          peer: outer[over][there],
          networks: here === 'a' ? [mine, others] : [others, mine],
          spis: here === 'a' ? [0x1001, 0x2001] : [0x2001, 0x1001],
          encapsulation,
          mode: 'tunnel',
          dontFragment,
          tunMtu: 1400,
          pathMtuOctets: 1500,
          icmpSource: inner[family].icmp,
        };
        const running = await spaces.start(
          here,
          process.execPath,
          [tunnel, JSON.stringify(settings)],
          /open/,
        );
        const own = `${inner[family][here]}/${inner[family].bits}`;
        spaces.run(here, 'ip', ['addr', 'add', own, 'dev', 'inner0', ...(family === 6 ? ['nodad'] : [])]);
        spaces.run(here, 'ip', ['route', 'add', settings.networks[1], 'dev', 'inner0']);
        return running;
      };
      const ends = [await start('a', 'b'), await start('b', 'a')];
      const address = inner[family].b;
      const server = await spaces.start('b', process.execPath, [everySize, 'serve', address], /bound/);
      const lost = JSON.parse(
        spaces.run('a', process.execPath, [everySize, 'ask', address, sizesOf(family)]),
      );
      await server.kill('SIGKILL');
      for (const end of ends) await end.kill('SIGTERM');
      spaces.run('a', 'ip', ['route', 'flush', 'cache']);
      spaces.run('a', 'ip', ['-6', 'route', 'flush', 'cache']);
      expect(lost).toEqual([]);
      const report: EspTunnelReport = JSON.parse((await ends[0]?.waitFor(/report (.*)\n/, 5000))?.[1] ?? '');
      // Where DF is never outside, no host has to learn anything; nor over IPv6, whose sender fragments by itself.
      const learns = over === 4 && dontFragment !== 'clear';
      expect((report.counters['loop pathShorter'] ?? 0) > 0).toBe(learns);
    },
  );
});
