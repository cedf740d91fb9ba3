/**
 * tshark as a witness: it dissects our IKE_SA_INIT, and with the keys of the IKE SA decrypts our IKE_AUTH, verifies its
 * ICV and finds the payloads of RFC 7296 in it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exchangeTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { describeWith } from '../../requirements.ts';
import { hex, Pair } from '../../unit/ike/ends/pair.ts';
import { StrangeInitiator, whole } from '../../unit/ike/ends/stranger.ts';

/** A capture of IPv4 (link type 101) with `messages` on UDP port 4500 behind the non-ESP marker (RFC 3948). */
function captureOf(messages: readonly { readonly toServer: boolean; readonly bytes: Uint8Array }[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(101, 20);
  const records = messages.map(({ toServer, bytes }, index) => {
    const packet = Buffer.alloc(20 + 8 + 4 + bytes.length);
    packet.writeUInt16BE(0x4500, 0);
    packet.writeUInt16BE(packet.length, 2);
    packet.writeUInt16BE(0x4011, 8); // TTL 64, UDP
    packet.set([192, 0, 2, toServer ? 1 : 100, 192, 0, 2, toServer ? 100 : 1], 12);
    packet.writeUInt16BE(4500, 20);
    packet.writeUInt16BE(4500, 22);
    packet.writeUInt16BE(packet.length - 20, 24);
    packet.set(bytes, 32);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(index, 0);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return Buffer.concat([record, packet]);
  });
  return Buffer.concat([header, ...records]);
}

/** Fields of every packet as tshark sees them; several values of a field are separated by commas. */
function dissect(capture: Buffer, fields: readonly string[], options: readonly string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-tshark-'));
  try {
    const file = join(folder, 'ike.pcap');
    writeFileSync(file, capture);
    const args = ['-n', '-r', file, '-T', 'fields', '-E', 'separator=|', ...options];
    const run = spawnSync('tshark', [...args, ...fields.flatMap((field) => ['-e', field])], {
      encoding: 'utf8',
      env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder },
    });
    expect(run.status, run.stderr).toBe(0);
    return run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('|'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describeWith(['tshark'], 'tshark', () => {
  const pair = new Pair({ link: () => [] });
  const stranger = new StrangeInitiator();
  pair.injectToServer(stranger.request);
  const { ikeSa, payloads } = stranger.proceed(pair.sent[0]!.bytes);
  const request = whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads, 0));
  pair.injectToServer(request);
  const messages = [
    { toServer: true, bytes: stranger.request },
    { toServer: false, bytes: pair.sent[0]!.bytes },
    { toServer: true, bytes: request },
    { toServer: false, bytes: pair.sent[1]!.bytes },
  ];
  const capture = captureOf(messages);
  const spi = (value: bigint): string => value.toString(16).padStart(16, '0');
  const { encryptionInitiator, encryptionResponder } = ikeSa.keys;
  const decryption = [
    spi(ikeSa.initiatorSpi),
    spi(ikeSa.responderSpi),
    hex(encryptionInitiator.reveal()),
    hex(encryptionResponder.reveal()),
    '"AES-GCM-256 with 16 octet ICV [RFC5282]"',
    '',
    '',
    '"NONE [RFC4306]"',
  ].join(',');
  const withKeys = ['-o', `uat:ikev2_decryption_table:${decryption}`];

  it('reads the headers and the payloads of IKE_SA_INIT, and finds nothing malformed', () => {
    const fields = [
      'isakmp.exchangetype',
      'isakmp.messageid',
      'isakmp.typepayload',
      '_ws.malformed',
      '_ws.expert.message',
    ];
    const packets = dissect(capture, fields, []);
    expect(packets.map((packet) => packet[0])).toEqual(['34', '34', '35', '35']);
    expect(packets.map((packet) => packet[1])).toEqual([
      '0x00000000',
      '0x00000000',
      '0x00000001',
      '0x00000001',
    ]);
    // SA with its proposal (2) and transforms (3), KE, Nonce; the responder adds both NAT detection notifications.
    expect(packets[0]![2]).toBe('33,2,3,3,3,34,40');
    expect(packets[1]![2]).toBe('33,2,3,3,3,34,40,41,41');
    expect(packets[2]![2]).toBe('46');
    expect(packets.map((packet) => packet[3])).toEqual(['', '', '', '']);
  });

  it('names the algorithms as we mean them', () => {
    const fields = [
      'isakmp.tf.id.encr',
      'isakmp.ike2.attr.key_length',
      'isakmp.tf.id.prf',
      'isakmp.tf.id.dh',
    ];
    for (const packet of dissect(capture, fields, []).slice(0, 2))
      expect(packet).toEqual(['20', '256', '5', '31']);
  });

  it('decrypts IKE_AUTH with the keys of the IKE SA and finds its payloads', () => {
    const fields = [
      'isakmp.typepayload',
      'isakmp.id.data.fqdn',
      'isakmp.auth.method',
      'isakmp.spi',
      '_ws.malformed',
    ];
    const packets = dissect(capture, fields, withKeys);
    expect(packets[2]!.slice(0, 3)).toEqual(['46,35,39,33,2,3,3,44,45', 'router-a.example', '2']);
    expect(packets[3]!.slice(0, 3)).toEqual(['46,36,39,33,2,3,3,44,45', 'server.example', '2']);
    expect(packets.map((packet) => packet[4])).toEqual(['', '', '', '']);
  });

  it('does not decrypt it with other keys', () => {
    const other = [withKeys[0]!, withKeys[1]!.replace(hex(encryptionInitiator.reveal()), '00'.repeat(36))];
    expect(dissect(capture, ['isakmp.id.data.fqdn'], other)[2]).toEqual(['']);
  });
});
