/** The lines that `--save-keys` writes let tshark, reading them as its own table, open what the engine sealed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sealCapture } from '../../host/cli/esp-capture.ts';
import { writeCapture } from '../../host/cli/esp-files.ts';
import { parseSaFile } from '../../host/cli/sa-file.ts';
import type { SecurityAssociation } from '../../host/model/security-association.ts';
import { wiresharkLine } from '../../tools/lab/wireshark-keys.ts';
import { combinations } from '../interop/sa-combinations.ts';
import { tsharkKnows } from '../interop/witnesses.ts';
import { describeWith } from '../requirements.ts';

/** An echo request from 10.1.0.10 to 10.2.0.10. */
const plain = Buffer.from('4500001c00010000400166ca' + '0a01000a0a02000a' + '0800f7fe00000001', 'hex');

describeWith(['tshark'], 'keys saved by the lab', () => {
  let home = '';
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'sekisho-saved-keys-'));
    mkdirSync(join(home, '.config/wireshark'), { recursive: true });
  });
  afterAll(() => rmSync(home, { recursive: true }));

  const known = combinations.filter(
    ({ sa, family }) => family === 4 && sa.mode === 'tunnel' && !sa.esn && tsharkKnows(sa.proposal),
  );
  // The first of each cipher and each MAC, whatever the key's length, with UDP and without.
  const seen = new Set<string>();
  const witnessed = known.filter(({ sa }) => {
    const [cipher = '', mac = ''] = sa.proposal.replace(/^aes\d{3}/, 'aes').split('-');
    const carrier = sa.udpEncapsulation === undefined ? 'raw' : 'UDP';
    const isNew = !seen.has(`${cipher} ${carrier}`) || !seen.has(`${mac} ${carrier}`);
    seen.add(`${cipher} ${carrier}`).add(`${mac} ${carrier}`);
    return isNew;
  });

  it.each(witnessed)('open $name', ({ sa }) => {
    const file = parseSaFile(JSON.stringify(sa), 'sa');
    // Sealing takes the keys over and wipes them.
    const line = wiresharkLine(outboundOf(file));
    const { packets, leftOut } = sealCapture(file, [
      { time: { seconds: 1, fraction: 0 }, packet: plain, missing: undefined },
    ]);
    expect(leftOut).toEqual({});
    const capture = join(home, 'sealed.pcap');
    writeCapture(capture, false, packets);
    const rows = (line: string) => {
      writeFileSync(join(home, '.config/wireshark/esp_sa'), `${line}\n`);
      return tshark(home, capture);
    };
    expect(rows(line)).toEqual(['1', '10.2.0.10', '8']);
    const otherKey = line.replace(/"0x[0-9a-f]{16,}"/, (key) => `"0x${'5'.repeat(key.length - 4)}"`);
    expect(otherKey).not.toBe(line);
    // With another key the packet is gibberish; where nothing is encrypted, its ICV is wrong.
    const withOtherKey = rows(otherKey);
    if (sa.proposal.startsWith('null')) expect(withOtherKey[0]).toBe('0');
    else expect(withOtherKey).not.toContain('10.2.0.10');
  });
});

/** ICV good, inner destination, inner ICMP type. */
function tshark(home: string, capture: string): string[] {
  const preferences = ['esp.enable_encryption_decode:TRUE', 'esp.enable_authentication_check:TRUE'];
  const text = execFileSync(
    'tshark',
    [
      ...['-r', capture, '-n', '-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=l'],
      ...preferences.flatMap((one) => ['-o', one]),
      ...['-e', 'esp.icv_good', '-e', 'ip.dst', '-e', 'icmp.type'],
    ],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: '' },
    },
  );
  return text.trim().split('|');
}

/** The same SA as a router would install it. */
function outboundOf(file: ReturnType<typeof parseSaFile>): SecurityAssociation {
  const { tunnel } = file;
  if (tunnel === undefined) throw new RangeError('a tunnel is wanted');
  const unlimited = { seconds: 3600, octets: undefined, packets: undefined };
  return {
    direction: 'outbound',
    spi: file.spi,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: file.proposal.keyword,
    keys: file.keys,
    esn: false,
    replayWindow: 1024,
    encapsulation: file.udpEncapsulation === undefined ? 'raw' : 'udp',
    localAddress: tunnel.source,
    peer: { address: tunnel.destination, port: 4500 },
    localPort: 4500,
    selectors: [],
    soft: unlimited,
    hard: unlimited,
    dscp: 'copy',
    dontFragment: 'copy',
  };
}
