/** Routers are let in and cut off by the `sekisho` command, against the real server process. */
import { spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRouterFile } from '../../../host/router/settings-file.ts';
import { loadWorkerCredentials } from '../../../host/router/worker-credentials.ts';
import { endpoint, packet, selector } from '../../simulation/end-to-end/network.ts';
import { LoopbackRouter } from './loopback-router.ts';
import { eventually, freePort, ServerProcess } from './server-process.ts';

const root = join(import.meta.dirname, '../../..');
const networks = { tokyo: '10.1.0.0/24', osaka: '10.2.0.0/24' };
type Name = keyof typeof networks;

let server: ServerProcess;
let folder: string;
let port: number;
const routers: LoopbackRouter[] = [];

beforeEach(async () => {
  server = new ServerProcess();
  folder = mkdtempSync(join(tmpdir(), 'sekisho-enrolment-'));
  port = await freePort();
});

afterEach(async () => {
  for (const router of routers.splice(0)) router.stop();
  await server.end();
  rmSync(folder, { recursive: true, force: true });
});

function settings(more = ''): string {
  return `version: 1
server:
  listen: [{ address: 127.0.0.1, port: ${port} }]
  database: server.sqlite
  controlSocket: ${server.socket}
${more}routers: []
# Who talks to whom.
distributionPolicies:
  - { kind: all, between: ['*', '*'], encapsulation: udp }
`;
}

