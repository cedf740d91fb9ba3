/** Routers of the lab as guests of QEMU: which they are, what their network looks like, what is on their disks. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseRouterFile } from '../../../../host/router/settings-file.ts';
import { writeGuestSettings } from '../../../../tools/lab/guest-settings.ts';
import { plugInGuests } from '../../../../tools/lab/guest-wires.ts';
import { readOptions } from '../../../../tools/lab/options.ts';
import { planTopology } from '../../../../tools/lab/topology-plan.ts';

describe('the command line', () => {
  it('takes a board, and one guest or three', () => {
    expect(readOptions(['--qemu', 'qemu-x86_64'])).toMatchObject({ qemu: 'qemu-x86_64', qemuOne: false });
    expect(readOptions(['--qemu', 'b', '--qemu-one', '--once'])).toMatchObject({ qemuOne: true, once: true });
  });

  it('takes the version-ups of one guest, in a short form too', () => {
    const options = readOptions(['--qemu', 'b', '--scenario', 'version-up', '--short']);
    expect(options).toMatchObject({ scenario: 'version-up', qemuOne: true, short: true });
  });

  it.each([
    [['--scenario', 'version-up'], '--scenario version-up: expected --qemu BOARD beside it'],
    [['--qemu', 'b', '--short'], '--short: expected --scenario version-up beside it'],
    [['--qemu-one'], '--qemu-one: expected --qemu BOARD beside it'],
    [['--qemu', 'b', '--save-keys', 'keys'], '--qemu b: expected no --save-keys beside it'],
    [['--qemu', 'b', '--scenario', 'nat'], '--qemu b: expected no --scenario beside it'],
  ])('%j: %s', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});

describe('the network', () => {
  const plan = planTopology();
  const plugged = plugInGuests(plan, new Set(['tokyo']));

  it('leaves a guest’s namespace without addresses, routes and forwarding, with a TAP interface at each link', () => {
    expect(plugged.namespaces.find(({ name }) => name === 'tokyo')?.forwards).toBe(false);
    expect(plugged.routes.filter(({ namespace }) => namespace === 'tokyo')).toEqual([]);
    const ends = plugged.links.flat().filter(({ namespace }) => namespace === 'tokyo');
    expect(ends.map(({ device, addresses }) => [device, addresses])).toEqual([
      ['wan0', []],
      ['lan0', []],
    ]);
    expect(plugged.bridges).toEqual([
      { namespace: 'tokyo', device: 'wan0', tap: 'tap-wan0' },
      { namespace: 'tokyo', device: 'lan0', tap: 'tap-lan0' },
    ]);
  });

  it('changes nothing elsewhere', () => {
    const elsewhere = (links: typeof plan.links) =>
      links.filter((ends) => ends.every(({ namespace }) => namespace !== 'tokyo'));
    expect(elsewhere(plugged.links)).toEqual(elsewhere(plan.links));
    expect(plugged.sites).toEqual(plan.sites);
  });
});

describe('the settings on a guest’s disk', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sekisho-guest-settings-'));
    const inNamespace = {
      version: 1,
      name: 'tokyo',
      credential: { preSharedKeyFile: 'tokyo.psk' },
      server: { address: '192.0.2.10' },
      unprotected: { interface: 'wan0' },
      protected: { interfaces: ['lan0'] },
      controlSocket: '/somewhere/tokyo.sock',
      spd: [],
    };
    writeFileSync(join(folder, 'tokyo.yaml'), stringify(inNamespace));
    writeFileSync(join(folder, 'tokyo.psk'), 'secret', { mode: 0o600 });
    writeGuestSettings(join(folder, 'board'), planTopology(), 'tokyo', join(folder, 'tokyo.yaml'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (name: string) => readFileSync(join(folder, 'board', name), 'utf8');

  it('name the board’s ports and its own control socket, and are what a router reads', () => {
    const file = parse(read('router.yaml'));
    expect(file).toMatchObject({
      unprotected: { interface: 'unprotected0' },
      protected: { interfaces: ['protected0'] },
    });
    expect(parseRouterFile(read('router.yaml'), 'router.yaml').controlSocket).toBe(
      '/run/sekisho/router.sock',
    );
  });

  it('have the key beside them, closed to others', () => {
    expect(readdirSync(join(folder, 'board')).sort()).toEqual(['router.yaml', 'tokyo.psk']);
    expect(read('tokyo.psk')).toBe('secret');
    expect(statSync(join(folder, 'board', 'tokyo.psk')).mode & 0o077).toBe(0);
  });

  it('give the board the addresses and the route that the namespace would have', () => {
    expect(parseRouterFile(read('router.yaml'), 'router.yaml').network).toEqual({
      addresses: { unprotected0: ['198.51.100.10/25'], protected0: ['10.1.0.1/24', 'fdca:5e1:1::1/64'] },
      routes: [{ to: 'default', via: '198.51.100.1', family: 4 }],
    });
  });
});
