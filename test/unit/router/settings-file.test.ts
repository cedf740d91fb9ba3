import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultChannelProposals } from '../../../host/model/child-proposal.ts';
import { holdsSecret, withoutSecrets } from '../../../host/model/credential-sources.ts';
import { HostError } from '../../../host/model/host-error.ts';
import { formatSelector } from '../../../host/model/selector.ts';
import { defaultSettingTimers } from '../../../host/router/setting-management/timers.ts';
import { parseRouterFile, routerJsonSchema } from '../../../host/router/settings-file.ts';

const least = `version: 1
name: tokyo
credential: { preSharedKeyFile: tokyo.psk }
server: { address: 203.0.113.1 }
unprotected: { interface: wan0 }
`;

const whole = `${least}protected: { interfaces: [lan0, lan1] }
tunnel: { interface: tun7, mtu: 1280 }
controlSocket: /tmp/tokyo.sock
capacity: { saPairs: 64 }
held: { packetsPerEntry: 8, packetsTotal: 100 }
timers: { requestIntervalSeconds: 0.5, requestTries: 3 }
spd:
  - name: web
    selector: { local: 10.1.0.0/16, remote: [10.2.0.0/16, 10.3.0.0/16], protocol: tcp, remotePorts: 80-443 }
    action: PROTECT
    requestPeer: osaka
  - name: ping
    selector: { local: 10.1.0.0/16, remote: 0.0.0.0/0, protocol: 1, icmpType: 8, icmpCode: 0-3 }
    action: BYPASS
  - name: rest
    selector: { local: ["10.1.0.0/16", "2001:db8:1::/48"], remote: ["0.0.0.0/0", "::/0"] }
    action: DISCARD
`;

/** The lines of the error. */
function mistakes(text: string): string[] {
  try {
    parseRouterFile(text, 'router.yaml');
  } catch (error) {
    if (error instanceof HostError && error.code === 'CONFIG_INVALID') return error.message.split('\n');
    throw error;
  }
  return [];
}

