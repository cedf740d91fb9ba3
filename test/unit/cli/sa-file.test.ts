import { describe, expect, it } from 'vitest';
import { parseSaFile } from '../../../host/cli/sa-file.ts';
import { formatAddress } from '../../../host/model/address.ts';

const key = 'deadbeef'.repeat(8);
const gcm = {
  protocol: 'esp',
  mode: 'tunnel',
  proposal: 'aes256gcm16',
  spi: '0xC0FFEE00',
  encryptionKey: key,
  salt: '01020304',
  esn: true,
  sequence: '0x1fffffffe',
  tunnel: { source: '192.0.2.1', destination: '192.0.2.2' },
  udpEncapsulation: { sourcePort: 4500, destinationPort: 4501 },
};
const cbc = {
  mode: 'transport',
  proposal: 'aes128-sha1',
  spi: 4096,
  encryptionKey: key.slice(0, 32),
  authenticationKey: key.slice(0, 40),
};

function parse(value: unknown) {
  return parseSaFile(JSON.stringify(value), 'sa.json');
}

function messageOf(value: unknown): string {
  try {
    parse(value);
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('an SA file', () => {
  it('is read whole', () => {
    const sa = parse(gcm);
    expect(sa).toMatchObject({ mode: 'tunnel', spi: 0xc0ffee00, esn: true, sequence: 0x1fffffffen });
    expect(sa.proposal.keyword).toBe('aes256gcm16');
    expect(Buffer.from(sa.keys.encryptionKey.reveal()).toString('hex')).toBe(key);
    expect([...sa.keys.salt.reveal()]).toEqual([1, 2, 3, 4]);
    expect(sa.tunnel && formatAddress(sa.tunnel.destination)).toBe('192.0.2.2');
    expect(sa.udpEncapsulation).toEqual({ sourcePort: 4500, destinationPort: 4501 });
  });

  it('has defaults for what may be left out', () => {
    const sa = parse(cbc);
    expect(sa).toMatchObject({ esn: false, sequence: 1n, tunnel: undefined, udpEncapsulation: undefined });
    expect(sa.keys.authenticationKey.length).toBe(20);
    expect(sa.keys.salt.length).toBe(0);
  });

  it('is of AH with a MAC alone', () => {
    const { encryptionKey: _, ...rest } = cbc;
    const sa = parse({ ...rest, protocol: 'ah', proposal: 'sha1' });
    expect(sa).toMatchObject({ protocol: 'ah', udpEncapsulation: undefined });
    expect([sa.keys.encryptionKey.length, sa.keys.authenticationKey.length]).toEqual([0, 20]);
  });

  it.each([
    [
      { ...gcm, proposal: 'aes256' },
      'sa.json: proposal: expected chacha20poly1305, aes{256,128,192}{gcm,ccm}{16,12,8}, ',
    ],
    [{ ...gcm, mode: 'beet' }, 'mode: expected "tunnel" or "transport"'],
    [{ ...gcm, protocol: 'isakmp' }, 'protocol: expected "esp" or "ah"'],
    [
      { ...gcm, protocol: 'ah' },
      'proposal: expected {sha512,sha384,sha256,sha1,aescmac}, aes{256,128,192}gmac, or legacy: md5 with "ah", found aes256gcm16',
    ],
    [{ ...gcm, protocol: 'ah' }, 'udpEncapsulation: expected nothing, since UDP carries ESP alone'],
    [{ ...cbc, proposal: 'sha1', encryptionKey: undefined }, 'with "esp", found sha1'],
    [{ ...gcm, spi: 255 }, 'spi: expected an SPI, from 256'],
    [{ ...gcm, spi: '0x1c0ffee00' }, 'spi: expected an SPI'],
    [{ ...gcm, spi: 1.5 }, 'spi: expected an SPI, as a number or as "0x…"'],
    [{ ...gcm, sequence: 0 }, 'sequence: expected the first sequence number'],
    [{ ...gcm, esn: false }, 'sequence: expected at most 4294967295'],
    [{ ...gcm, esn: 'yes' }, 'esn: expected true or false'],
    [{ ...gcm, encryptionKey: `${key}01020304` }, 'found 36; the last 4 belong into "salt"'],
    [{ ...gcm, encryptionKey: 'xyz' }, 'encryptionKey: expected pairs of hexadecimal digits'],
    [{ ...gcm, authenticationKey: key }, 'authenticationKey: expected 0 octets for aes256gcm16, found 32'],
    [{ ...gcm, salt: undefined }, 'salt: expected 4 octets'],
    [{ ...gcm, tunnel: undefined }, 'tunnel: expected {"source"'],
    [{ ...gcm, tunnel: { source: '192.0.2.1', destination: 'x' } }, 'tunnel.destination: expected an IPv4'],
    [{ ...gcm, tunnel: { source: '192.0.2.1', destination: '2001:db8::1' } }, 'of one family'],
    [{ ...cbc, tunnel: gcm.tunnel }, 'tunnel: expected nothing, since transport mode'],
    [{ ...gcm, udpEncapsulation: { sourcePort: 4500 } }, 'udpEncapsulation.destinationPort: expected a port'],
    [{ ...gcm, udpEncapsulation: { sourcePort: 0, destinationPort: 1 } }, 'udpEncapsulation.sourcePort'],
    [{ ...gcm, window: 64 }, 'Unrecognized key: "window"'],
    [[], 'the whole file'],
  ])('%j is refused, naming the field', (value, message) => {
    expect(messageOf(value)).toContain(message);
  });

  it('names every mistake, not only the first', () => {
    const message = messageOf({ ...gcm, mode: 'x', proposal: 'y', spi: 1 });
    expect(message.split('\n')).toHaveLength(3);
  });

  it('never repeats a key, whatever is wrong with it or around it', () => {
    const texts = [
      JSON.stringify({ ...gcm, encryptionKey: `${key}0` }),
      JSON.stringify({ ...gcm, encryptionKey: [key] }),
      JSON.stringify({ ...gcm, [key]: 1 }).replace(`"${key}":1`, `"x":1`),
      JSON.stringify(gcm).replace(',"salt"', '"salt"'),
      `${JSON.stringify(gcm)}${key}`,
      JSON.stringify({ ...gcm, mode: 'deadbeef', esn: 'deadbeef', salt: 'deadbeef00' }),
    ];
    for (const text of texts) {
      let message = '';
      try {
        parseSaFile(text, 'sa.json');
      } catch (error) {
        message = `${(error as Error).message} ${(error as Error).stack} ${String((error as Error).cause)}`;
      }
      expect(message).toContain('sa.json');
      expect(message).not.toContain('deadbeef');
    }
  });

  it('says where the JSON breaks off, if V8 does', () => {
    expect(() => parseSaFile('{\n "mode": "tunnel" "esn": 1}', 'sa.json')).toThrow(
      /sa\.json: expected JSON \(line 2 column \d+\)/,
    );
  });
});
