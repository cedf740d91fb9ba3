import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { endpoint, packet, selector } from '../../simulation/end-to-end/network.ts';
import { LoopbackRouter } from './loopback-router.ts';
import { eventually, freePort, ServerProcess } from './server-process.ts';

const root = join(import.meta.dirname, '../../..');

let server: ServerProcess;
let port: number;
let keys: { tokyo: string; osaka: string };
const routers: LoopbackRouter[] = [];

beforeEach(async () => {
  server = new ServerProcess();
  port = await freePort();
  keys = { tokyo: server.writeKey('tokyo'), osaka: server.writeKey('osaka') };
  server.write('server.yaml', settings());
});

afterEach(async () => {
  for (const router of routers.splice(0)) router.stop();
  await server.end();
});

function settings(policies = ['all']): string {
  return `version: 1
server:
  listen: [{ address: 127.0.0.1, port: ${port} }]
  database: server.sqlite
  controlSocket: ${server.socket}
routers:
  - { name: tokyo, credential: { preSharedKeyFile: tokyo.psk }, networks: [10.1.0.0/24] }
  - { name: osaka, credential: { preSharedKeyFile: osaka.psk }, networks: [10.2.0.0/24] }
distributionPolicies:
${policies.map((kind) => `  - { kind: ${kind}, between: [tokyo, osaka], encapsulation: udp }`).join('\n')}
`;
}

/** A router at loopback that protects its /24 towards the other one's. */
async function router(name: 'tokyo' | 'osaka'): Promise<LoopbackRouter> {
  const networks = { tokyo: '10.1.0.0/24', osaka: '10.2.0.0/24' };
  const requestPeer = name === 'tokyo' ? 'osaka' : 'tokyo';
  const entry: SpdEntry = {
    name: 'entry',
    selectors: [selector(networks[name], networks[requestPeer])],
    action: 'PROTECT',
    requestPeer,
  };
  const started = await LoopbackRouter.start({
    name,
    key: keys[name],
    server: endpoint('127.0.0.1', port),
    entries: [entry],
  });
  routers.push(started);
  await eventually(`${name} has a channel`, () => started.isUp);
  return started;
}

/** Both routers with a pair of SAs through which a packet went. */
async function connected(): Promise<{ tokyo: LoopbackRouter; osaka: LoopbackRouter }> {
  const [tokyo, osaka] = [await router('tokyo'), await router('osaka')];
  tokyo.send(packet('10.1.0.9', '10.2.0.9', 1));
  await eventually('the first packet arrives', () => osaka.delivered.length === 1);
  await eventually('both have installed', async () => (await server.table())[0]?.state === 'both-installed');
  return { tokyo, osaka };
}

function command(...args: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(
    join(root, 'node_modules/.bin/node'),
    ['host/cli/main.ts', ...args],
    { cwd: root, encoding: 'utf8' },
  );
  return { code: status, text: stdout + stderr };
}

