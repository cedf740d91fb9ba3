/** What the harness makes of strongSwan's words and gives it to read, without a strongSwan. */
import { describe, expect, it } from 'vitest';
import { parseSaListing } from '../../../tools/interop/strongswan/arena/sa-listing.ts';
import { strongswanConf, swanctlConf } from '../../../tools/interop/strongswan/arena/settings-text.ts';
import { namesOf } from '../../../tools/interop/strongswan/matrix/algorithm-names.ts';
import { algorithmRows, allPairs, pairsIn } from '../../../tools/interop/strongswan/matrix/algorithm-rows.ts';
import { folderOf, nameOf } from '../../../tools/interop/strongswan/matrix/combination.ts';
import { combinations } from '../../../tools/interop/strongswan/matrix/combinations.ts';
import { type Result, renderMatrix, reportOf } from '../../../tools/interop/strongswan/report.ts';
import { verdictLine } from '../../../tools/interop/verdict.ts';

const listing = `list-sa event {channel {uniqueid=1 version=2 state=ESTABLISHED local-host=192.0.2.1 local-port=4500 local-id=tokyo remote-host=192.0.2.2 remote-port=4500 remote-id=CN=a b, O=c initiator=yes initiator-spi=b873169e5b4fb3bb responder-spi=e16bac4d75bc9be3 nat-remote=yes nat-any=yes encr-alg=AES_GCM_16 encr-keysize=256 prf-alg=PRF_HMAC_SHA2_256 dh-group=CURVE_25519 established=0 rekey-time=14040 tasks-active=[CHILD_REKEY IKE_DPD] child-sas {channel-1 {name=channel uniqueid=1 reqid=1 state=INSTALLED mode=TUNNEL protocol=ESP encap=yes spi-in=65a3ab44 spi-out=2794cf01 encr-alg=AES_GCM_16 encr-keysize=256 bytes-in=0 packets-in=3 bytes-out=0 packets-out=4 rekey-time=3251 local-ts=[fd53::1/128] remote-ts=[fd53::2/128]} channel-2 {name=channel uniqueid=2 state=REKEYED}}}}
list-sa event {channel {uniqueid=2 state=CONNECTING local-host=192.0.2.1 remote-host=192.0.2.2 remote-port=4500 remote-id=%any initiator-spi=01 responder-spi=02 tasks-queued=[IKE_NATD] child-sas {}}}
list-sas reply {}
`;

describe("strongSwan's listing of SAs", () => {
  it('has every IKE SA with its CHILD SAs', () => {
    const [first, second, ...others] = parseSaListing(listing);
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      ...{ uniqueid: '1', state: 'ESTABLISHED', 'encr-keysize': '256', 'prf-alg': 'PRF_HMAC_SHA2_256' },
      'nat-remote': 'yes',
    });
    expect(first?.children).toMatchObject([
      { uniqueid: '1', state: 'INSTALLED', 'spi-in': '65a3ab44', 'packets-in': 3, 'packets-out': 4 },
      { uniqueid: '2', state: 'REKEYED' },
    ]);
    expect(second).toMatchObject({ uniqueid: '2', state: 'CONNECTING', children: [] });
  });

  it('may be empty', () => {
    expect(parseSaListing('list-sas reply {}\n')).toEqual([]);
  });

  it('names the algorithms of a proposal', () => {
    expect(namesOf('aes128-sha256-prfsha384-ecp384')).toEqual({
      ...{ 'encr-alg': 'AES_CBC', 'encr-keysize': '128', 'integ-alg': 'HMAC_SHA2_256_128' },
      ...{ 'prf-alg': 'PRF_HMAC_SHA2_384', 'dh-group': 'ECP_384' },
    });
    expect(() => namesOf('aes512')).toThrow('aes512');
  });
});

describe("strongSwan's settings", () => {
  it('take what a combination adds, section by section', () => {
    const text = swanctlConf({
      ...{ localAddress: '192.0.2.1', remoteAddress: '%any', localId: 'server', remoteId: 'tokyo' },
      ...{ localInner: 'fd53::1', remoteInner: 'fd53::2', ike: 'aes256gcm16', esp: 'aes128gcm16' },
      preSharedKey: Uint8Array.of(1, 0xab),
      localProof: { auth: 'pubkey', certs: 'own.pem' },
      remoteProof: { auth: 'psk' },
      more: { dpd_delay: '1s', remote: { id: 'another' } },
    });
    expect(text).toContain('    dpd_delay = 1s\n');
    expect(text).toContain('    remote {\n      auth = psk\n      id = another\n    }\n');
    expect(text).toContain('secret = 0x01ab\n');
    const more = { cookie_threshold: 2, plugins: { vici: { more: 1 } } };
    expect(strongswanConf('unix:///a/socket', 'user space', more)).toMatch(
      / {4}vici \{\n {6}socket = unix:\/\/\/a\/socket\n {6}more = 1\n/,
    );
  });

  it('have no ESP of their own where the kernel has it', () => {
    expect(strongswanConf('tcp://0.0.0.0:1', 'user space')).toContain('kernel-libipsec');
    expect(strongswanConf('tcp://0.0.0.0:1', 'kernel')).not.toContain('libipsec');
  });
});

describe('the matrix', () => {
  it('has every two algorithms of different kinds in a row, without a row for nothing', () => {
    const rows = algorithmRows();
    expect(new Set(rows.flatMap(pairsIn))).toEqual(allPairs());
    for (const row of rows) {
      const others = new Set(rows.filter((one) => one !== row).flatMap(pairsIn));
      expect(pairsIn(row).every((pair) => others.has(pair))).toBe(false);
    }
  });

  it('has every combination once, in both roles or with a reason for one', () => {
    expect(new Set(combinations.map(nameOf)).size).toBe(combinations.length);
    expect(new Set(combinations.map(folderOf)).size).toBe(combinations.length);
  });

  it('shows what agrees and what differs, and counts them in its last line', () => {
    const results = combinations.slice(0, 3).map(
      (combination, index): Result => ({
        combination,
        problem: index === 1 ? 'the reason' : undefined,
        seconds: 1.5,
        logs: undefined,
      }),
    );
    const lines = renderMatrix(results).split('\n');
    expect(lines[0]).toMatch(/^subject +combination +strongSwan initiates +strongSwan responds$/);
    expect(lines[1]).toMatch(/ agree +DIFFER$/);
    expect(verdictLine(results)).toBe('2 of 3 combinations agree');
    expect(reportOf(results)).toMatchObject({
      agreeing: 2,
      combinations: [{ agree: true }, { problem: 'the reason' }, {}],
    });
  });
});
