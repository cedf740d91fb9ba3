/** TUN, UDP and raw ESP sockets against the real kernel: two null tunnels, and ping and tcpdump as witnesses. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../requirements.ts';
import { Namespaces } from './namespaces.ts';

const spaces = new Namespaces();
const script = new URL('./null-tunnel.ts', import.meta.url).pathname;
const MARK = 0x5e4b;

describeWith(
  ['root', 'tun', 'network namespaces', 'iproute2', 'nft', 'tcpdump', 'ping'],
  'the Linux packet interface',
  () => {
    beforeAll(() => {
      spaces.add('a');
      spaces.add('b');
      spaces.connect('a', 'wan', ['192.0.2.1/24', '2001:db8::1/64'], 'b', 'wan', [
        '192.0.2.2/24',
        '2001:db8::2/64',
      ]);
      spaces.run(
        'a',
        'nft',
        ['-f', '-'],
        `table inet seen { counter marked { }; chain c { type filter hook output priority 0; meta mark ${MARK} counter name marked; }; }`,
      );
    });
    afterAll(() => spaces.removeAll());

    it.each([
      { via: 'udp', a: '192.0.2.1', b: '192.0.2.2', wire: /192\.0\.2\.1\.4500 > 192\.0\.2\.2\.4500: .*/ },
      { via: 'udp', a: '2001:db8::1', b: '2001:db8::2', wire: /2001:db8::1\.4500 > 2001:db8::2\.4500: / },
      { via: 'raw', a: '192.0.2.1', b: '192.0.2.2', wire: /192\.0\.2\.1 > 192\.0\.2\.2: ESP\(spi=0x45b8/ },
      { via: 'raw', a: '2001:db8::1', b: '2001:db8::2', wire: /2001:db8::1 > 2001:db8::2: ESP\(spi=0x45b8/ },
    ])(
      'carries packets between $a and $b by $via, with TOS, TTL and DF of the sender',
      async ({ via, a, b, wire }) => {
        const tunnel = (local: string, peer: string) =>
          JSON.stringify({ tunName: 'inner0', local, peer, port: 4500, mark: MARK, via });
        const left = await spaces.start('a', process.execPath, [script, tunnel(a, b)], /open, wake \d+/);
        const right = await spaces.start('b', process.execPath, [script, tunnel(b, a)], /open, wake \d+/);
        spaces.run('a', 'ip', ['addr', 'add', '10.9.0.1/30', 'dev', 'inner0']);
        spaces.run('b', 'ip', ['addr', 'add', '10.9.0.2/30', 'dev', 'inner0']);
        const stop = await spaces.capture(
          'b',
          'wan',
          via === 'udp' ? 'udp port 4500' : 'proto 50 or ip6 proto 50',
        );
        const ping = ['-c', '5', '-i', '0.01', '-W', '2', '-s', '1300', '-Q', '0xb8', '10.9.0.2'];
        expect(spaces.run('a', 'ping', ['-M', 'do', ...ping])).toContain('5 packets transmitted, 5 received');
        const seen = await stop(['-v']);
        await left.kill('SIGKILL');
        await right.kill('SIGKILL');
        const text = seen.join('\n');
        expect(text).toMatch(wire);
        const isIpv4 = a.includes('.');
        const outer = seen.filter((line) => (isIpv4 ? /^\S+ IP \(/ : /^\S+ IP6 \(/).test(line));
        // The SPI's two highest bits show in the TTL of a datagram.
        const ttl = via === 'udp' ? 33 - 1 : 33;
        expect(outer).toHaveLength(10);
        for (const line of outer) {
          // Ping asks with DF, the kernel answers without. tcpdump names the addresses on the next line.
          const isRequest = seen[seen.indexOf(line) + (isIpv4 ? 1 : 0)]?.match(`${a}(\\.4500)? > `);
          const flags = isRequest ? '\\[DF\\]' : '\\[none\\]';
          expect(line).toMatch(
            isIpv4
              ? new RegExp(`tos 0xb8, ttl ${ttl},.*flags ${flags}`)
              : new RegExp(`class 0xb8, .*hlim ${ttl}`),
          );
        }
        const port = via === 'udp' ? 4500 : 0;
        expect(right.output).toContain(`from ${a} port ${port} to ${b} tos 184`);
        expect(left.output).toContain(`from ${b} port ${port} to ${a} tos 184`);
        const counter = spaces
          .run('a', 'nft', ['list', 'counter', 'inet', 'seen', 'marked'])
          .match(/packets (\d+)/);
        expect(Number(counter?.[1])).toBeGreaterThanOrEqual(5);
        spaces.run('a', 'nft', ['reset', 'counters']);
      },
    );

    it('sends datagrams that the path has to fragment one by one, since a bundle cannot be cut to them', async () => {
      const stop = await spaces.capture('b', 'wan', 'ip and udp and src host 192.0.2.1');
      const sender = new URL('./bundle-sender.ts', import.meta.url).pathname;
      const said = spaces.run('a', process.execPath, [sender, '192.0.2.1', '192.0.2.2', '5', '2000']);
      expect(said.trim()).toBe('5 of 5 sent, 0 refused, bundles on');
      const seen = await stop(['-v']);
      expect(seen.filter((line) => / offset 0, flags \[\+\]/.test(line))).toHaveLength(5);
      expect(seen.filter((line) => / offset 1480, flags \[none\]/.test(line))).toHaveLength(5);
    });

    it('is gone, with its interface, when the process is killed', () => {
      expect(spaces.succeeds('a', 'ip', ['link', 'show', 'inner0'])).toBe(false);
    });
  },
);

