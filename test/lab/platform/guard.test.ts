/** The nftables table and the routes with real packets: host - router - far, in namespaces. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../requirements.ts';
import { Namespaces, type RunningProgram } from './namespaces.ts';
import { entry, only } from './spd.ts';

const spaces = new Namespaces();
const node = process.execPath;
const script = new URL('./guarded-router.ts', import.meta.url).pathname;

const FAR_V4 = ['10.2.0.5', '10.3.0.5', '10.4.0.5', '10.5.0.5', '10.6.0.5'];
const FAR_V6 = ['fd02::5', 'fd03::5', 'fd05::5'];

const entries = [
  entry('dns', 'BYPASS', '10.1.0.0/24', '10.2.0.0/24', { protocol: 17, remotePorts: only(53) }),
  entry('site', 'PROTECT', '10.1.0.0/24', '10.2.0.0/24'),
  entry('clear', 'BYPASS', '10.1.0.0/24', '10.3.0.0/24'),
  entry('closed', 'DISCARD', '10.1.0.0/24', '10.4.0.0/24'),
  entry('forged', 'BYPASS', '10.1.0.0/24', '10.5.0.0/24', { protocol: 17, remotePorts: only(0x6161) }),
  entry('web', 'PROTECT', '10.1.0.0/24', '10.5.0.0/24', { protocol: 17, remotePorts: only(80) }),
  entry('rest', 'BYPASS', '10.1.0.0/24', '10.5.0.0/24'),
  entry('site6', 'PROTECT', 'fd01::/64', 'fd02::/64'),
  entry('clear6', 'BYPASS', 'fd01::/64', 'fd03::/64'),
  entry('forged6', 'BYPASS', 'fd01::/64', 'fd05::/64', { protocol: 17, remotePorts: only(0x6161) }),
  entry('web6', 'PROTECT', 'fd01::/64', 'fd05::/64', { protocol: 17, remotePorts: only(80) }),
  entry('rest6', 'BYPASS', 'fd01::/64', 'fd05::/64'),
  entry('own', 'PROTECT', '192.0.2.1/32', '10.2.0.0/24'),
];

const settings = {
  entries,
  tunName: 'sekisho0',
  protectedInterfaces: ['lan0'],
  unmatched: 'discard',
};

function sendUdp(
  from: string,
  source: string,
  destination: string,
  port: number,
  length = 20,
  localPort = 0,
): void {
  spaces.run(from, node, [
    '-e',
    `const s = require('node:dgram').createSocket(${JSON.stringify(source.includes(':') ? 'udp6' : 'udp4')});
     s.bind(${localPort}, ${JSON.stringify(source)}, () =>
       s.send(Buffer.alloc(${length}, 0x61), ${port}, ${JSON.stringify(destination)}, (e) => { if (e) { console.error(e.code); process.exit(1); } s.close(); }));`,
  ]);
}

/** By our own socket, with our mark. */
function sendMarked(from: string, source: string, destination: string, port: number): void {
  const platform = new URL('../../../host/platform/', import.meta.url).pathname;
  const octets = (text: string) => JSON.stringify(text.split('.').map(Number));
  spaces.run(from, node, [
    '--input-type=module',
    '-e',
    `const { openUdpSocket } = await import('${platform}udp-socket.ts');
     const { SendBatch } = await import('${platform}send-batch.ts');
     const { frameMemory } = await import('${platform}frame-memory.ts');
     const socket = openUdpSocket(0, { address: { family: 4, octets: Uint8Array.from(${octets(source)}) }, mark: 0x5e4b });
     const batch = new SendBatch(4, frameMemory(new ArrayBuffer(64)), 1);
     batch.lengths[0] = 20;
     batch.setPeer(0, Uint8Array.from(${octets(destination)}), 0, ${port});
     if (socket.send(batch, 0, 1) !== 1 || batch.errnos[0] !== 0) process.exit(1);`,
  ]);
}

