import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const command = new URL('../../../tools/sekisho.js', import.meta.url).pathname;

const server = `version: 1
server: {listen: [{address: 192.0.2.9}]}
routers:
  - {name: tokyo, credential: {preSharedKeyFile: a}, networks: [10.1.0.0/24]}
  - {name: osaka, credential: {preSharedKeyFile: b}, networks: [10.2.0.0/24]}
  - {name: kyoto, credential: {preSharedKeyFile: c}, networks: [10.3.0.0/24]}
distributionPolicies:
  - {kind: web, between: [tokyo, osaka], selectors: [{protocol: tcp, secondPorts: 443}]}
  - {kind: any, between: [tokyo, "*"]}
`;

const router = (name: string, peer: string): string => `version: 1
name: ${name}
credential: {preSharedKeyFile: x}
server: {address: 192.0.2.9}
unprotected: {interface: wan}
spd:
  - {name: one, selector: {local: 10.1.0.0/24, remote: 10.2.0.0/24}, action: PROTECT, requestPeer: ${peer}}
`;

let folder = '';
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-explain-'));
  writeFileSync(at('server.yaml'), server);
  writeFileSync(at('tokyo.yaml'), router('tokyo', 'osaka'));
  writeFileSync(at('osaka.yaml'), router('osaka', 'tokyo'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function policy(...args: string[]) {
  return spawnSync(process.execPath, [command, 'policy', ...args], { encoding: 'utf8' });
}

const explain = (...words: string[]) => policy('explain', ...words, '--config', at('server.yaml'));

describe('sekisho policy explain', () => {
  it('says which policy a packet gets, in its direction, and why the others not', () => {
    const there = JSON.parse(explain('tokyo', 'osaka', 'tcp', '443', '--json').stdout);
    expect([there.applies, there.policies[1].verdict]).toEqual(['web', 'later']);
    const back = JSON.parse(explain('osaka', 'tokyo', 'tcp', '443', '--json').stdout);
    expect([back.applies, back.policies[0].verdict]).toEqual(['any', 'no-match']);
    const answer = explain('osaka', 'tokyo', 'tcp', '443:50000');
    expect(answer.stdout).toMatch(
      /^packet: tcp from 10\.2\.0\.1 port 443 to 10\.1\.0\.1 port 50000\nweb applies\n/,
    );
    expect(answer.status).toBe(0);
  });

  it('ends with 1 when there is none, for the packet, the pair or the name', () => {
    expect(explain('tokyo', 'osaka', '10.9.0.1', '10.2.0.1', 'udp')).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('no corresponding entry'),
    });
    expect(explain('osaka', 'kyoto')).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('no policy is for osaka and kyoto'),
    });
    expect(explain('tokyo', 'nagoya', 'tcp')).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('router nagoya is not in the file'),
    });
  });

  it('ends with 2 when it was asked wrongly', () => {
    expect(explain('tokyo', 'osaka', 'tcpp').status).toBe(2);
    const wrongFile = policy('explain', 'tokyo', 'osaka', '--config', at('tokyo.yaml'));
    expect(wrongFile.status).toBe(2);
    expect(wrongFile.stderr).toContain('is the file of a router');
  });
});

describe('sekisho policy count', () => {
  it('counts real files: two routers by their own files, three in the server’s, two policies', () => {
    const { status, stdout } = policy(
      'count',
      at('server.yaml'),
      at('tokyo.yaml'),
      at('osaka.yaml'),
      '--json',
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      routers: 3,
      pairs: 2,
      atRouters: 4,
      atServerForRouters: 6,
      distributionPolicies: 2,
      typed: 12,
      conventional: 8,
      spdSelectors: 2,
    });
  });

  it('wants one server', () => {
    expect(policy('count', at('server.yaml'), at('server.yaml')).status).toBe(2);
  });
});
