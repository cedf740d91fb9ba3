/** The command line of `npm run bench`. */
import { describe, expect, it } from 'vitest';
import { checkPeers, chooseRows, readCommandLine } from '../../../../tools/bench/options.ts';

const read = (...args: readonly string[]) => readCommandLine(args, ['crypto', 'other']);

describe('the command line of the bench', () => {
  it('names one bench, and what to measure for how long', () => {
    expect(read('crypto')).toEqual({
      help: false,
      bench: 'crypto',
      only: undefined,
      seconds: undefined,
      json: undefined,
      peers: undefined,
      wire: false,
      soakMinutes: undefined,
    });
    expect(read('crypto', '--only', 'A, b', '--seconds', '0.5', '--json', 'file')).toMatchObject({
      only: ['A', 'b'],
      seconds: 0.5,
      json: 'file',
    });
    expect(read('--help')).toMatchObject({ help: true, bench: undefined });
  });

  it.each([
    [[], 'expected one bench of crypto, other, found none'],
    [['nothing'], 'expected one bench of crypto, other, found nothing'],
    [['crypto', 'other'], 'found more: other'],
    [['crypto', '--seconds', '0'], '--seconds: expected a number above 0 and up to 3600, found "0"'],
    [['crypto', '--seconds', 'ten'], 'found "ten"'],
    [['crypto', '--seconds', ''], 'found ""'],
    [['crypto', '--fast'], "Unknown option '--fast'"],
    [['other', '--soak', '0'], '--soak: expected minutes from 0.5 to 1440, found "0"'],
    [['other', '--soak', 'long'], 'found "long"'],
  ])('is refused with what was expected: %j', (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });

  it('finds rows by their names, whatever the capitals, and lists them where one is not there', () => {
    const names = ['AES-128-GCM', 'AES-128-GCM', 'SHA-1'];
    expect(chooseRows(undefined, names)).toBeUndefined();
    expect(chooseRows(['aes-128-gcm', 'SHA-1'], names)).toEqual(['AES-128-GCM', 'SHA-1']);
    expect(() => chooseRows(['AES'], names)).toThrow(
      '--only: expected names of AES-128-GCM, SHA-1; found "AES"',
    );
  });

  it('refuses peers that the bench does not have', () => {
    const line = read('other', '--peers', 'strongswan, openvpn', '--wire');
    expect(line).toMatchObject({ peers: ['strongswan', 'openvpn'], wire: true });
    expect(() => checkPeers('other', line, undefined)).toThrow(
      'expected no --peers, --wire or --soak with other',
    );
    expect(() => checkPeers('other', line, ['strongswan'])).toThrow(
      '--peers: expected names of strongswan; found "openvpn"',
    );
    checkPeers('other', line, ['strongswan', 'openvpn']);
    checkPeers('crypto', read('crypto'), undefined);
    expect(read('other', '--soak', '60').soakMinutes).toBe(60);
    expect(() => checkPeers('other', read('other', '--soak', '60'), undefined)).toThrow('--soak with other');
  });
});
