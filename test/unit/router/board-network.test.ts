import { describe, expect, it } from 'vitest';
import { readForms, writeForms } from '../../../host/flash/form.ts';
import { routerForms } from '../../../host/router/flash-document.ts';
import { parseRouterFile } from '../../../host/router/settings-file.ts';

const file = (network: string) => `version: 1
name: tokyo
credential: { preSharedKeyFile: tokyo.psk }
server: { address: 192.0.2.10 }
unprotected: { interface: unprotected0 }
network: ${network}
spd: []
`;
const networkOf = (network: string) => parseRouterFile(file(network), 'router.yaml').network;

describe('the network of a board', () => {
  it('has addresses by interface, and routes', () => {
    expect(
      networkOf(`
  addresses: { unprotected0: dhcp, protected0: [10.1.0.1/24, '2001:DB8:0::1/64'] }
  routes: [{ to: default, via: 10.1.0.9 }, { to: '2001:db8:5::/48', via: '2001:db8::9' }]`),
    ).toEqual({
      addresses: { unprotected0: 'dhcp', protected0: ['10.1.0.1/24', '2001:db8::1/64'] },
      routes: [
        { to: 'default', via: '10.1.0.9', family: 4 },
        { to: '2001:db8:5::/48', via: '2001:db8::9', family: 6 },
      ],
    });
    expect(parseRouterFile(file('').replace('network: \n', ''), 'router.yaml').network).toBeUndefined();
  });

  it.each([
    [
      '{ addresses: { protected0: static } }',
      /network\.addresses\.protected0: expected dhcp, or a list of addresses/,
    ],
    ['{ addresses: { protected0: [10.1.0.1] } }', /expected addresses with the length of their network/],
    ['{ addresses: { protected0: [10.1.0.1/33] } }', /expected addresses with the length of their network/],
    [
      '{ addresses: {}, routes: [{ to: 10.3.0.0/16, via: 2001:db8::1 }] }',
      /the same family as 10\.3\.0\.0\/16/,
    ],
    ['{ addresses: {}, routes: [{ to: everywhere, via: 10.0.0.1 }] }', /network\.routes\[0\]\.to/],
  ])('refuses %s', (network, message) => {
    expect(() => networkOf(network)).toThrow(message);
  });

  it('is nothing that the version before has words for; without it, that version reads everything', () => {
    const before = { version: 1, migrations: [] };
    const plain = { name: 'tokyo' };
    const withNetwork = { ...plain, network: { addresses: { protected0: 'dhcp' } } };
    expect(readForms(writeForms(plain, routerForms), before)).toMatchObject({ value: plain });
    expect(readForms(writeForms(withNetwork, routerForms), before).ok).toBe(false);
    expect(readForms(writeForms(plain, before), routerForms)).toMatchObject({ value: plain });
  });
});
