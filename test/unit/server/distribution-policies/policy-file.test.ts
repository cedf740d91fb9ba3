import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HostError } from '../../../../host/model/host-error.ts';
import { formatSelector } from '../../../../host/model/selector.ts';
import {
  parsePolicyFile,
  serverJsonSchema,
} from '../../../../host/server/distribution-policies/policy-file.ts';
import { defaultProcessingSettings } from '../../../../host/server/request-processing/settings.ts';

const small = `version: 1
routers:
  - name: tokyo
    credential: { preSharedKeyFile: tokyo.psk }
    networks: [10.1.0.0/16]
  - name: osaka
    credential: { preSharedKeyFile: osaka.psk }
    networks: [10.2.0.0/16, 'fd00:2::/48']
distributionPolicies:
  - kind: all
    between: [tokyo, osaka]
`;

/** The lines of the error that the text gives. */
function mistakes(text: string): string[] {
  try {
    parsePolicyFile(text, 'server.yaml');
  } catch (error) {
    if (error instanceof HostError && error.code === 'CONFIG_INVALID') return error.message.split('\n');
    throw error;
  }
  return [];
}

/** The small file with one thing exchanged. */
function changed(from: string, to: string): string {
  expect(small).toContain(from);
  return small.replace(from, to);
}

describe('the policy file', () => {
  it('needs no more than names, credentials, networks and pairs: everything else has a default', () => {
    const settings = parsePolicyFile(small, 'server.yaml');
    expect(settings).toMatchObject({
      identity: 'server',
      listen: [{ port: 4500 }],
      database: 'sekisho.sqlite',
      controlSocket: '/run/sekisho/server.sock',
      processing: defaultProcessingSettings,
    });
    expect(settings.routers.map(({ name, preSharedKeyFile }) => [name, preSharedKeyFile])).toEqual([
      ['tokyo', 'tokyo.psk'],
      ['osaka', 'osaka.psk'],
    ]);
    expect(settings.distributionPolicies).toEqual([
      {
        kind: 'all',
        between: ['tokyo', 'osaka'],
        selectors: undefined,
        protocol: 'esp',
        mode: 'tunnel',
        proposal: 'chacha20poly1305',
        lifetimeSeconds: 3600,
        lifetimeOctets: undefined,
        lifetimePackets: undefined,
        esn: true,
        replayWindow: 1024,
        encapsulation: 'auto',
        dscp: 'copy',
        dontFragment: 'copy',
        tfcPadding: 0,
        dummiesPerSecond: 0,
      },
    ]);
  });

  it('gives AH an integrity of its own where the policy names none, and takes GMAC for either', () => {
    const proposalOf = (more: string) =>
      parsePolicyFile(changed('kind: all', `kind: all\n    ${more}`), 'server.yaml').distributionPolicies[0];
    expect(proposalOf('protocol: ah')).toMatchObject({ protocol: 'ah', proposal: 'sha256' });
    for (const protocol of ['esp', 'ah'])
      expect(proposalOf(`protocol: ${protocol}\n    proposal: aes128gmac`)).toMatchObject({ protocol });
    expect(proposalOf('protocol: ah\n    encapsulation: raw')).toMatchObject({ encapsulation: 'raw' });
    expect(proposalOf('protocol: ah\n    proposal: md5\n    allowLegacy: true')).toMatchObject({
      proposal: 'md5',
    });
  });

  it('takes every field', () => {
    const settings = parsePolicyFile(
      changed(
        'kind: all\n    between: [tokyo, osaka]',
        `kind: web
    between: [tokyo, osaka]
    selectors:
      - { protocol: tcp, ports: 443 }
      - { protocol: udp, firstPorts: 1000-2000, secondPorts: 53, firstNetworks: 10.1.1.0/24 }
      - { protocol: icmp, icmpType: 8, secondNetworks: [10.2.0.0/24, 10.2.1.0/24] }
    mode: transport
    proposal: aes128-sha256
    lifetime: { seconds: 60, octets: 1000000, packets: 5000 }
    esn: false
    replayWindow: 64
    encapsulation: udp
    dscp: 46
    dontFragment: clear
    tfcPadding: 0
    dummiesPerSecond: 3`,
      ) +
        `server:
  identity: office
  listen: [{ address: 192.0.2.9 }, { address: '2001:db8::9', port: 4501 }]
  database: /var/lib/x.sqlite
  controlSocket: x.sock
  channel: { ikeSaLifetimeSeconds: 86400, childSaLifetimeSeconds: 600, datagramOctets: 1500 }
  timers: { startupIntervalSeconds: 0.5, startupTries: 2, repeatSeconds: 0.1, installWithinSeconds: 9 }
  capacity: { entries: 7, newEntriesBurst: 3, auditRows: 10 }
`,
      'server.yaml',
    );
    expect(settings.processing).toMatchObject({
      startupIntervalMs: 500,
      startupTries: 2,
      repeatMs: 100,
      installWithinMs: 9000,
      maximumEntries: 7,
      newEntriesBurst: 3,
    });
    expect(settings.auditRows).toBe(10);
    expect(settings.channel.datagramOctets).toBe(1500);
    expect(settings.channel.lifetimes).toEqual({ ikeSaLifetimeSeconds: 86_400, childSaLifetimeSeconds: 600 });
    expect(settings.listen.map(({ port }) => port)).toEqual([4500, 4501]);
    const [web] = settings.distributionPolicies;
    expect(web).toMatchObject({
      mode: 'transport',
      proposal: 'aes128-sha256',
      lifetimeSeconds: 60,
      lifetimeOctets: 1_000_000n,
      lifetimePackets: 5000n,
      esn: false,
      replayWindow: 64,
      encapsulation: 'udp',
      dscp: 46,
      dontFragment: 'clear',
      tfcPadding: 0,
      dummiesPerSecond: 3,
    });
    expect(web?.selectors?.map(formatSelector)).toEqual([
      // `ports` is the port of either end, in both families.
      '0.0.0.0/0 <-> 0.0.0.0/0 tcp local-port 443',
      '0.0.0.0/0 <-> 0.0.0.0/0 tcp remote-port 443',
      '::/0 <-> ::/0 tcp local-port 443',
      '::/0 <-> ::/0 tcp remote-port 443',
      '10.1.1.0/24 <-> 0.0.0.0/0 udp local-port 1000-2000 remote-port 53',
      '0.0.0.0/0 <-> 10.2.0.0/24 icmp type 8',
      '0.0.0.0/0 <-> 10.2.1.0/24 icmp type 8',
    ]);
  });

  it.each([
    [
      'an unknown router in a policy',
      '[tokyo, osaka]',
      '[tokyo, nara]',
      '11:22: distributionPolicies[0].between[1]: there is no router nara in routers',
    ],
    [
      'two routers of one name',
      'name: osaka',
      'name: tokyo',
      '6:11: routers[1].name: routers[0] is called tokyo too',
    ],
    [
      'overlapping networks',
      '10.2.0.0/16',
      '10.1.128.0/17',
      '8:16: routers[1].networks[0]: 10.1.128.0/17 overlaps 10.1.0.0/16 of router tokyo',
    ],
    [
      'a prefix with bits beyond its length',
      '10.1.0.0/16',
      '10.1.0.1/16',
      '5:16: routers[0].networks[0]: 10.1.0.1/16 has bits set beyond its length',
    ],
    [
      'an unknown field',
      'kind: all',
      'kind: all\n    lifetme: {}',
      '11:5: distributionPolicies[0].lifetme: no such field here',
    ],
    [
      'TFC padding that is no length and not mtu',
      'kind: all',
      'kind: all\n    tfcPadding: max',
      '11:17: distributionPolicies[0].tfcPadding: expected mtu, or octets from 0 to 65535',
    ],
    [
      'TFC padding in transport mode',
      'kind: all',
      'kind: all\n    mode: transport\n    tfcPadding: 100',
      '12:17: distributionPolicies[0].tfcPadding: is for tunnel mode: in transport mode nothing would tell',
    ],
    [
      'TFC padding that is no length',
      'kind: all',
      'kind: all\n    tfcPadding: 65536',
      '11:17: distributionPolicies[0].tfcPadding: expected number to be <=65535, found 65536',
    ],
    [
      'a legacy proposal',
      'kind: all',
      'kind: all\n    proposal: 3des-md5',
      '11:15: distributionPolicies[0].proposal: 3des-md5 is legacy (RFC 8221): choose another, or say allowLegacy: true beside it',
    ],
    [
      'allowLegacy that is no yes or no',
      'kind: all',
      'kind: all\n    allowLegacy: sure',
      '11:18: distributionPolicies[0].allowLegacy: expected boolean',
    ],
    [
      'an unknown proposal',
      'kind: all',
      'kind: all\n    proposal: des-md4',
      '11:15: distributionPolicies[0].proposal: expected chacha20poly1305, aes{256,128,192}{gcm,ccm}{16,12,8}, ',
    ],
    [
      'a lifetime that is too short',
      'kind: all',
      'kind: all\n    lifetime: { seconds: 5 }',
      '11:26: distributionPolicies[0].lifetime.seconds: expected number to be >=30',
    ],
    [
      'more packets than sequence numbers',
      'kind: all',
      'kind: all\n    esn: false\n    lifetime: { packets: 4294967296 }',
      '12:26: distributionPolicies[0].lifetime.packets: without esn an SA has 4294967295 sequence numbers',
    ],
    [
      'a replay window that is no power of two',
      'kind: all',
      'kind: all\n    replayWindow: 100',
      '11:19: distributionPolicies[0].replayWindow: expected 0, or a power of two from 64 to 8192',
    ],
    [
      'a proposal of ESP with AH',
      'kind: all',
      'kind: all\n    protocol: ah\n    proposal: aes128gcm16',
      'proposal: aes128gcm16 is not for ah: expected {sha512,sha384,sha256,sha1,aescmac}, aes{256,128,192}gmac',
    ],
    [
      'a proposal of AH with ESP',
      'kind: all',
      'kind: all\n    proposal: sha256',
      'distributionPolicies[0].proposal: sha256 is not for esp: expected chacha20poly1305',
    ],
    [
      'AH in UDP',
      'kind: all',
      'kind: all\n    protocol: ah\n    encapsulation: udp',
      'distributionPolicies[0].encapsulation: UDP carries ESP alone (RFC 3948): expected auto or raw with protocol ah',
    ],
    [
      'padding of AH',
      'kind: all',
      'kind: all\n    protocol: ah\n    tfcPadding: mtu',
      'distributionPolicies[0].tfcPadding: hides what AH shows anyway: expected 0 with protocol ah',
    ],
    [
      'a legacy proposal of AH',
      'kind: all',
      'kind: all\n    protocol: ah\n    proposal: md5',
      'distributionPolicies[0].proposal: md5 is legacy (RFC 8221)',
    ],
    [
      'the default proposal of AH where an end may not have it',
      'name: osaka\n',
      'name: osaka\n    proposals: [sha1]\n',
      'is not among the proposals of router osaka',
    ],
    [
      'a router with itself',
      '[tokyo, osaka]',
      '[tokyo, tokyo]',
      'distributionPolicies[0].between: expected two routers, found tokyo twice',
    ],
    [
      'ports without a protocol',
      'kind: all',
      'kind: all\n    selectors: [{ ports: 80 }]',
      '11:26: distributionPolicies[0].selectors[0].ports: ports need protocol',
    ],
    [
      'ports of either end and of one',
      'kind: all',
      'kind: all\n    selectors: [{ protocol: tcp, ports: 80, firstPorts: 1 }]',
      'distributionPolicies[0].selectors[0].ports: is the port of either end',
    ],
    [
      'selectors outside of the networks',
      'kind: all',
      'kind: all\n    selectors: [{ firstNetworks: 10.9.0.0/16 }]',
      '11:5: distributionPolicies[0].selectors: selects nothing between the networks of tokyo and osaka',
    ],
    [
      'a proposal that an end may not have',
      'name: osaka',
      'name: osaka\n    proposals: [aes128gcm16]',
      'distributionPolicies[0].proposal: chacha20poly1305 is not among the proposals of router osaka',
    ],
    [
      'another version',
      'version: 1',
      'version: 2',
      '1:10: version: expected 1, the version of this file format',
    ],
    [
      'a missing credential',
      '    credential: { preSharedKeyFile: tokyo.psk }\n',
      '',
      'routers[0].credential: missing; expected a credential with preSharedKeyFile',
    ],
    [
      'a name that cannot go into a message',
      'name: osaka',
      'name: "osaka 2"',
      '6:11: routers[1].name: expected 1 to 63 letters, digits',
    ],
    [
      'the same kind for one pair twice',
      '    between: [tokyo, osaka]',
      '    between: [tokyo, osaka]\n  - kind: all\n    between: [osaka, tokyo]',
      '12:11: distributionPolicies[1].kind: distributionPolicies[0] is all for the same routers too',
    ],
  ])('refuses %s with line, column and field', (_, from, to, expected) => {
    const found = mistakes(changed(from, to));
    expect(found.map((line) => line.replace('server.yaml:', '')).join('\n')).toContain(expected);
    for (const line of found) expect(line).toMatch(/^server\.yaml:\d+:\d+: \S+: \S/);
  });

  it('lists all mistakes at once, those across the file too', () => {
    const found = mistakes(`version: 1
routers:
  - { name: tokyo, credential: { preSharedKeyFile: a }, networks: [10.1.0.0/33] }
  - { name: tokyo, credential: { preSharedKeyFile: b }, networks: [10.2.0.0/16] }
  - { name: osaka, credential: {}, networks: [10.2.1.0/24] }
distributionPolicies:
  - { kind: x, between: [tokyo, nara], lifetime: { seconds: 1 } }
extra: true
`);
    expect(found.map((line) => line.split(': ')[1])).toEqual([
      'routers[0].networks[0]',
      'routers[1].name',
      'routers[2].credential.preSharedKeyFile',
      'routers[2].networks[0]',
      'distributionPolicies[0].between[1]',
      'distributionPolicies[0].lifetime.seconds',
      'extra',
    ]);
  });

  it.each([
    '',
    '[]',
    'null',
    'x',
    'routers: x',
    'routers: [1, null, []]\ndistributionPolicies: [{between: [[],{}]}, 7]',
  ])('refuses %j without falling over', (text) => {
    expect(mistakes(text).length).toBeGreaterThan(0);
  });

  it('has a JSON Schema that is current', () => {
    const path = new URL('../../../../host/server/distribution-policies/server.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(JSON.stringify(serverJsonSchema())));
  });
});