describeWith(['root', 'network namespaces', 'tun'], 'without a privilege', () => {
  const open = (module: string, expression: string) =>
    `import('${new URL('../../../host/platform/', import.meta.url).pathname}${module}').then((m) => ${expression}).catch((e) => console.log(e.code, e.message))`;
  const address = '{ family: 4, octets: new Uint8Array(4) }';

  it.each([
    {
      what: 'the raw socket says CAP_NET_RAW',
      code: open('raw-socket.ts', `m.openRawEspSocket({ address: ${address} })`),
      expected: /PLATFORM open a raw ESP socket on 0\.0\.0\.0: EPERM .*CAP_NET_RAW/,
    },
    {
      what: 'a marked UDP socket says CAP_NET_ADMIN',
      code: open('udp-socket.ts', `m.openUdpSocket(4500, { address: ${address}, mark: 7 })`),
      expected: /PLATFORM set the mark of the UDP socket on 0\.0\.0\.0:4500: EPERM .*CAP_NET_ADMIN/,
    },
    {
      what: 'an unmarked UDP socket works',
      code: open(
        'udp-socket.ts',
        `console.log('port', m.openUdpSocket(4500, { address: ${address} }).localPort)`,
      ),
      expected: /port 4500/,
    },
    {
      what: 'the TUN says which permission is missing',
      code: open(
        'tun.ts',
        `m.openTun({ name: 'x0', mtu: 1400, frames: { base: 0, octets: new Uint8Array(0) } })`,
      ),
      expected:
        /PLATFORM (create TUN interface x0: EPERM .*CAP_NET_ADMIN|open \/dev\/net\/tun: EACCES .*chmod 0666)/,
    },
    {
      what: 'the guard says CAP_NET_ADMIN',
      code: open('nftables.ts', 'm.removeGuard()'),
      expected: /PLATFORM nft -f - failed: .*\n?.*CAP_NET_ADMIN/s,
    },
  ])('$what', ({ code, expected }) => {
    const child = spawnSync(
      'unshare',
      [
        '-n',
        'setpriv',
        '--bounding-set',
        '-all',
        '--inh-caps',
        '-all',
        process.execPath,
        '--input-type=module',
        '-e',
        code,
      ],
      { encoding: 'utf8' },
    );
    expect(child.stdout + child.stderr).toMatch(expected);
  });
});