/** Runs `sekisho`; whatever it says goes with a failure. */
function sekisho(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(
    join(root, 'node_modules/.bin/node'),
    [join(root, 'host/cli/main.ts'), ...args],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`sekisho ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** The file that `enrol` prints, saved as a person would. */
function enrol(name: Name, ...args: string[]): string {
  const path = join(folder, `${name}.yaml`);
  const enrolled = sekisho('server', 'enrol', name, '--config', server.file, ...args);
  writeFileSync(path, enrolled.replace('spd: []', `stateDirectory: ${folder}\nspd: []`), { mode: 0o600 });
  return path;
}

/** A router with exactly what its file says, and one SPD entry. */
async function start(name: Name, file = join(folder, `${name}.yaml`)): Promise<LoopbackRouter> {
  const said = parseRouterFile(readFileSync(file, 'utf8'), file);
  expect(said).toMatchObject({ name, spd: [], server: { identity: 'server' } });
  const { credentials, learnTime } = await loadWorkerCredentials(
    { settings: said, settingsFile: file, holdsSecret: true },
    () => {},
  );
  const requestPeer = name === 'tokyo' ? 'osaka' : 'tokyo';
  const selectors = [selector(networks[name], networks[requestPeer])];
  const router = await LoopbackRouter.start({
    name: said.name,
    key: credentials,
    learnTime,
    server: endpoint('127.0.0.1', said.server.port),
    entries: [{ name: 'entry', selectors, action: 'PROTECT', requestPeer }],
  });
  routers.push(router);
  return router;
}

/** Before the test ends. */
function stop(router: LoopbackRouter): void {
  routers.splice(routers.indexOf(router), 1);
  router.stop();
}

/** Both routers with SAs through which a packet went. */
async function connected(): Promise<{ tokyo: LoopbackRouter; osaka: LoopbackRouter }> {
  const [tokyo, osaka] = [await start('tokyo'), await start('osaka')];
  await eventually('both have a channel', () => tokyo.isUp && osaka.isUp);
  tokyo.send(packet('10.1.0.9', '10.2.0.9', 1));
  await eventually('the first packet arrives', () => osaka.delivered.length === 1);
  await eventually('both have installed', async () => (await server.table())[0]?.state === 'both-installed');
  return { tokyo, osaka };
}

async function channelOf(name: Name): Promise<string | undefined> {
  return (await server.status()).routers.find((router) => router.name === name)?.channel;
}

describe('enrolment by pre-shared key', () => {
  it('prints one file with which a router starts, while the server runs', async () => {
    server.write('server.yaml', settings());
    await server.start();
    for (const name of ['tokyo', 'osaka'] as const) enrol(name, '--networks', networks[name]);
    await connected();
    expect(readFileSync(server.file, 'utf8')).toContain('# Who talks to whom.');
    const key = join(server.folder, 'tokyo.psk');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(statSync(key).uid).toBe(statSync(server.file).uid);
  });

  it('is refused twice, and changes nothing where it is', () => {
    server.write('server.yaml', settings());
    enrol('tokyo', '--networks', networks.tokyo);
    const before = readFileSync(server.file, 'utf8');
    expect(() => enrol('tokyo', '--networks', networks.tokyo)).toThrow(/has a router tokyo already/);
    expect(() => enrol('osaka', '--networks', networks.tokyo)).toThrow(/overlaps/);
    expect(() => enrol('osaka')).toThrow(/say --networks/);
    expect(readFileSync(server.file, 'utf8')).toBe(before);
  });
});

describe('revocation', () => {
  it('cuts a router off at once, takes its SAs back at its peers, and holds across a restart', async () => {
    server.write('server.yaml', settings());
    for (const name of ['tokyo', 'osaka'] as const) enrol(name, '--networks', networks[name]);
    await server.start();
    const { tokyo, osaka } = await connected();
    const told = JSON.parse(sekisho('server', 'revoke', 'tokyo', '--config', server.file, '--json'));
    expect(told).toMatchObject({ router: 'tokyo', running: true });
    // The command has returned: it is so already.
    expect(await channelOf('tokyo')).toBeUndefined();
    await eventually('the peer has no SA with it', () => osaka.router.settings.status().pairs.length === 0);
    await eventually('the router knows', () => !tokyo.isUp);
    await eventually('it is refused', async () => refusals(await server.status()) > 0);
    expect(await channelOf('osaka')).toBe('up');

    await server.stop('SIGTERM');
    await server.start();
    await eventually('the other is back', async () => (await channelOf('osaka')) === 'up');
    await eventually('it is refused again', async () => refusals(await server.status()) > 0);
    expect(tokyo.isUp).toBe(false);

    enrol('tokyo', '--again');
    stop(tokyo);
    const again = await start('tokyo');
    await eventually('it is in again', () => again.isUp);
  });

  it('refuses the certificate too, and one that was issued before', async () => {
    sekisho('ca', 'init');
    sekisho('ca', 'issue', 'server');
    sekisho('ca', 'crl');
    for (const name of ['server.crt', 'server.key', 'ca/ca.crt', 'ca/ca.crl']) give(name);
    const files = 'certificateFile: server.crt, privateKeyFile: server.key, caFile: ca.crt, crlFile: ca.crl';
    server.write('server.yaml', settings(`  certificate: { ${files}, crl: required }\n`));
    await server.start();
    const old = enrol('tokyo', '--networks', networks.tokyo, '--ca', 'ca');
    enrol('osaka', '--networks', networks.osaka, '--ca', 'ca');
    copyFileSync(old, join(folder, 'old.yaml'));
    const { tokyo, osaka } = await connected();
    expect(Date.parse(readFileSync(join(folder, 'last-seen-time'), 'utf8').trim())).toBeGreaterThan(0);

    sekisho('server', 'revoke', 'tokyo', '--config', server.file);
    expect(await channelOf('tokyo')).toBeUndefined();
    await eventually('the peer has no SA with it', () => osaka.router.settings.status().pairs.length === 0);
    stop(tokyo);
    enrol('tokyo', '--again', '--ca', 'ca');
    const [before, after] = [await start('tokyo', join(folder, 'old.yaml')), await start('tokyo')];
    await eventually('the new certificate is good', () => after.isUp);
    await eventually(
      'the old one is not',
      async () => refusals(await server.status(), 'certificate-revoked') > 0,
    );
    expect(before.isUp).toBe(false);

    // Its authority takes a certificate back: the server ends the channel.
    sekisho('server', 'revoke', 'osaka', '--config', server.file, '--ca', 'ca');
    expect(await channelOf('osaka')).toBeUndefined();
  });

  it('by a revocation list ends the channel with the next reload, without a word in the settings', async () => {
    sekisho('ca', 'init', '--key', 'ed25519');
    sekisho('ca', 'issue', 'server');
    sekisho('ca', 'crl');
    for (const name of ['server.crt', 'server.key', 'ca/ca.crt', 'ca/ca.crl']) give(name);
    const files = 'certificateFile: server.crt, privateKeyFile: server.key, caFile: ca.crt, crlFile: ca.crl';
    server.write('server.yaml', settings(`  certificate: { ${files} }\n`));
    await server.start();
    enrol('tokyo', '--networks', networks.tokyo, '--ca', 'ca');
    const tokyo = await start('tokyo');
    await eventually('it has a channel', () => tokyo.isUp);
    sekisho('ca', 'revoke', 'tokyo');
    give('ca/ca.crl');
    server.signal('SIGHUP');
    await eventually('it has none', async () => (await channelOf('tokyo')) === 'down');
    await eventually('it is refused', async () => refusals(await server.status(), 'certificate-revoked') > 0);
  });
});

/** Puts a file of the administrator's folder into the server's. */
function give(name: string): void {
  const path = join(server.folder, name.split('/').at(-1) ?? '');
  copyFileSync(join(folder, name), path);
  const { uid, gid } = statSync(server.folder);
  chownSync(path, uid, gid);
}

function refusals(status: Awaited<ReturnType<ServerProcess['status']>>, reason = 'authentication-failed') {
  return Number(status.messages[`ike refused: ${reason}`] ?? 0);
}
