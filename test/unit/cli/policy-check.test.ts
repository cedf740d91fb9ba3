import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const command = new URL('../../../tools/sekisho.js', import.meta.url).pathname;

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-policy-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function check(text: string, ...options: string[]) {
  const file = join(folder, 'settings.yaml');
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [command, 'policy', 'check', file, ...options],
    {
      encoding: 'utf8',
    },
  );
  return { status, out: stdout.replaceAll(folder, ''), err: stderr.replaceAll(folder, '') };
}

const router = `version: 1
name: tokyo
credential: {preSharedKeyFile: tokyo.psk}
server: {address: 192.0.2.9}
unprotected: {interface: wan}
spd:
  - name: to-osaka
    selector: {local: 10.1.0.0/24, remote: 10.2.0.0/24}
    action: PROTECT
    requestPeer: osaka
`;

const server = `version: 1
server:
  listen: [{address: 192.0.2.9}]
routers:
  - name: tokyo
    credential: {preSharedKeyFile: tokyo.psk}
    networks: [10.1.0.0/24]
  - name: osaka
    credential: {preSharedKeyFile: osaka.psk}
    networks: [10.2.0.0/24]
distributionPolicies:
  - kind: any
    between: ["*", "*"]
`;

describe('sekisho policy check', () => {
  it('finds a right file of a router or of a server right, and knows which it is', () => {
    expect(check(router)).toEqual({
      status: 0,
      out: '/settings.yaml: right, the settings of a router\n',
      err: '',
    });
    expect(check(server)).toEqual({
      status: 0,
      out: '/settings.yaml: right, the settings of a server\n',
      err: '',
    });
  });

  it('names line, column and field of every mistake, and ends with 1', () => {
    const { status, out } = check(router.replace('10.2.0.0/24', '10.2.0.0/33').replace('PROTECT', 'protect'));
    expect(status).toBe(1);
    expect(out).toMatch(/^\/settings\.yaml:8:\d+: spd\[0\]\.selector\.remote: .*10\.2\.0\.0\/33/m);
    expect(out).toMatch(/^\/settings\.yaml:9:\d+: spd\[0\]\.action: expected PROTECT/m);
    expect(out).toMatch(/^2 mistakes; nothing of the file would be used$/m);
  });

  it('does so for a server, across the parts of its file', () => {
    const { status, out } = check(
      server.replace('10.2.0.0/24', '10.1.0.0/16').replace('"*", "*"', 'tokyo, kyoto'),
    );
    expect(status).toBe(1);
    expect(out).toMatch(/^\/settings\.yaml:\d+:\d+: routers\[\d\]\.networks\[0\]: .*overlaps/m);
    expect(out).toMatch(
      /^\/settings\.yaml:13:\d+: distributionPolicies\[0\]\.between\[1\]: there is no router kyoto/m,
    );
  });

  it('tells programs the same', () => {
    const { status, out } = check(router.replace('PROTECT', 'protect'), '--json');
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      role: 'router',
      ok: false,
      problems: [{ line: 9, message: expect.stringContaining('spd[0].action') }],
    });
  });

  it.each([
    ['no YAML', 'a: [1', /:1:\d+: /],
    [
      'another file',
      'hello: world',
      /expected the settings of a server \(routers, distributionPolicies\) or of a router/,
    ],
    ['nothing', '', /expected the settings of a server/],
    ['a list', '- 1', /expected the settings of a server/],
  ])('says of %s what it expected', (_, text, message) => {
    const { status, out, err } = check(text);
    expect(status).toBe(1);
    expect(out + err).toMatch(message);
  });

  it('says so when there is no such file', () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [command, 'policy', 'check', join(folder, 'none')],
      {
        encoding: 'utf8',
      },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^sekisho: cannot read .*none: ENOENT.*\(CONFIG_INVALID\)$/m);
  });

  it('warns of a right file whose policies protect little', () => {
    const weak = `${server}    proposal: 3des-md5
    allowLegacy: true
  - kind: readable
    between: [tokyo, osaka]
    proposal: aes128gmac
`;
    const warnings = [
      'policy any between * and *: 3des-md5 is legacy (RFC 8221): use it only with a peer that has nothing better',
      'policy readable between tokyo and osaka: aes128gmac does not encrypt: everyone on the way can read the packets',
    ];
    const found = check(weak);
    expect(found.status).toBe(0);
    expect(found.out.trim().split('\n').slice(1)).toEqual(warnings.map((warning) => `warning: ${warning}`));
    expect(JSON.parse(check(weak, '--json').out)).toMatchObject({ ok: true, problems: [], warnings });
  });
});
