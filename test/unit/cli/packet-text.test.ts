import { describe, expect, it } from 'vitest';
import { formatPacket, parsePacket } from '../../../host/cli/packet-text.ts';
import { type Prefix, parsePrefix } from '../../../host/model/prefix.ts';

function prefixes(...texts: string[]): Prefix[] {
  return texts.map((text) => {
    const parsed = parsePrefix(text);
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.value;
  });
}

const here = prefixes('2001:db8:1::/48', '10.1.0.0/24');
const there = prefixes('10.2.0.7/32');

const read = (text: string): string => formatPacket(parsePacket(text.split(' '), here, there));

describe('a packet as people type it', () => {
  it.each([
    ['tcp 443', 'tcp from 10.1.0.1 port 49152 to 10.2.0.7 port 443'],
    ['udp 5000:53', 'udp from 10.1.0.1 port 5000 to 10.2.0.7 port 53'],
    ['tcp', 'tcp from 10.1.0.1 port 49152 to 10.2.0.7 port 49152'],
    ['icmp 8/0', 'icmp type 8 code 0 from 10.1.0.1 to 10.2.0.7'],
    ['icmp 3', 'icmp type 3 code 0 from 10.1.0.1 to 10.2.0.7'],
    ['icmp', 'icmp from 10.1.0.1 to 10.2.0.7'],
    ['47', 'gre from 10.1.0.1 to 10.2.0.7'],
    ['OSPF', 'ospf from 10.1.0.1 to 10.2.0.7'],
    ['10.1.0.5 10.2.0.9 tcp 22', 'tcp from 10.1.0.5 port 49152 to 10.2.0.9 port 22'],
    ['2001:db8:1::5 2001:db8::9 udp 1', 'udp from 2001:db8:1::5 port 49152 to 2001:db8::9 port 1'],
  ])('%s is %s', (text, meaning) => {
    expect(read(text)).toBe(meaning);
  });

  it.each([
    ['tcpp 443', 'a protocol from 0 to 255 or one of icmp'],
    ['256', 'a protocol from 0 to 255'],
    ['tcp 65536', 'a port, or local:remote (0 to 65535)'],
    ['tcp 1:2:3', 'a port, or local:remote'],
    ['tcp http', 'a port, or local:remote'],
    ['icmp 8/256', 'an ICMP type, or type/code (0 to 255)'],
    ['gre 1', 'nothing behind a protocol without ports'],
    ['tcp 1 2', 'nothing behind "1", found "2"'],
    ['10.1.0.5 tcp', 'the address of B behind that of A'],
    ['10.1.0.5 2001:db8::9 tcp', 'two addresses of one family'],
    ['10.1.0.5 10.2.0.9', 'a protocol, such as tcp'],
  ])('%s is refused', (text, message) => {
    expect(() => read(text)).toThrow(`selector: expected ${message}`);
  });

  it('needs addresses where the networks have no family in common', () => {
    expect(() => parsePacket(['tcp'], prefixes('2001:db8::/32'), there)).toThrow('no family in common');
  });
});