describe('the setting server as a process', () => {
  it('needs no privileges: routers get their SAs from one without a single capability', async () => {
    await server.start();
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    expect(/^CapEff:\s*(\w+)$/m.exec(status)?.[1]).toBe('0000000000000000');
    expect(/^CapPrm:\s*(\w+)$/m.exec(status)?.[1]).toBe('0000000000000000');
    await connected();
    const { routers: seen } = await server.status();
    expect(seen).toMatchObject([
      { name: 'tokyo', channel: 'up', software: 'test' },
      { name: 'osaka', channel: 'up' },
    ]);
    expect(statSync(server.database).mode & 0o777).toBe(0o600);
    expect(statSync(server.socket).mode & 0o777).toBe(0o600);
  });

  it('shows itself to `sekisho status`, and ends with 0 on SIGTERM', async () => {
    await server.start();
    const shown = command('status', '--socket', server.socket);
    expect(shown.code).toBe(0);
    expect(shown.text).toMatch(/policies +1 in force/);
    expect(shown.text).toMatch(/tokyo +down/);
    expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(command('status', '--socket', server.socket).code).toBe(3);
  });

  it('rolls a version out by command, and goes on with it after a kill -9', async () => {
    await server.start();
    const rollout = (...args: string[]) => command('server', 'rollout', ...args, '--socket', server.socket);
    expect(rollout('status').text).toBe('There never was a roll-out.\n');
    const begun = rollout('start', '2.0.0', '--stages', '50%,100%', '--max-failures', '1', '--json');
    expect(JSON.parse(begun.text)).toMatchObject({
      version: '2.0.0',
      state: 'running',
      routers: 2,
      away: 1,
      toCome: 1,
    });
    expect(rollout('start', '2.1.0', '--stages', '100', '--max-failures', '1')).toMatchObject({
      code: 1,
      text: expect.stringContaining('the roll-out of 2.0.0 is running: abort it first'),
    });
    expect(rollout('pause').code).toBe(0);
    await server.stop('SIGKILL');
    await server.start();
    expect(JSON.parse(rollout('status', '--json').text)).toMatchObject({ state: 'paused', away: 1 });
    expect(rollout('resume').text).toMatch(/^state +running$/m);
    expect(rollout('abort').text).toMatch(/^state +aborted$/m);
    expect(rollout('resume').code).toBe(1);
    expect(rollout('start', '2.1.0', '--stages', '1%,1%', '--max-failures', '1').code).toBe(1);
    expect(rollout('start', '2.1.0', '--stages', '1%', '--max-failures', '0').code).toBe(2);
  });

  it('takes an edited file on SIGHUP, and by itself', async () => {
    await server.start();
    expect(await server.policies()).toHaveLength(1);
    server.write('server.yaml', settings(['all', 'more']));
    server.signal('SIGHUP');
    await eventually('two policies', async () => (await server.status()).policies.count === 2);
    server.write('server.yaml', settings(['all', 'more', 'most']));
    await eventually('three policies', async () => (await server.status()).policies.count === 3);
    // What did not change keeps its revision.
    expect(await server.policies()).toMatchObject([
      { kind: 'all', revision: 1 },
      { kind: 'more', revision: 1 },
      { kind: 'most', revision: 1 },
    ]);
  });

  it('keeps what is in force when the file breaks, and says where it is broken', async () => {
    await server.start();
    server.write('server.yaml', settings().replace('encapsulation: udp', 'encapsulation: tcp'));
    server.signal('SIGHUP');
    await eventually('a problem', async () => (await server.status()).policies.problem !== null);
    const { policies } = await server.status();
    expect(policies.count).toBe(1);
    expect(policies.problem).toMatch(/server\.yaml:10:\d+: distributionPolicies\[0\]\.encapsulation: /);
    const shown = command('status', '--socket', server.socket);
    expect(shown.code).toBe(1);
    expect(shown.text).toContain('distributionPolicies[0].encapsulation');
    server.write('server.yaml', settings());
    server.signal('SIGHUP');
    await eventually('no problem', async () => (await server.status()).policies.problem === null);
  });

  it('withdraws the SAs of a policy that changed', async () => {
    await server.start();
    const { tokyo } = await connected();
    server.write('server.yaml', settings().replace('encapsulation: udp', 'encapsulation: udp, esn: false'));
    server.signal('SIGHUP');
    await eventually('the SAs are gone', () => tokyo.router.settings.status().pairs.length === 0);
    expect((await server.policies())[0]).toMatchObject({ esn: false, revision: 2 });
  });

  it('keeps its table when it is killed, and serves again when it is started again', async () => {
    await server.start();
    const { tokyo, osaka } = await connected();
    const [before] = await server.table();
    expect(await server.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    tokyo.send(packet('10.1.0.9', '10.2.0.9', 2));
    await eventually('traffic goes on without a server', () => osaka.delivered.length === 2);
    await server.start();
    const [after] = await server.table();
    const { sourceSpi, peerSpi, kind, revision } = before ?? {};
    expect(after).toMatchObject({ state: 'both-installed', sourceSpi, peerSpi, kind, revision });
    await eventually('both are back', async () =>
      (await server.status()).routers.every(({ channel }) => channel === 'up'),
    );
    expect(tokyo.router.renew(undefined)).toBe(1);
    await eventually('a renewal', async () => (await server.table()).length === 2);
  });

  it('says in one line that the port is in use, and ends with 1', async () => {
    const other = createSocket('udp4');
    other.bind(port, '127.0.0.1');
    await once(other, 'listening');
    try {
      server.spawn();
      expect(await server.ended()).toEqual({ code: 1, signal: null });
    } finally {
      other.close();
    }
    expect(server.output.trim()).toMatch(
      /^sekisho: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.*; check server\.listen .*\(PLATFORM\)$/,
    );
  });

  it('refuses to share its database with another server', async () => {
    await server.start();
    const again = command('server', '--config', server.file);
    expect(again.code).toBe(1);
    expect(again.text).toMatch(/^sekisho: cannot open .*server\.sqlite: .*\(STORE\)$/m);
  });

  it('says in one line each what is wrong with its file or a credential, and ends with 1', async () => {
    server.write('server.yaml', settings().replace('networks: [10.2.0.0/24]', 'networks: [10.2.0.0/33]'));
    server.spawn();
    expect((await server.ended()).code).toBe(1);
    expect(server.output).toMatch(
      /^sekisho: .*server\.yaml:8:\d+: routers\[1\]\.networks\[0\]: .*\(CONFIG_INVALID\)$/m,
    );
    expect(server.output).not.toContain('    at ');
  });

  it('lets no key out: neither log nor status nor database has one', async () => {
    await server.start();
    const { tokyo, osaka } = await connected();
    server.write('server.yaml', settings(['all', 'more']));
    server.signal('SIGHUP');
    await eventually('two policies', async () => (await server.status()).policies.count === 2);
    const shown = JSON.stringify([await server.status(), await server.table(), await server.events()]);
    const duringLife = server.databaseOctets();
    await server.stop('SIGTERM');
    const written = Buffer.concat([
      duringLife,
      server.databaseOctets(),
      Buffer.from(server.output),
      Buffer.from(shown),
    ]);
    // What is no secret is there.
    expect(written.includes('tokyo')).toBe(true);
    expect(written.length).toBeGreaterThan(10_000);
    expect(tokyo.keys).toHaveLength(2);
    const secrets = [
      ...Object.values(keys).flatMap((key) => [Buffer.from(key), Buffer.from(key, 'base64')]),
      ...[...tokyo.keys, ...osaka.keys].map((key) => Buffer.from(key)),
    ];
    for (const secret of secrets) {
      // Any eight octets in a row, as they are or as text would show them.
      for (let at = 0; at + 8 <= secret.length; at++) {
        const part = secret.subarray(at, at + 8);
        expect(written.includes(part)).toBe(false);
        expect(written.includes(part.toString('hex'))).toBe(false);
        expect(written.includes(part.toString('base64').slice(0, 10))).toBe(false);
        expect(written.includes([...part].join(','))).toBe(false);
      }
    }
  });
});
