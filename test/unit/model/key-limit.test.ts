import { describe, expect, it } from 'vitest';
import { keyLimit, limitLifetime } from '../../../host/model/key-limit.ts';
import { type Proposal, proposals } from '../../../host/model/proposal.ts';

function proposal(keyword: string): Proposal {
  return proposals.get(keyword) ?? expect.fail(keyword);
}

const unlimited = { seconds: 60, octets: undefined, packets: undefined };
const asked = { soft: unlimited, hard: { ...unlimited, seconds: 80 } };

describe('the limit of a key', () => {
  it('is that of SP 800-67 for blocks of 64 bits', () => {
    for (const keyword of ['des-sha1', '3des-sha256'])
      expect(keyLimit(proposal(keyword))).toEqual({ octets: 8_388_608n, packets: undefined });
  });

  it('is that of SP 800-38B for CMAC', () => {
    for (const keyword of ['aes128-aescmac', 'null-aescmac'])
      expect(keyLimit(proposal(keyword)).packets).toBe(2n ** 48n);
  });

  it('is that of SP 800-38D for a GCM whose ICV has 8 octets', () => {
    expect(keyLimit(proposal('aes128gcm8')).packets).toBe(8_388_608n);
    expect(keyLimit(proposal('aes128gcm12')).packets).toBeUndefined();
  });

  it('never lets more blocks of AES be encrypted than a birthday bound of 2^-32 allows', () => {
    for (const one of proposals.values()) {
      const { octets } = keyLimit(one);
      if (!one.encryption.startsWith('aes')) continue;
      const calls = ((octets ?? 2n ** 80n) / 16n) * (one.encryption === 'aes-ccm' ? 2n : 1n);
      expect(calls * calls, one.keyword).toBeLessThanOrEqual(2n ** (129n - 32n));
    }
  });
});

describe('a lifetime', () => {
  it('stays as it was asked for where the key would serve longer', () => {
    const short = {
      soft: { seconds: 1, octets: 2n, packets: 3n },
      hard: { seconds: 4, octets: 5n, packets: 6n },
    };
    for (const one of proposals.values()) expect(limitLifetime(short, one, true, 1n)).toEqual(short);
  });

  it('ends where the key ends, renewal at half of that', () => {
    const { soft, hard } = limitLifetime(asked, proposal('3des-sha1'), true, 1n);
    expect([soft.octets, hard.octets]).toEqual([4_194_304n, 8_388_608n]);
    expect([soft.seconds, hard.seconds]).toEqual([60, 80]);
    const gcm = limitLifetime(asked, proposal('aes256gcm8'), true, 1n);
    expect([gcm.soft.packets, gcm.hard.packets]).toEqual([4_194_304n, 8_388_608n]);
  });

  it('leaves 2^28 sequence numbers for the renewal without ESN', () => {
    const { soft } = limitLifetime(asked, proposal('aes128gcm16'), false, 1n);
    expect(soft.packets).toBe(2n ** 32n - 1n - (2n ** 28n - 1n));
  });

  it('counts from the first number, and renews at once when that lies behind', () => {
    const limited = (first: bigint) =>
      limitLifetime(asked, proposal('aes128gcm16'), false, first).soft.packets;
    expect(limited(0xf000_0000n)).toBe(1n);
    expect(limited(0xffff_ffffn)).toBe(1n);
    expect(limited(0xe000_0001n)).toBe(0x1000_0000n);
  });

  it('with ESN ends before its numbers do', () => {
    const { soft } = limitLifetime(asked, proposal('chacha20poly1305'), true, 1n);
    expect(soft.packets).toBeLessThan(2n ** 64n - 1n);
  });
});
