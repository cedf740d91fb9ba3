/** `server enrol` and `server revoke`: what they leave behind where something goes wrong in between. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuthorityFolder } from '../../../host/cli/ca-folder.ts';
import { type ControlSocket, serveControl } from '../../../host/platform/control-socket.ts';
import { parseRouterFile } from '../../../host/router/settings-file.ts';
import { parsePolicyFile } from '../../../host/server/distribution-policies/policy-file.ts';

const command = new URL('../../../tools/sekisho.js', import.meta.url).pathname;
let folder = '';
let control: ControlSocket | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-enrol-'));
});
afterEach(async () => {
  await control?.close();
  control = undefined;
  rmSync(folder, { recursive: true });
});

const path = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');

function sekisho(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, 'server', ...args, '--config', path('server.yaml')], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (part) => {
      out += part;
    });
    child.stderr.on('data', (part) => {
      err += part;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** Writes the server's file. */
function settings(routers: readonly string[] = [], more = '', identity = 'server'): string {
  const text = `version: 1
server:
  identity: '${identity}'
  listen: [{ address: 192.0.2.1 }]
  controlSocket: ${path('control.sock')}
${more}routers: [${routers.join(', ')}]
`;
  writeFileSync(path('server.yaml'), text);
  return text;
}

/** A server that answers every reload. */
async function serverSays(problem: string | null, onReload = (): void => {}): Promise<void> {
  control = await serveControl(path('control.sock'), {
    'POST /reload': () => {
      onReload();
      return { problem };
    },
  });
}

const tokyo = (credential: string): string =>
  `{ name: tokyo, credential: { ${credential} }, networks: [10.1.0.0/16] }`;
const networks = ['--networks', '10.1.0.0/16'];
const certificate =
  '  certificate: { certificateFile: server.crt, privateKeyFile: server.key, caFile: ca.crt }\n';

