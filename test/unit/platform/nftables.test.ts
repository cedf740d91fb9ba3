import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { networkPlan } from '../../../host/platform/network-setup.ts';
import { type GuardCounters, renderGuard } from '../../../host/platform/nftables.ts';
import { entry, only } from '../../lab/platform/spd.ts';
import { describeWith } from '../../requirements.ts';

const plan = networkPlan({
  entries: [
    entry('dns', 'BYPASS', '10.1.0.0/24', '10.2.0.0/24', { protocol: 17, remotePorts: only(53) }),
    entry('site', 'PROTECT', '10.1.0.0/24', '10.2.0.0/24'),
    entry('ports', 'PROTECT', 'fd01::/64', '::/0', { localPorts: { first: 1, last: 99 } }),
    entry('ping', 'DISCARD', '0.0.0.0/0', '10.9.0.0/16', {
      icmpType: only(8),
      icmpCode: { first: 0, last: 3 },
    }),
    entry('gre', 'BYPASS', '10.1.0.0/24', '0.0.0.0/0', { protocol: 47 }),
  ],
  tunName: 'sekisho0',
  protectedInterfaces: ['lan0', 'br-lan.7'],
  unmatched: 'discard',
});

const isUserNamespace = !/^\s*0\s+0\s+4294967295$/m.test(readFileSync('/proc/self/uid_map', 'utf8'));

/** The lines of one chain, trimmed. */
function chain(text: string, name: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const start = lines.indexOf(`chain ${name} {`);
  return lines.slice(start + 1, lines.indexOf('}', start));
}

describe('the guard as text', () => {
  it('replaces the table as a whole and touches no other', () => {
    const text = renderGuard(plan);
    expect(text.split('\n').slice(0, 3)).toEqual([
      'add table inet sekisho',
      'delete table inet sekisho',
      'table inet sekisho {',
    ]);
    expect(text.match(/^(?:add |delete )?table .*$/gm)).toHaveLength(3);
    expect(text).not.toMatch(/flush/);
  });

  it('never steers what bears our mark or leads to the inside, before any selector', () => {
    const rules = chain(renderGuard(plan), 'steer-local');
    expect(rules.slice(0, 4)).toEqual([
      'type route hook output priority mangle; policy accept;',
      'meta mark 0x5e4b accept',
      'oifname { "lo", "sekisho0", "lan0", "br-lan.7" } accept',
      'ip6 hoplimit 255 icmpv6 type { 133, 134, 135, 136, 137 } accept',
    ]);
  });

  it('drops marked packets that leave by anything but the TUN, before anything is let past', () => {
    const rules = chain(renderGuard(plan), 'outbound-guard');
    expect(rules.slice(1, 3)).toEqual([
      'oifname "sekisho0" accept',
      'meta mark 0x5e4a counter name "leaks-prevented" drop',
    ]);
  });

  it('leaves forwarding alone on a machine without a protected side', () => {
    const text = renderGuard({ ...plan, protectedInterfaces: [] });
    expect(chain(text, 'steer-forwarded')).toEqual([
      'type filter hook prerouting priority mangle; policy accept;',
    ]);
    expect(text).not.toContain('counter name "unmatched');
  });

  it('drops or passes what no selector matches, as the settings say', () => {
    expect(renderGuard(plan).match(/counter name "unmatched-/g)).toHaveLength(3);
    expect(renderGuard({ ...plan, unmatched: 'bypass' })).not.toContain('counter name "unmatched');
  });

  it('goes on counting where it is told to', () => {
    const zero = { packets: 0, octets: 0 };
    const counters: GuardCounters = {
      'steered-forwarded': zero,
      'steered-local': zero,
      'leaks-prevented': { packets: 2, octets: 18 },
      'cleartext-refused': zero,
      'unmatched-outbound': zero,
      'unmatched-inbound': zero,
    };
    expect(renderGuard(plan, counters)).toContain('counter leaks-prevented { packets 2 bytes 18; }');
  });

  it.each(['a b', 'a"; drop', 'sixteen-octets-x', '', 'a/b', 'é'])('refuses interface name %j', (name) => {
    expect(() => renderGuard({ ...plan, protectedInterfaces: [name] })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
    expect(() => renderGuard({ ...plan, tunName: name })).toThrow();
  });
});

describeWith(['root', 'network namespaces', 'nft'], 'nft', () => {
  it.each([
    ['a router', plan],
    ['a router that passes the unmatched', { ...plan, unmatched: 'bypass' as const }],
    ['a single machine', { ...plan, protectedInterfaces: [] }],
    ['an empty SPD', { ...plan, entries: [] }],
  ])('accepts the guard of %s', (_what, one) => {
    const nft = spawnSync('unshare', ['-n', 'nft', '-f', '-'], { input: renderGuard(one), encoding: 'utf8' });
    expect(nft.stderr).toBe('');
    expect(nft.status).toBe(0);
  });

  // In a user namespace a transaction is bounded by net.core.wmem_max.
  it.skipIf(isUserNamespace)('loads an SPD of 2000 entries in less than 5 s', () => {
    const entries = Array.from({ length: 2000 }, (_, i) =>
      entry(
        `site ${i}`,
        'PROTECT',
        '10.0.0.0/16',
        `172.16.${i >> 8}.${i & 255}/32`,
        i % 10 === 0 ? { protocol: 6, remotePorts: only(i + 1) } : {},
      ),
    );
    const start = performance.now();
    const nft = spawnSync('unshare', ['-n', 'nft', '-f', '-'], {
      input: renderGuard({ ...plan, entries }),
      encoding: 'utf8',
    });
    expect(nft.stderr).toBe('');
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
