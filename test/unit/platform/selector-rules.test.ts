import { describe, expect, it } from 'vitest';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { renderSelectorRules } from '../../../host/platform/selector-rules.ts';
import { entry, only, selector } from '../../lab/platform/spd.ts';

const verdicts = { engine: 'ENGINE', bypass: 'BYPASS' };

function rules(entries: SpdEntry[], direction: 'outbound' | 'inbound' = 'outbound'): string[] {
  return renderSelectorRules(entries, direction, verdicts);
}

describe('the rules of an SPD', () => {
  it('name source and destination by direction', () => {
    const entries = [entry('a', 'PROTECT', '10.1.0.0/24', '10.2.0.0/24')];
    expect(rules(entries)).toEqual([
      'meta nfproto ipv4 ip saddr 10.1.0.0/24 ip daddr 10.2.0.0/24 ENGINE comment "a"',
    ]);
    expect(rules(entries, 'inbound')).toEqual([
      'meta nfproto ipv4 ip daddr 10.1.0.0/24 ip saddr 10.2.0.0/24 ENGINE comment "a"',
    ]);
  });

  it('ask for the family alone where both prefixes are everything', () => {
    expect(rules([entry('a', 'DISCARD', '::/0', '::/0')])).toEqual(['meta nfproto ipv6 ENGINE comment "a"']);
  });

  it('let a packet leave a PROTECT entry only where it is seen not to match', () => {
    const web = entry('web', 'PROTECT', '10.1.0.0/24', '10.2.0.0/24', {
      protocol: 6,
      localPorts: { first: 1024, last: 65535 },
      remotePorts: only(443),
    });
    expect(rules([web])).toEqual([
      'meta nfproto ipv4 ip saddr 10.1.0.0/24 ip daddr 10.2.0.0/24 jump { meta l4proto != 6 return; ' +
        'ip frag-off & 0x1fff != 0 ENGINE; th sport != 1024-65535 return; th dport != 443 return; ENGINE; } comment "web"',
    ]);
    expect(rules([web], 'inbound')[0]).toContain('th dport != 1024-65535 return; th sport != 443 return;');
  });

  it('let a packet past by BYPASS only where it is seen to match', () => {
    const ping = entry('ping', 'BYPASS', 'fd01::/64', 'fd02::/64', {
      protocol: 58,
      icmpType: { first: 128, last: 129 },
      icmpCode: only(0),
    });
    expect(rules([ping])).toEqual([
      'meta nfproto ipv6 ip6 saddr fd01::/64 ip6 daddr fd02::/64 jump { frag frag-off != 0 return; ' +
        'frag nexthdr != 58 return; meta l4proto 58 icmpv6 type 128-129 icmpv6 code 0 BYPASS; } comment "ping"',
    ]);
  });

  it('become one rule with a set where neighbours can change places, and only there', () => {
    const rendered = rules([
      entry('b', 'PROTECT', '10.1.0.0/24', '10.2.0.0/24'),
      entry('c', 'DISCARD', '10.1.0.0/24', '10.3.0.0/16'),
      entry('d', 'PROTECT', '10.1.0.0/24', '10.3.7.0/24'),
      entry('e', 'PROTECT', '10.9.0.0/24', '10.2.0.0/24'),
      entry('f', 'BYPASS', '10.1.0.0/24', '10.4.0.0/24'),
      entry('g', 'PROTECT', '10.1.0.0/24', '10.5.0.0/24'),
    ]);
    expect(rendered).toEqual([
      'meta nfproto ipv4 ip saddr 10.1.0.0/24 ip daddr { 10.3.0.0/16, 10.2.0.0/24 } ENGINE comment "b, c, d"',
      'meta nfproto ipv4 ip saddr 10.9.0.0/24 ip daddr 10.2.0.0/24 ENGINE comment "e"',
      'meta nfproto ipv4 ip saddr 10.1.0.0/24 ip daddr 10.4.0.0/24 BYPASS comment "f"',
      'meta nfproto ipv4 ip saddr 10.1.0.0/24 ip daddr 10.5.0.0/24 ENGINE comment "g"',
    ]);
  });

  it('leave out what no packet can match', () => {
    const impossible = [
      selector('10.1.0.0/24', '10.2.0.0/24', { protocol: 47, localPorts: only(1) }),
      selector('10.1.0.0/24', '10.2.0.0/24', { protocol: 6, icmpType: only(8) }),
      selector('10.1.0.0/24', '10.2.0.0/24', { localPorts: only(1), icmpType: only(8) }),
    ];
    expect(rules([{ name: 'none', action: 'PROTECT', requestPeer: 'p', selectors: impossible }])).toEqual([]);
  });

  it('refuse prefixes of two families', () => {
    expect(() => rules([entry('mixed', 'PROTECT', '10.1.0.0/24', 'fd02::/64')])).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('"mixed"') }),
    );
  });

  it('carry no character of a name that nftables would read', () => {
    const name = 'x" drop; } \n table inet evil { # é';
    expect(rules([entry(name, 'BYPASS', '10.1.0.0/24', '10.2.0.0/24')])[0]).toMatch(
      / BYPASS comment "x\? drop\? \? \? table inet evil \? \? \?"$/,
    );
  });
});
