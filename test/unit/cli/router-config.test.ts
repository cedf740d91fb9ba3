/** `sekisho router config` with a device that no router uses: from what `server enrol` prints to a factory reset. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const command = new URL('../../../tools/sekisho.js', import.meta.url).pathname;

let folder: string;
let flash: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-config-'));
  flash = join(folder, 'flash');
  writeFileSync(flash, '', { mode: 0o600 });
  truncateSync(flash, 256 * 1024);
});
afterEach(() => rmSync(folder, { recursive: true }));

function sekisho(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: folder,
    encoding: 'utf8',
    input,
  });
  return { status, stdout, stderr };
}

function config(...args: string[]) {
  return sekisho(['router', 'config', ...args, '--flash', flash]);
}

const serverFile = `version: 1
server: { listen: [{ address: 192.0.2.10 }], database: server.sqlite, controlSocket: server.sock }
routers: []
distributionPolicies: [{ kind: all, between: ['*', '*'] }]
`;

describe('the config flash of a new router', () => {
  it('is filled with what `server enrol` prints, shown without its key, changed, and forgotten', () => {
    writeFileSync(join(folder, 'server.yaml'), serverFile);
    const enrol = ['server', 'enrol', 'tokyo', '--config', 'server.yaml', '--networks', '10.1.0.0/16'];
    const enrolled = sekisho(enrol);
    expect(enrolled.status).toBe(0);
    const key: string = parse(enrolled.stdout).credential.preSharedKey;

    const applied = sekisho(['router', 'config', 'apply', '-', '--flash', flash], enrolled.stdout);
    expect(applied).toMatchObject({ status: 0, stdout: '' });
    expect(applied.stderr).toBe('revision 1 is written; a router that starts has it in force\n');
    expect(readFileSync(flash).includes(key)).toBe(true);

    const shown = config('show');
    expect(shown.stdout).toMatch(/^# .*flash: revision 1 in force\n/);
    expect(parse(shown.stdout)).toMatchObject({
      name: 'tokyo',
      credential: { preSharedKeyFile: 'flash:preSharedKey' },
      server: { address: '192.0.2.10' },
    });
    const entry =
      '{ name: to-osaka, selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16 }, action: PROTECT, requestPeer: osaka }';
    expect(config('set', 'spd[+]', entry)).toMatchObject({ status: 0 });
    expect(config('set', 'spd[to-osaka].requestPeer', '--remove')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/spd\[0\]\.requestPeer: missing: PROTECT needs/),
    });
    const json = JSON.parse(config('show', '--json').stdout);
    expect(json).toMatchObject({
      state: { revision: 2, previous: 1, trial: null, keyStore: null, problems: [] },
    });
    expect(parse(json.settings).spd).toHaveLength(1);
    expect(config('rollback')).toMatchObject({ status: 0 });
    expect(parse(config('show').stdout).spd).toEqual([]);
    const state = config('show', '--state');
    expect(state).toMatchObject({ status: 0, stdout: expect.stringMatching(/credentials +not encrypted/) });

    expect(config('factory-reset').status).toBe(2);
    expect(config('factory-reset', '--yes').status).toBe(0);
    expect(readFileSync(flash).includes(key)).toBe(false);
    expect(config('set', 'server.port', '1')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/there are no settings yet/),
    });
    for (const { stdout, stderr } of [applied, shown, state]) expect(stdout + stderr).not.toContain(key);
  });

  it('is sealed with the key of the board, where it has one', () => {
    const keyFile = join(folder, 'board.key');
    writeFileSync(keyFile, new Uint8Array(32).fill(9), { mode: 0o600 });
    const secret = 'a-key-that-nobody-sees';
    const settings = `version: 1\nname: tokyo\ncredential: { preSharedKey: ${secret} }\nserver: { address: 192.0.2.10 }\nunprotected: { interface: eth0 }\nspd: []\n`;
    writeFileSync(join(folder, 'open.yaml'), settings, { mode: 0o644 });
    expect(config('apply', 'open.yaml', '--flash-key', keyFile)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/CREDENTIAL_EXPOSED/),
    });
    writeFileSync(join(folder, 'tokyo.yaml'), settings, { mode: 0o600 });
    expect(config('apply', 'tokyo.yaml', '--flash-key', keyFile)).toMatchObject({ status: 0 });
    expect(readFileSync(flash).includes(secret)).toBe(false);
    expect(config('set', 'server.port', '4600')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/sealed by the key store device-key; this router has none/),
    });
    expect(config('set', 'server.port', '4600', '--flash-key', keyFile)).toMatchObject({ status: 0 });
    writeFileSync(keyFile, new Uint8Array(31), { mode: 0o600 });
    expect(config('rollback', '--flash-key', keyFile)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/expected a device key of 32 octets, found 31/),
    });
  });

  it('is never written in clear where the TPM that is named does not answer', () => {
    const secret = 'a-key-that-nobody-sees';
    const settings = `version: 1\nname: tokyo\ncredential: { preSharedKey: ${secret} }\nserver: { address: 192.0.2.10 }\nunprotected: { interface: eth0 }\nspd: []\n`;
    writeFileSync(join(folder, 'tokyo.yaml'), settings, { mode: 0o600 });
    const absent = ['--flash-tpm', join(folder, 'no-tpm')];
    expect(config('apply', 'tokyo.yaml', ...absent)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/expected a TPM 2\.0 at .*no-tpm: ENOENT.*CREDENTIAL_UNREADABLE/),
    });
    expect(readFileSync(flash).includes(secret)).toBe(false);
    // What is there in clear already can be looked at without it, and is not changed.
    expect(config('apply', 'tokyo.yaml').status).toBe(0);
    const before = readFileSync(flash);
    expect(config('show', '--state', ...absent)).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/not encrypted: who has the flash.*not encrypted yet/s),
    });
    expect(config('set', 'server.port', '4600', ...absent)).toMatchObject({ status: 1 });
    expect(readFileSync(flash).equals(before)).toBe(true);
    expect(config('show', '--flash-key', 'a', ...absent)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/a board has one key store/),
    });
  });

  it('does not take the place of something else', () => {
    writeFileSync(flash, Buffer.alloc(256 * 1024, 'another file system '), { mode: 0o600 });
    const before = readFileSync(flash);
    writeFileSync(join(folder, 'tokyo.yaml'), 'version: 1\n', { mode: 0o600 });
    expect(config('show', '--state')).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/no config flash/),
    });
    expect(config('factory-reset', '--yes')).toMatchObject({ status: 1 });
    expect(readFileSync(flash).equals(before)).toBe(true);
    expect(config('factory-reset', '--yes', '--overwrite')).toMatchObject({ status: 0 });
    expect(config('show', '--state')).toMatchObject({ status: 0 });
  });
});

describe('sekisho router', () => {
  it('wants a file or a flash', () => {
    for (const args of [[], ['--config', 'a', '--flash', 'b'], ['--flash-key', 'c']]) {
      expect(sekisho(['router', ...args])).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/--flash DEVICE/),
      });
    }
  });
});
