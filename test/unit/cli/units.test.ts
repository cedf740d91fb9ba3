import { describe, expect, it } from 'vitest';
import { formatCount, formatOctets, formatSeconds, formatSpi } from '../../../host/cli/units.ts';

describe('units', () => {
  it.each([
    [0, '0 s'],
    [58, '58 s'],
    [59.6, '1 min'],
    [432, '7 min 12 s'],
    [3600, '1 h'],
    [3601, '1 h'],
    [11_100, '3 h 5 min'],
    [86_400 * 12 + 3600 * 4 + 5, '12 d 4 h'],
    [-3, '0 s'],
  ])('%s seconds are %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [640, '640 B'],
    [1024, '1.00 KiB'],
    [67_108_864n, '64.0 MiB'],
    ['18446744073709551615', '16.0 EiB'],
  ])('%s octets are %s', (octets, text) => {
    expect(formatOctets(octets)).toBe(text);
  });

  it('group counts by thousands without losing digits', () => {
    expect(formatCount('18446744073709551615')).toBe('18 446 744 073 709 551 615');
    expect(formatCount(999)).toBe('999');
    expect(formatCount(1000n)).toBe('1 000');
  });

  it('write SPIs with eight digits, and a dash for none', () => {
    expect(formatSpi(0xc0ffee)).toBe('0x00c0ffee');
    expect(formatSpi(null)).toBe('-');
  });
});