function counters(): Record<string, number> {
  const listing = JSON.parse(
    spaces.run('router', 'nft', ['-j', 'list', 'counters', 'table', 'inet', 'sekisho']),
  );
  const found: Record<string, number> = {};
  for (const { counter } of listing.nftables) if (counter) found[counter.name] = counter.packets;
  return found;
}

/** How each counter moved during `action`, zero moves left out. */
async function counted(action: () => void | Promise<void>): Promise<Record<string, number>> {
  const before = counters();
  await action();
  await new Promise((resolve) => setTimeout(resolve, 60));
  const after = counters();
  return Object.fromEntries(
    Object.keys(after)
      .map((name) => [name, after[name]! - before[name]!] as const)
      .filter(([, moved]) => moved !== 0),
  );
}

async function startRouter(): Promise<RunningProgram> {
  return spaces.start('router', node, [script, JSON.stringify(settings)], /ready, TUN in place/);
}

function tunPackets(router: RunningProgram): Buffer[] {
  return [...router.output.matchAll(/^packet ([0-9a-f]+)$/gm)].map((match) => Buffer.from(match[1]!, 'hex'));
}

describeWith(
  ['root', 'tun', 'network namespaces', 'iproute2', 'nft', 'tcpdump', 'ping'],
  'a guarded router',
  () => {
    let router: RunningProgram;

    beforeAll(async () => {
      for (const name of ['host', 'router', 'far']) spaces.add(name);
      spaces.connect('host', 'eth0', ['10.1.0.5/24', 'fd01::5/64'], 'router', 'lan0', [
        '10.1.0.1/24',
        'fd01::1/64',
      ]);
      spaces.connect('router', 'wan0', ['192.0.2.1/24', '2001:db8::1/64'], 'far', 'eth0', [
        '192.0.2.2/24',
        '2001:db8::2/64',
      ]);
      spaces.run('host', 'ip', ['route', 'add', 'default', 'via', '10.1.0.1']);
      spaces.run('host', 'ip', ['route', 'add', 'default', 'via', 'fd01::1']);
      spaces.run('router', 'ip', ['route', 'add', 'default', 'via', '192.0.2.2']);
      spaces.run('router', 'ip', ['route', 'add', 'default', 'via', '2001:db8::2']);
      spaces.run('far', 'ip', ['route', 'add', '10.1.0.0/24', 'via', '192.0.2.1']);
      spaces.run('far', 'ip', ['route', 'add', 'fd01::/64', 'via', '2001:db8::1']);
      for (const address of FAR_V4) spaces.run('far', 'ip', ['addr', 'add', `${address}/32`, 'dev', 'lo']);
      for (const address of FAR_V6)
        spaces.run('far', 'ip', ['addr', 'add', `${address}/128`, 'dev', 'lo', 'nodad']);
      for (const name of ['host', 'far']) {
        // Answers to datagrams that nobody waits for would be counted too.
        spaces.run(
          name,
          'nft',
          ['-f', '-'],
          'table inet quiet { chain c { type filter hook output priority 0; icmp type 3 drop; icmpv6 type 1 drop; }; }',
        );
      }
      router = await startRouter();
    });

    afterAll(() => spaces.removeAll());

    it('carries BYPASS traffic straight, both ways, IPv4 and IPv6', () => {
      expect(spaces.succeeds('host', 'ping', ['-c', '1', '-W', '2', '10.3.0.5'])).toBe(true);
      expect(spaces.succeeds('host', 'ping', ['-c', '1', '-W', '2', 'fd03::5'])).toBe(true);
    });

    it.each([
      { what: 'PROTECT', from: '10.1.0.5', to: '10.2.0.5' },
      { what: 'DISCARD', from: '10.1.0.5', to: '10.4.0.5' },
      { what: 'IPv6 PROTECT', from: 'fd01::5', to: 'fd02::5' },
    ])(
      'leads forwarded $what traffic into the TUN as it was, and not to the outside',
      async ({ from, to }) => {
        const stop = await spaces.capture('far', 'eth0', `host ${to}`);
        const before = tunPackets(router).length;
        const moved = await counted(() => sendUdp('host', from, to, 4242));
        expect(await stop()).toEqual([]);
        expect(moved).toEqual({ 'steered-forwarded': 1 });
        await router.waitFor(new RegExp(`(packet [0-9a-f]+\\n[^]*){${before + 1}}`), 2000);
        const packet = tunPackets(router).at(-1)!;
        const header = to.includes(':') ? 40 : 20;
        expect(packet.length).toBe(header + 8 + 20);
        expect(packet.subarray(header + 8).toString()).toBe('a'.repeat(20));
        expect(packet.readUInt16BE(header + 2)).toBe(4242);
      },
    );

    it('goes by the order of entries and by ports', async () => {
      const stop = await spaces.capture('far', 'eth0', 'udp');
      const moved = await counted(() => {
        sendUdp('host', '10.1.0.5', '10.2.0.5', 53);
        sendUdp('host', '10.1.0.5', '10.2.0.5', 54);
        sendUdp('host', '10.1.0.5', '10.5.0.5', 80);
        sendUdp('host', '10.1.0.5', '10.5.0.5', 81);
      });
      const seen = await stop();
      expect(seen.filter((line) => line.includes(' UDP, ') || line.includes('10.1.0.5')).length).toBe(2);
      expect(seen.join('\n')).toMatch(/10\.2\.0\.5\.53:/);
      expect(seen.join('\n')).toMatch(/10\.5\.0\.5\.81:/);
      expect(moved).toEqual({ 'steered-forwarded': 2 });
    });

    it.each([
      { from: '10.1.0.5', to: '10.5.0.5' },
      { from: 'fd01::5', to: 'fd05::5' },
    ])('lets no fragment from $from past whose first one is protected by its port', async ({ from, to }) => {
      const stop = await spaces.capture('far', 'eth0', `host ${to}`);
      expect(await counted(() => sendUdp('host', from, to, 80, 4000))).toEqual({ 'steered-forwarded': 3 });
      // 'aa' read as a port: what the later fragments seem to show.
      expect(await counted(() => sendUdp('host', from, to, 0x6161, 4000))).toEqual({
        'steered-forwarded': 2,
      });
      expect(await stop()).toHaveLength(1);
    });

    it('gives unmatched forwarded traffic to the engine, and leaves that of the router itself alone', async () => {
      const stop = await spaces.capture('far', 'eth0', 'host 10.6.0.5');
      expect(await counted(() => sendUdp('host', '10.1.0.5', '10.6.0.5', 9))).toEqual({
        'unmatched-outbound': 1,
      });
      expect(await stop()).toEqual([]);
      expect(spaces.succeeds('router', 'ping', ['-c', '1', '-W', '2', '-I', '192.0.2.1', '10.6.0.5'])).toBe(
        true,
      );
    });

    it("steers the router's own traffic, but not to its inside, and not what bears our mark", async () => {
      expect(await counted(() => sendUdp('router', '192.0.2.1', '10.2.0.5', 7))).toEqual({
        'steered-local': 1,
      });
      const stop = await spaces.capture('far', 'eth0', 'udp port 4777');
      const quiet = await counted(() => {
        expect(spaces.succeeds('router', 'ping', ['-c', '1', '-W', '2', '10.1.0.5'])).toBe(true);
        sendMarked('router', '192.0.2.1', '10.2.0.5', 4777);
      });
      expect(quiet).toEqual({});
      expect((await stop()).join()).toMatch(/192\.0\.2\.1\.\d+ > 10\.2\.0\.5\.4777/);
    });

    it('refuses cleartext from outside that a selector covers, and takes what is bypassed', async () => {
      const stop = await spaces.capture('host', 'eth0', 'udp');
      const moved = await counted(() => {
        sendUdp('far', '10.2.0.5', '10.1.0.5', 1000);
        sendUdp('far', '10.4.0.5', '10.1.0.5', 1001);
        sendUdp('far', 'fd02::5', 'fd01::5', 1002);
        sendUdp('far', '10.6.0.5', '10.1.0.5', 1003);
        sendUdp('far', '10.3.0.5', '10.1.0.5', 1004);
        sendUdp('far', '10.2.0.5', '10.1.0.5', 1005, 20, 53);
      });
      const seen = (await stop()).join('\n');
      expect(moved).toEqual({ 'cleartext-refused': 3, 'unmatched-inbound': 1 });
      expect(seen.match(/10\.1\.0\.5\.100[45]/g)).toHaveLength(2);
      expect(seen).not.toMatch(/\.100[0123]:/);
    });

    it('never lets the outside send into the TUN as if it were inside', async () => {
      spaces.run('far', 'ip', ['addr', 'add', '10.1.0.77/32', 'dev', 'lo']);
      spaces.run('far', 'ip', ['route', 'add', '10.2.0.99/32', 'via', '192.0.2.1']);
      const before = tunPackets(router).length;
      expect(await counted(() => sendUdp('far', '10.1.0.77', '10.2.0.99', 9))).toEqual({
        'leaks-prevented': 1,
      });
      expect(tunPackets(router).length).toBe(before);
      spaces.run('far', 'ip', ['addr', 'del', '10.1.0.77/32', 'dev', 'lo']);
    });

    it('takes ESP and IKE from a protected address, because IPsec itself must get through', async () => {
      // 192.0.2.1 <-> 10.2.0.0/24 is PROTECT, and yet these are the engine's own business.
      const moved = await counted(() => {
        sendUdp('far', '10.2.0.5', '192.0.2.1', 4500);
        sendUdp('far', '10.2.0.5', '192.0.2.1', 500);
        sendUdp('far', '10.2.0.5', '192.0.2.1', 4500, 3000);
        sendUdp('far', '10.2.0.5', '192.0.2.1', 4501);
      });
      expect(moved['cleartext-refused']).toBe(1);
    });

    it('forwards to the host what the engine writes into the TUN', async () => {
      const stop = await spaces.capture('host', 'eth0', 'udp port 999');
      router.write(udpPacket('10.2.0.5', '10.1.0.5', 999).toString('hex'));
      await router.waitFor(/written 1 0/, 2000);
      expect((await stop()).join()).toMatch(/10\.2\.0\.5\.999 > 10\.1\.0\.5\.999/);
    });

    it('keeps neighbour discovery and the router reachable from inside', () => {
      spaces.run('host', 'ip', ['neigh', 'flush', 'all']);
      spaces.run('router', 'ip', ['neigh', 'flush', 'all']);
      expect(spaces.succeeds('host', 'ping', ['-c', '1', '-W', '2', 'fd01::1'])).toBe(true);
      expect(spaces.succeeds('host', 'ping', ['-c', '1', '-W', '2', '10.1.0.1'])).toBe(true);
    });

    it('catches what another program leads around the TUN', async () => {
      spaces.run(
        'router',
        'nft',
        ['-f', '-'],
        'table inet stranger { chain c { type filter hook prerouting priority mangle + 1; meta mark set 0; }; }',
      );
      const stop = await spaces.capture('far', 'eth0', 'host 10.2.0.5');
      const moved = await counted(() => sendUdp('host', '10.1.0.5', '10.2.0.5', 4242));
      expect(moved).toEqual({ 'steered-forwarded': 1, 'leaks-prevented': 1 });
      expect(await stop()).toEqual([]);
      spaces.run('router', 'nft', ['delete', 'table', 'inet', 'stranger']);
    });

    it('drops and counts, and never passes in clear, once the process is killed', async () => {
      await router.kill('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(spaces.run('router', 'ip', ['-j', 'link']).includes('sekisho0')).toBe(false);
      const stop = await spaces.capture('far', 'eth0', 'ip or ip6 and not icmp6');
      const moved = await counted(() => {
        for (let turn = 0; turn < 3; turn++) sendUdp('host', '10.1.0.5', '10.2.0.5', 4242);
        sendUdp('host', 'fd01::5', 'fd02::5', 4242);
        sendUdp('host', '10.1.0.5', '10.4.0.5', 4242);
        sendUdp('host', '10.1.0.5', '10.6.0.5', 4242);
        expect(() => sendUdp('router', '192.0.2.1', '10.2.0.5', 7)).toThrow(/EPERM/);
      });
      expect(await stop()).toEqual([]);
      expect(moved).toEqual({
        'steered-forwarded': 5,
        'unmatched-outbound': 1,
        'steered-local': 1,
        'leaks-prevented': 7,
      });
      expect(spaces.succeeds('host', 'ping', ['-c', '1', '-W', '2', '10.3.0.5'])).toBe(true);
    });

    it('comes back to the same state, once, with its counters', async () => {
      const before = counters();
      spaces.run('router', 'nft', ['-f', '-'], 'table inet stranger { chain c { }; }');
      router = await startRouter();
      expect(counters()).toEqual(before);
      expect(spaces.run('router', 'ip', ['route', 'show', 'table', 'all'])).toContain('default dev sekisho0');
      expect(spaces.run('router', 'ip', ['rule', 'show']).match(/0x5e4a/g)).toHaveLength(1);
      expect(spaces.run('router', 'ip', ['-6', 'rule', 'show']).match(/0x5e4a/g)).toHaveLength(1);
      expect(spaces.run('router', 'nft', ['list', 'tables'])).toMatch(/stranger/);
      expect(await counted(() => sendUdp('host', '10.1.0.5', '10.2.0.5', 4242))).toEqual({
        'steered-forwarded': 1,
      });
    });

    it('stops steering and stays guarded, and removes what is ours and nothing else, twice without complaint', async () => {
      const module = new URL('../../../host/platform/network-setup.ts', import.meta.url).pathname;
      const call = (name: string) =>
        spaces.run('router', node, [
          '--input-type=module',
          '-e',
          `const m = await import(${JSON.stringify(module)});
           m.${name}(m.networkPlan({ entries: [], tunName: 'sekisho0', protectedInterfaces: [], unmatched: 'bypass' }));`,
        ]);
      for (let turn = 0; turn < 2; turn++) call('stopSteering');
      expect(spaces.run('router', 'ip', ['rule', 'show'])).not.toContain('0x5e4a');
      expect(await counted(() => sendUdp('host', '10.1.0.5', '10.2.0.5', 4242))).toEqual({
        'steered-forwarded': 1,
        'leaks-prevented': 1,
      });
      for (let turn = 0; turn < 2; turn++) call('removeNetworkSetup');
      expect(spaces.run('router', 'nft', ['list', 'tables']).trim()).toBe('table inet stranger');
      expect(spaces.run('router', 'ip', ['-6', 'rule', 'show'])).not.toContain('0x5e4a');
      expect(spaces.run('router', 'ip', ['route', 'show', 'table', 'all'])).not.toContain(
        'default dev sekisho0',
      );
    });
  },
);

/** A UDP packet without checksum, from and to the same port. */
function udpPacket(source: string, destination: string, port: number): Buffer {
  const packet = Buffer.alloc(20 + 8 + 4);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = 17;
  packet.set(source.split('.').map(Number), 12);
  packet.set(destination.split('.').map(Number), 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  packet.writeUInt16BE(~sum & 0xffff, 10);
  packet.writeUInt16BE(port, 20);
  packet.writeUInt16BE(port, 22);
  packet.writeUInt16BE(12, 24);
  return packet;
}