describe("the router's settings file", () => {
  it('has the channel settle on what both ends prefer, or on what is said', () => {
    const { proposals } = parseRouterFile(`${least}spd: []\n`, 'router.yaml').channel;
    expect(proposals).toEqual(defaultChannelProposals);
    const said = parseRouterFile(
      `${least}channel: { ikeProposals: [aes128-sha256-modp1536], allowLegacy: true, espProposals: [aes128gcm16] }\nspd: []\n`,
      'router.yaml',
    ).channel.proposals;
    expect(said.ike.map(({ keyword }) => keyword)).toEqual(['aes128-sha256-modp1536']);
    expect(said.esp.map(({ keyword }) => keyword)).toEqual(['aes128gcm16']);
  });

  it('has IKE messages in datagrams that every path takes, or as long as is said', () => {
    const octetsOf = (channel: string) =>
      parseRouterFile(`${least}channel: ${channel}\nspd: []\n`, 'router.yaml').channel.datagramOctets;
    expect(['{}', '{ datagramOctets: 576 }', '{ datagramOctets: 9000 }'].map(octetsOf)).toEqual([
      1280, 576, 9000,
    ]);
  });

  it('has the channel rekey its SAs after some hours, or before the lifetimes that are said', () => {
    const lifetimesOf = (channel: string) =>
      parseRouterFile(`${least}channel: ${channel}\nspd: []\n`, 'router.yaml').channel.lifetimes;
    expect(lifetimesOf('{}')).toEqual({ ikeSaLifetimeSeconds: 14_400, childSaLifetimeSeconds: 3600 });
    const said = { ikeSaLifetimeSeconds: 604_800, childSaLifetimeSeconds: 30 };
    expect(lifetimesOf(JSON.stringify(said))).toEqual(said);
  });

  it.each([
    [
      'ikeProposals: [aes256gcm16-prfsha256-x25519, des-md5-modp768]',
      /^router\.yaml:6:57: channel\.ikeProposals\[1\]: expected ciphers.* found "des", "md5", "modp768"/,
    ],
    ['ikeProposals: []', /^router\.yaml:6:\d+: channel\.ikeProposals: expected at least one proposal/],
    ['ikeProposals: aes256', /^router\.yaml:6:\d+: channel\.ikeProposals: expected a list of proposals/],
    ['espProposals: [null-sha256]', /^router\.yaml:6:27: channel\.espProposals\[0\]: .*found "null-sha256"/],
    [
      'ikeProposals: [aes256-sha256-modp1536]',
      /^router\.yaml:6:\d+: channel\.ikeProposals\[0\]: aes256-sha256-modp1536 is legacy: it takes allowLegacy/,
    ],
    [
      'espProposals: [aes256gcm16-modp1536]',
      /^router\.yaml:6:\d+: channel\.espProposals\[0\]: aes256gcm16-modp1536 is legacy/,
    ],
    ['datagramOctets: 575', /^router\.yaml:6:\d+: channel\.datagramOctets: .*576/],
    ['datagramOctets: 9001', /^router\.yaml:6:\d+: channel\.datagramOctets: .*9000/],
    ['ikeSaLifetimeSeconds: 29', /^router\.yaml:6:\d+: channel\.ikeSaLifetimeSeconds: .*30/],
    ['ikeSaLifetimeSeconds: 604801', /^router\.yaml:6:\d+: channel\.ikeSaLifetimeSeconds: .*604800/],
    ['childSaLifetimeSeconds: 29', /^router\.yaml:6:\d+: channel\.childSaLifetimeSeconds: .*30/],
    ['childSaLifetimeSeconds: 90.5', /^router\.yaml:6:\d+: channel\.childSaLifetimeSeconds: .*int/],
    ['childSaLifetimeSeconds: 1h', /^router\.yaml:6:\d+: channel\.childSaLifetimeSeconds: .*number/],
    ['dhGroup: 5', /^router\.yaml:6:\d+: channel\.dhGroup: no such field/],
  ])('says where it is wrong about the channel: %s', (typed, message) => {
    const found = mistakes(`${least}channel: { ${typed} }\nspd: []\n`);
    expect(found.length).toBe(1);
    expect(found[0]).toMatch(message);
  });

  it('may name a post-quantum pre-shared key, which is demanded unless it says otherwise', () => {
    const parsed = (ppk: string) =>
      parseRouterFile(`${least.replace('tokyo.psk }', `tokyo.psk, ppk: ${ppk} }`)}spd: []\n`, 'router.yaml')
        .credential.ppk;
    expect(parsed('{ id: tokyo-1, file: tokyo.ppk }')).toEqual({
      id: 'tokyo-1',
      file: 'tokyo.ppk',
      required: true,
    });
    expect(parsed('{ id: tokyo-1, file: tokyo.ppk, required: false }')).toMatchObject({ required: false });
    for (const wrong of ['{ id: tokyo-1 }', '{ file: x }', '{ id: "", file: x }', '{ id: ä, file: x }']) {
      expect(() => parsed(wrong)).toThrow(/router\.yaml:3:\d+: credential\.ppk\.(id|file): /);
    }
  });

  it('has a default for all but who, whom to ask and where', () => {
    const settings = parseRouterFile(`${least}spd: []\n`, 'router.yaml');
    expect(settings).toMatchObject({
      name: 'tokyo',
      credential: {
        preSharedKey: { kind: 'file', path: 'tokyo.psk' },
        certificate: undefined,
        privateKey: undefined,
        authorities: undefined,
        revocationLists: undefined,
        revocation: 'ifPresent',
      },
      stateDirectory: '/var/lib/sekisho',
      server: { port: 4500, identity: 'server' },
      unprotected: { interface: 'wan0', address: 'auto', port: 4500 },
      protectedInterfaces: [],
      tunnel: { interface: 'sekisho0', mtu: 1400 },
      controlSocket: '/run/sekisho/router.sock',
      capacity: { saPairs: 1024 },
      spd: [],
    });
    expect(settings.timers).toEqual(defaultSettingTimers);
  });

  it('is read whole', () => {
    const settings = parseRouterFile(whole, 'router.yaml');
    expect(settings).toMatchObject({
      protectedInterfaces: ['lan0', 'lan1'],
      tunnel: { interface: 'tun7', mtu: 1280 },
      controlSocket: '/tmp/tokyo.sock',
      capacity: { saPairs: 64 },
      held: { packetsPerEntry: 8, packetsTotal: 100 },
      timers: { requestIntervalMs: 500, requestTries: 3, pendingWaitMs: 45_000 },
    });
    expect(settings.spd.map(({ name, action, requestPeer }) => [name, action, requestPeer])).toEqual([
      ['web', 'PROTECT', 'osaka'],
      ['ping', 'BYPASS', undefined],
      ['rest', 'DISCARD', undefined],
    ]);
    expect(settings.spd.flatMap(({ selectors }) => selectors.map(formatSelector))).toEqual([
      '10.1.0.0/16 <-> 10.2.0.0/16 tcp remote-port 80-443',
      '10.1.0.0/16 <-> 10.3.0.0/16 tcp remote-port 80-443',
      '10.1.0.0/16 <-> 0.0.0.0/0 icmp type 8 code 0-3',
      '10.1.0.0/16 <-> 0.0.0.0/0',
      '2001:db8:1::/48 <-> ::/0',
    ]);
  });

  describe('a credential', () => {
    const certificate = 'certificateFile: a.crt, privateKeyFile: a.key';
    const parsed = (credential: string) =>
      parseRouterFile(
        `${least}spd: []
`.replace('{ preSharedKeyFile: tokyo.psk }', credential),
        'router.yaml',
      ).credential;
    const wrong = (credential: string): string[] =>
      mistakes(
        `${least}spd: []
`.replace('{ preSharedKeyFile: tokyo.psk }', credential),
      );

    it('is a key, certificates, or a mixture, in files or in place', () => {
      expect(parsed(`{ ${certificate}, caFile: ca.crt, crlFile: ca.crl, crl: required }`)).toMatchObject({
        preSharedKey: undefined,
        certificate: { kind: 'file', path: 'a.crt' },
        privateKey: { kind: 'file', path: 'a.key' },
        authorities: { kind: 'file', path: 'ca.crt' },
        revocationLists: { kind: 'file', path: 'ca.crl' },
        revocation: 'required',
      });
      const inline = parsed('{ preSharedKey: sixteen or more octets }');
      expect(inline.preSharedKey).toEqual({
        kind: 'inline',
        text: 'sixteen or more octets',
        field: 'credential.preSharedKey',
      });
      expect(holdsSecret(inline)).toBe(true);
      expect(JSON.stringify(withoutSecrets(inline))).not.toContain('sixteen');
      expect(parsed('{ preSharedKeyFile: a.psk, caFile: ca.crt }').certificate).toBeUndefined();
      expect(parsed(`{ preSharedKeyFile: a.psk, ${certificate} }`).authorities).toBeUndefined();
    });

    it.each([
      ['{}', 'preSharedKeyFile', 'missing, and certificateFile too'],
      [`{ ${certificate} }`, 'caFile', 'missing: without a pre-shared key'],
      ['{ certificateFile: a.crt, caFile: ca.crt }', 'privateKeyFile', 'go together'],
      [`{ preSharedKeyFile: a.psk, ${certificate}, caFile: ca.crt }`, 'preSharedKeyFile', 'is not needed'],
      [
        '{ preSharedKeyFile: a.psk, preSharedKey: 0123456789abcdef }',
        'preSharedKey',
        'is in preSharedKeyFile too',
      ],
      ['{ preSharedKey: short }', 'preSharedKey', 'at least 16'],
      ['{ preSharedKey: 5407 }', 'preSharedKey', 'expected string'],
      ['{ preSharedKeyFile: a.psk, ca: text }', 'ca', 'expected PEM: -----BEGIN CERTIFICATE-----'],
      ['{ preSharedKeyFile: a.psk, crlFile: a.crl }', 'crlFile', 'says nothing without caFile'],
      [`{ ${certificate}, caFile: ca.crt, crl: always }`, 'crl', 'expected ifPresent or required'],
    ])('%s is refused at %s', (credential, field, message) => {
      const found = wrong(credential).filter((line) => line.includes(`credential.${field}: `));
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/^router\.yaml:\d+:\d+: /);
      expect(found[0]).toContain(message);
      // No secret in an error.
      expect(found[0]).not.toMatch(/short|5407/);
    });
  });

  it('says of every mistake at once where it is and what was expected', () => {
    expect(
      mistakes(`version: 2
name: to kyo
server: { address: 203.0.113.300 }
unprotected: { interfaces: wan0, port: 0 }
capacity: { saPairs: 100 }
spd:
  - name: a
    selector: { local: 10.1.0.0/8, remote: 10.2.0.0/16, protocol: tpc, remotePorts: 80-70 }
    action: PROTEC
`),
    ).toEqual([
      'router.yaml:1:1: credential: missing; expected a credential: preSharedKeyFile, or certificateFile, privateKeyFile and caFile',
      'router.yaml:1:10: version: expected 1, the version of this file format, found 2',
      'router.yaml:2:7: name: expected 1 to 63 letters, digits, ".", "_", "-", a letter or digit first and last, found "to kyo"',
      'router.yaml:3:20: server.address: expected an IPv4 or IPv6 address, found "203.0.113.300"',
      'router.yaml:4:14: unprotected.interface: missing; expected string',
      'router.yaml:4:16: unprotected.interfaces: no such field here',
      'router.yaml:4:40: unprotected.port: expected number to be >=1, found 0',
      'router.yaml:5:22: capacity.saPairs: expected a power of two',
      'router.yaml:8:24: spd[0].selector.local: 10.1.0.0/8 has bits set beyond its length; 10.0.0.0/8 is meant, or a longer prefix, found "10.1.0.0/8"',
      'router.yaml:8:67: spd[0].selector.protocol: expected a protocol number from 0 to 255 or one of icmp, tcp, udp, dccp, gre, icmpv6, ospf, sctp, udplite, found "tpc"',
      'router.yaml:8:85: spd[0].selector.remotePorts: expected a port from 0 to 65535, or a range such as "10-20", found "80-70"',
      'router.yaml:9:13: spd[0].action: expected PROTECT, BYPASS or DISCARD, found "PROTEC"',
    ]);
  });

  const entry = (more: string) => `${least}spd:\n  - name: a\n    ${more}\n`;

  it.each<[string, string, string]>([
    [
      'ports without a protocol that has them',
      entry('{}').replace(
        '{}',
        'selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16, remotePorts: 80 }\n    action: BYPASS',
      ),
      'router.yaml:8:71: spd[0].selector.remotePorts: ports need protocol tcp, udp, sctp, dccp or udplite',
    ],
    [
      'ICMP fields without ICMP',
      entry(
        'selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16, protocol: tcp, icmpType: 8 }\n    action: BYPASS',
      ),
      'router.yaml:8:83: spd[0].selector.icmpType: ICMP type and code need protocol icmp or icmpv6',
    ],
    [
      'PROTECT without a peer',
      entry('selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16 }\n    action: PROTECT'),
      'router.yaml:7:5: spd[0].requestPeer: missing: PROTECT needs the name of the router to ask for',
    ],
    [
      'a peer without PROTECT',
      entry(
        'selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16 }\n    action: DISCARD\n    requestPeer: osaka',
      ),
      'router.yaml:10:18: spd[0].requestPeer: only PROTECT asks for a peer, not DISCARD',
    ],
    [
      'an address family that the other side lacks',
      entry('selector: { local: 10.1.0.0/16, remote: [10.2.0.0/16, "2001:db8::/32"] }\n    action: BYPASS'),
      'router.yaml:8:37: spd[0].selector.remote: has an address family that local does not have',
    ],
    [
      'a name twice',
      `${entry('selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16 }\n    action: BYPASS')}  - name: a
    selector: { local: 10.1.0.0/16, remote: 10.3.0.0/16 }
    action: BYPASS
`,
      'router.yaml:10:11: spd[1].name: spd[0] is called a too',
    ],
    ['a key twice', 'version: 1\nversion: 1\n', 'router.yaml:2:1: Map keys must be unique'],
    ['an empty file', '', 'router.yaml:1:1: the file: expected object'],
    ['aliases', 'version: &a 1\nname: *a\n', 'router.yaml: aliases (*name) are not used in this file'],
    ['too much of it', `#${'x'.repeat(4 * 1024 * 1024)}`, 'router.yaml: larger than 4194304 octets'],
  ])('refuses %s', (_, text, message) => {
    const found = mistakes(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  it('has a JSON Schema that is up to date (node tools/write-schemas.ts)', () => {
    const path = join(import.meta.dirname, '../../../host/router/router.schema.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(JSON.stringify(routerJsonSchema())));
  });
});
