/** A router whose interfaces go down, come up and are deleted under traffic: it recovers or ends saying why, and never spins. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ROUTE_TABLE } from '../../../host/platform/routes.ts';
import { cpuTimeMs } from '../../../tools/lab/cpu-time.ts';
import { describeWith } from '../../requirements.ts';
import { Namespaces, type RunningProgram } from './namespaces.ts';

const spaces = new Namespaces();
const folder = mkdtempSync(join(tmpdir(), 'sekisho-interfaces-'));
const command = new URL('../../../host/cli/main.ts', import.meta.url).pathname;
const settings = {
  version: 1,
  name: 'tokyo',
  credential: { preSharedKeyFile: 'tokyo.psk' },
  // Nobody answers there: what wants an SA is held, and dropped.
  server: { address: '192.0.2.9', port: 4500, identity: 'server' },
  unprotected: { interface: 'wan' },
  protected: { interfaces: ['lan'] },
  controlSocket: join(folder, 'router.sock'),
  tunnel: { interface: 'inner0' },
  spd: [
    {
      name: 'to-osaka',
      selector: { local: '10.1.0.0/24', remote: '10.2.0.0/24' },
      action: 'PROTECT',
      requestPeer: 'osaka',
    },
  ],
};
/** Datagrams for the far site, a thousand a second. */
const traffic = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('error', () => {});
  socket.bind(0, '10.1.0.9', () => { console.log('sending'); setInterval(() => {
    for (let count = 0; count < 10; count++) socket.send('x', 9, '10.2.0.9', () => {});
  }, 10); });`;

/** Where the server would be. */
const silentServer = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (_, from) => console.log('from', from.address));
  socket.bind(4500, '192.0.2.9', () => console.log('bound'));`;

describeWith(['root', 'tun', 'network namespaces', 'iproute2', 'nft'], 'interfaces of a router', () => {
  let router: RunningProgram;
  let world: RunningProgram;

  beforeAll(async () => {
    for (const name of ['host', 'router', 'world']) spaces.add(name);
    spaces.connect('host', 'eth', ['10.1.0.9/24'], 'router', 'lan', ['10.1.0.1/24']);
    spaces.connect('router', 'wan', ['192.0.2.1/24'], 'world', 'eth', ['192.0.2.9/24']);
    spaces.run('host', 'ip', ['route', 'add', 'default', 'via', '10.1.0.1']);
    writeFileSync(join(folder, 'tokyo.psk'), 'k'.repeat(43), { mode: 0o600 });
    writeFileSync(join(folder, 'tokyo.yaml'), stringify(settings), { mode: 0o600 });
    world = await spaces.start('world', process.execPath, ['-e', silentServer], /bound/);
    await spaces.start('host', process.execPath, ['-e', traffic], /sending/);
  });
  beforeEach(async () => {
    await router?.kill('SIGKILL');
    router = await spaces.start(
      'router',
      process.execPath,
      [command, 'router', '--config', join(folder, 'tokyo.yaml')],
      /"event":"started"/,
      60_000,
    );
  });
  afterAll(async () => {
    await spaces.removeAll();
    rmSync(folder, { recursive: true, force: true });
  });

  const inRouter = (...args: string[]) => spaces.run('router', 'ip', args);
  const routesIntoTun = () => {
    const shown = ['-json', 'route', 'show', 'table', String(ROUTE_TABLE)];
    return JSON.parse(inRouter(...shown) || '[]').map(({ dev }: { dev: string }) => dev);
  };

  /** Returns when the router is at rest, or has had time for that. */
  async function quiet(): Promise<void> {
    for (let look = 0, last = 0; look < 40; look++) {
      const now = cpuTimeMs(router.pid);
      if (last > 0 && now - last < 150) return;
      last = now;
      await sleep(1000);
    }
  }

  /** Part of one processor that the router takes for two seconds, once it has rehearsed, for which traffic leaves no time. */
  async function share(): Promise<number> {
    await quiet();
    const before = cpuTimeMs(router.pid);
    const begun = performance.now();
    await sleep(2000);
    return (cpuTimeMs(router.pid) - before) / (performance.now() - begun);
  }

  it('that are down cost nothing, and the TUN has its routes again when it is up', async () => {
    expect(routesIntoTun()).toEqual(['inner0']);
    inRouter('link', 'set', 'inner0', 'down');
    expect(await share()).toBeLessThan(0.4);
    inRouter('link', 'set', 'inner0', 'up');
    await router.waitFor(/inner0 was set up anew/, 10_000);
    expect(routesIntoTun()).toEqual(['inner0']);

    // So short that nobody may have seen it down.
    inRouter('link', 'set', 'inner0', 'down');
    expect(routesIntoTun()).toEqual([]);
    inRouter('link', 'set', 'inner0', 'up');
    // The kernel may have told of the first time more than once: that it was set up anew says nothing of the second.
    await expect.poll(routesIntoTun, { timeout: 10_000, interval: 200 }).toEqual(['inner0']);
  });

  it('towards the world may go and come with another address', async () => {
    inRouter('link', 'set', 'wan', 'down');
    expect(await share()).toBeLessThan(0.4);
    inRouter('link', 'set', 'wan', 'up');
    inRouter('address', 'del', '192.0.2.1/24', 'dev', 'wan');
    expect(await share()).toBeLessThan(0.4);
    inRouter('address', 'add', '192.0.2.77/24', 'dev', 'wan');
    // What it asks its server comes from there now.
    await world.waitFor(/from 192\.0\.2\.77/, 40_000);
    inRouter('address', 'del', '192.0.2.77/24', 'dev', 'wan');
    inRouter('address', 'add', '192.0.2.1/24', 'dev', 'wan');
  });

  it('end the router when the TUN is deleted, and it says so', async () => {
    inRouter('link', 'del', 'inner0');
    await router.waitFor(/The interface was deleted: restart the router/, 10_000);
    expect(await router.ended).not.toBe(0);
  });
});