describe('server enrol', () => {
  it('writes no key where the file would not be right', async () => {
    const before = settings([
      '{ name: osaka, credential: { preSharedKeyFile: o.psk }, networks: [10.1.0.0/16] }',
    ]);
    expect(await sekisho('enrol', 'tokyo', ...networks)).toMatchObject({ code: 1, out: '' });
    expect(read('server.yaml')).toBe(before);
    expect(existsSync(path('tokyo.psk'))).toBe(false);
  });

  it('issues no certificate where the file would not be right, or the server trusts another authority', async () => {
    const ca = AuthorityFolder.create(path('ca'), 'ours', 'ed25519', 10);
    const other = AuthorityFolder.create(path('other'), 'another', 'ed25519', 10);
    writeFileSync(path('ca.crt'), ca.pem);
    const osaka = '{ name: osaka, credential: { preSharedKeyFile: o.psk }, networks: [10.1.0.0/16] }';
    settings([osaka], certificate);
    expect(await sekisho('enrol', 'tokyo', ...networks, '--ca', 'ca')).toMatchObject({ code: 1, out: '' });
    expect(ca.index().certificates).toEqual([]);
    const before = settings([], certificate);
    const refused = await sekisho('enrol', 'tokyo', ...networks, '--ca', 'other');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('would not trust');
    expect(other.index().certificates).toEqual([]);
    expect(read('server.yaml')).toBe(before);
    expect(await sekisho('enrol', 'tokyo', ...networks, '--ca', 'ca')).toMatchObject({ code: 0 });
  });

  it.each(['eth0/1', 'a name', 'abcdefghijklmnop', '', 'ööööööööö', '..'])(
    'refuses the interface %j before anything is made',
    async (bad) => {
      const before = settings();
      const refused = await sekisho('enrol', 'tokyo', ...networks, '--interface', bad);
      expect(refused).toMatchObject({ code: 2, out: '' });
      expect(refused.err).toMatch(/--interface <name>.*expected an interface name/);
      expect([existsSync(path('tokyo.psk')), read('server.yaml')]).toEqual([false, before]);
    },
  );

  it('leaves a key that is there and not this router’s', async () => {
    const before = settings();
    writeFileSync(path('tokyo.psk'), 'of somebody', { mode: 0o600 });
    const refused = await sekisho('enrol', 'tokyo', ...networks);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/tokyo\.psk is there/);
    expect([read('tokyo.psk'), read('server.yaml')]).toEqual(['of somebody', before]);
  });

  it('prints the router’s file also where the server refuses, with a warning', async () => {
    settings();
    await serverSays('osaka.psk is missing');
    const { code, out, err } = await sekisho('enrol', 'tokyo', ...networks);
    expect(code).toBe(1);
    expect(err).toMatch(/^sekisho: warning: .*osaka\.psk is missing$/m);
    expect(parseRouterFile(out, 'x').credential.preSharedKey).toMatchObject({
      text: read('tokyo.psk').trim(),
    });
  });

  it.each(['2024', 'true', '1e5'])('makes files with which %s starts', async (name) => {
    settings([], '', '3000');
    await serverSays(null);
    const { code, out, err } = await sekisho('enrol', name, ...networks, '--interface', '0');
    expect([code, err]).toEqual([0, expect.stringContaining('the running server knows it')]);
    expect(parseRouterFile(out, 'x')).toMatchObject({ name, server: { identity: '3000' } });
    const [router] = parsePolicyFile(read('server.yaml'), 'x').routers;
    expect(router).toMatchObject({ name, preSharedKeyFile: `${name}.psk` });
    expect(statSync(path(`${name}.psk`)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['router: certificate, preSharedKeyFile: tokyo.psk', []],
    ['server: certificate, preSharedKeyFile: tokyo.psk', []],
    ['server: certificate, preSharedKeyFile: tokyo.psk', ['--ca', 'ca']],
    ['router: certificate, server: certificate', []],
    ['preSharedKeyFile: tokyo.psk', ['--ca', 'ca']],
  ])('--again refuses a router with { %s } and %j', async (credential, args) => {
    writeFileSync(path('ca.crt'), AuthorityFolder.create(path('ca'), 'ours', 'ed25519', 10).pem);
    const before = settings([tokyo(credential)], certificate);
    expect(await sekisho('enrol', 'tokyo', '--again', ...args)).toMatchObject({ code: 2, out: '' });
    expect(read('server.yaml')).toBe(before);
    expect(existsSync(path('tokyo.psk'))).toBe(false);
  });

  it('--again keeps the post-quantum pre-shared key in the router’s file', async () => {
    settings([
      tokyo('preSharedKeyFile: tokyo.psk, ppk: { id: "1", file: keys/tokyo-ppk.psk, required: false }'),
    ]);
    const { code, out, err } = await sekisho('enrol', 'tokyo', '--again');
    expect([code, err]).toEqual([0, expect.stringContaining('tokyo-ppk.psk goes beside')]);
    expect(parseRouterFile(out, 'x').credential.ppk).toEqual({
      id: '1',
      file: 'tokyo-ppk.psk',
      required: false,
    });
  });
});

describe('server revoke --ca', () => {
  it('tells the server before it asks the authority, and again after the list', async () => {
    const ca = AuthorityFolder.create(path('ca'), 'ours', 'ed25519', 10);
    ca.issue('tokyo', 10);
    settings(
      [tokyo('router: certificate, server: certificate')],
      certificate.replace('caFile', 'crlFile: ca.crl, caFile'),
    );
    const lists: boolean[] = [];
    await serverSays(null, () => lists.push(existsSync(path('ca.crl'))));
    expect(await sekisho('revoke', 'tokyo', '--ca', 'ca')).toMatchObject({ code: 0 });
    expect(lists).toEqual([false, true]);
  });

  it('has cut the router off also where the authority fails', async () => {
    settings([tokyo('preSharedKeyFile: tokyo.psk')]);
    let reloads = 0;
    await serverSays(null, () => {
      reloads += 1;
    });
    expect(await sekisho('revoke', 'tokyo', '--ca', 'nowhere')).toMatchObject({ code: 1 });
    expect(reloads).toBe(1);
    expect(read('server.yaml')).toContain('revoked: ');
  });

  it('warns where the server does not take it', async () => {
    settings([tokyo('preSharedKeyFile: tokyo.psk')]);
    await serverSays('something is wrong');
    const { code, out, err } = await sekisho('revoke', 'tokyo', '--json');
    expect([code, err]).toEqual([1, expect.stringContaining('something is wrong')]);
    expect(JSON.parse(out)).toMatchObject({ router: 'tokyo', running: false, certificates: [] });
  });
});
