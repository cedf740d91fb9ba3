/** The vector runner on small files: what passes, what fails, what is skipped and why, and what is no vector file. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readResponseFile } from '../../../../tools/vectors/nist.ts';
import { renderFile, runGroups } from '../../../../tools/vectors/report.ts';
import { readWycheproof } from '../../../../tools/vectors/wycheproof.ts';

/** Test case 2 of the GCM specification (McGrew, Viega), appendix B: one block of zeros. */
const valid = {
  tcId: 1,
  comment: 'one block',
  key: '00'.repeat(16),
  iv: '00'.repeat(12),
  aad: '',
  msg: '00'.repeat(16),
  ct: '0388dace60b6a392f328c2b971b2fe78',
  tag: 'ab6e47d42cec13bdf53a67b21257bddf',
  result: 'valid',
};
const wrongTag = 'ab6e47d42cec13bdf53a67b21257bdde';

function gcmFile(...tests: readonly object[]): string {
  return fileOf('AES-GCM', 'AeadTest', tests);
}

function fileOf(algorithm: string, type: string, tests: readonly object[]): string {
  const testGroups = [{ type, keySize: 128, tests }];
  return JSON.stringify({ algorithm, numberOfTests: tests.length, testGroups });
}

const runJson = (text: string) => runGroups('x.json', readWycheproof('x.json', text));
const runResponses = (name: string, text: string) => runGroups(name, readResponseFile(name, text));

describe('a Wycheproof file', () => {
  it('passes where the firmware seals, opens and refuses as it says', () => {
    const report = runJson(
      gcmFile(
        valid,
        { ...valid, tcId: 2, tag: wrongTag, result: 'invalid' },
        { ...valid, tcId: 3, result: 'acceptable' },
        { ...valid, tcId: 4, tag: wrongTag, result: 'acceptable' },
      ),
    );
    expect(report).toMatchObject({ passed: 4, failed: 0, skipped: 0 });
  });

  it('fails where a refusal is expected and the firmware opens', () => {
    const report = runJson(gcmFile({ ...valid, result: 'invalid' }));
    expect(report.failures).toEqual([
      {
        id: 'tcId 1',
        comment: 'one block',
        group: 'key 128 bits',
        expected: `refused, text ${valid.ct} ICV ${valid.tag}`,
        found: `opened, text ${valid.msg}`,
      },
    ]);
  });

  it('fails where the result is another, and shows all of both', () => {
    const report = runJson(gcmFile({ ...valid, tag: wrongTag }));
    expect(renderFile(report)).toEqual([
      'x.json: 0 passed, 1 failed, 0 skipped',
      '  FAILED tcId 1, one block, key 128 bits',
      `    expected ${valid.ct} ICV ${wrongTag}`,
      `    found    ${valid.ct} ICV ${valid.tag}`,
    ]);
  });

  it('names what the firmware cannot have as reason to skip', () => {
    const report = runJson(
      gcmFile({ ...valid, iv: '00'.repeat(16) }, { ...valid, key: '00' }, { ...valid, tag: '00' }),
    );
    expect(report).toMatchObject({ passed: 0, failed: 0, skipped: 3 });
    expect(report.skips.map((skip) => skip.reason)).toEqual([
      'nonce of 128 bits: ESP has 96',
      'key of 8 bits: AES-GCM has 128, 192, 256',
      'ICV of 8 bits: AES-GCM has 64, 96, 128',
    ]);
    expect(runJson(fileOf('RSAES', 'OaepTest', [{}, {}]))).toMatchObject({ passed: 0, skipped: 2 });
  });

  it('of MACs passes, fails and refuses', () => {
    // RFC 2202 section 3, test case 2.
    const mac = {
      tcId: 7,
      comment: '',
      key: '4a656665',
      msg: '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
      tag: 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
      result: 'valid',
    };
    const short = { ...mac, tag: mac.tag.slice(0, 24) };
    const wrong = { ...short, tag: '00'.repeat(12) };
    const tests = [mac, short, { ...wrong, result: 'invalid' }, wrong, { ...mac, result: 'invalid' }];
    expect(runJson(fileOf('HMACSHA1', 'MacTest', tests))).toMatchObject({ passed: 3, failed: 2 });
  });

  it('of MACs with a nonce passes, fails, refuses and skips', () => {
    // McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test case 1: nothing at all.
    const mac = {
      tcId: 1,
      comment: '',
      key: '00'.repeat(16),
      iv: '00'.repeat(12),
      msg: '',
      tag: '58e2fccefa7e3061367f1d57a4e7455a',
      result: 'valid',
    };
    const wrong = { ...mac, tag: wrongTag, result: 'invalid' };
    const accepted = { ...mac, result: 'invalid' };
    const tests = [mac, wrong, accepted, { ...wrong, result: 'valid' }, { ...mac, iv: '00' }];
    const report = runJson(fileOf('AES-GMAC', 'MacWithIvTest', tests));
    expect(report).toMatchObject({ passed: 2, failed: 2, skipped: 1 });
    expect(report.failures.map(({ expected, found }) => [expected, found])).toEqual([
      ['refused', `accepted ${mac.tag}`],
      [wrongTag, mac.tag],
    ]);
    expect(report.skips[0]?.reason).toBe('nonce of 8 bits: ESP has 96');
  });

  it.each([
    ['{"algorithm"', /^x\.json: expected JSON, found /],
    ['[]', /^x\.json: expected an object, found \[\]/],
    ['{}', /^x\.json: algorithm: expected a string, found nothing/],
    [
      gcmFile({ ...valid, iv: 'zz' }),
      /^x\.json: testGroups\[0\]\.tests\[0\]\.iv: expected pairs of hexadecimal digits, found "zz"/,
    ],
    [
      gcmFile({ ...valid, result: 'good' }),
      /testGroups\[0\]\.tests\[0\]\.result: expected "valid", "invalid"/,
    ],
    [
      gcmFile(valid).replace('"numberOfTests":1', '"numberOfTests":2'),
      /numberOfTests: expected 1 as counted, found 2/,
    ],
  ])('that is malformed names the file and the field: %s', (text, message) => {
    expect(() => readWycheproof('x.json', text)).toThrow(message);
  });
});

describe('a response file', () => {
  const seal = [
    '[Keylen = 128]',
    '[IVlen = 96]',
    '',
    'Count = 0',
    `Key = ${valid.key}`,
    `IV = ${valid.iv}`,
    `PT = ${valid.msg}`,
    'AAD = ',
    `CT = ${valid.ct}`,
    `Tag = ${valid.tag.slice(0, 24)}`,
  ].join('\n');

  it('is sealed; a shorter tag is the beginning of ours', () => {
    expect(runResponses('gcmEncryptExtIV128.rsp', seal)).toMatchObject({ passed: 1, failed: 0 });
    const wrong = seal.replace('Tag = ab', 'Tag = ac');
    expect(runResponses('gcmEncryptExtIV128.rsp', wrong)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('is refused where it says FAIL', () => {
    const open = seal.replace(/PT = .*\n/, '').replace(/Tag = .*/, `Tag = ${wrongTag}\nFAIL`);
    expect(runResponses('gcmDecrypt128.rsp', open)).toMatchObject({ passed: 1, failed: 0 });
    const opens = open.replace(wrongTag, valid.tag);
    expect(runResponses('gcmDecrypt128.rsp', opens)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('of DES runs as DES and as triple DES with one key three times', () => {
    const answer = [
      '[ENCRYPT]',
      'COUNT = 0',
      'KEYs = 8001010101010101',
      'IV = 0000000000000000',
      'PLAINTEXT = 0000000000000000',
      'CIPHERTEXT = 95a8d72813daa94d',
    ].join('\n');
    expect(runResponses('TCBCvarkey.rsp', answer)).toMatchObject({ passed: 2, failed: 0, skipped: 0 });
    expect(runResponses('TCBCvarkey.rsp', answer.replace('94d', '94c'))).toMatchObject({ failed: 2 });
    const keys = ['1', '2', '3'].map((number) => `KEY${number} = 8001010101010101`).join('\n');
    const triple = answer.replace(/KEYs.*/, keys);
    expect(runResponses('TCBCMMT1.rsp', triple)).toMatchObject({ passed: 1, failed: 0, skipped: 0 });
  });

  it('of counter mode is run if it counts as ESP does', () => {
    // RFC 3686 section 6, test vector 1.
    const answer = [
      'COUNT = 0',
      'KEY = AE6852F8121067CC4BF7A5765577F39E',
      'IV = 00000030000000000000000000000001',
      'PLAINTEXT = 53696E676C6520626C6F636B206D7367',
      'CIPHERTEXT = E4095D4FB7A7B3792D6175A3261311B8',
    ].join('\n');
    expect(runResponses('aes-128-ctr.txt', answer)).toMatchObject({ passed: 1, failed: 0, skipped: 0 });
    expect(runResponses('aes-128-ctr.txt', answer.replace('B8', 'B9'))).toMatchObject({ failed: 1 });
    const [skip] = runResponses('aes-128-ctr.txt', answer.replace('0001\n', '0002\n')).skips;
    expect(skip?.reason).toBe('IV of 128 bits: AES-CTR has 96');
  });

  it('of an unknown name is skipped and says so', () => {
    const [skip] = runResponses('CFB8MMT128.rsp', 'anything').skips;
    expect(skip?.reason).toMatch(/no reader for response files of this name/);
  });

  it.each([
    [
      seal.replace(/IV = .*/, 'IV = 0'),
      /case at line 4: IV: expected pairs of hexadecimal digits, found "0"/,
    ],
    [seal.replace(/Key = .*\n/, ''), /case at line 4: KEY: expected a value, found none/],
    [`${seal}\n%%`, /line 11: expected name = value, \[section\], a flag or a comment, found "%%"/],
    ['# nothing', /expected at least one case, found none/],
  ])('that is malformed names the file, the line and the field', (text, message) => {
    expect(() => readResponseFile('gcmEncryptExtIV128.rsp', text)).toThrow(message);
  });
});

describe('npm run vectors', () => {
  const main = fileURLToPath(new URL('../../../../tools/vectors/main.ts', import.meta.url));
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    return { status, stderr, lastLine: stdout.trimEnd().split('\n').at(-1), stdout };
  };
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };

  it('exits 0, 1 or 2, and ends with the counts', () => {
    const good = write('good.json', gcmFile(valid));
    const bad = write('bad.json', gcmFile({ ...valid, tag: wrongTag }));
    const broken = write('broken.json', '{}');
    expect(run(good)).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed' });
    expect(run(good, bad)).toMatchObject({ status: 1, lastLine: '1 passed, 1 failed' });
    const unreadable = run(folder);
    expect(unreadable).toMatchObject({ status: 2, lastLine: '1 passed, 1 failed' });
    expect(unreadable.stderr).toContain(`${broken}: algorithm: expected a string, found nothing`);
    expect(run(join(folder, 'none.json')).status).toBe(2);
    expect(run().status).toBe(2);
    expect(run('--help').status).toBe(0);
  });

  it('writes a report', () => {
    const report = join(folder, 'report');
    execFileSync(process.execPath, [main, '--json', report, write('good.json', gcmFile(valid))]);
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      passed: 1,
      failed: 0,
      errors: [],
      files: [{ passed: 1, failed: 0, skipped: 0, skips: [], failures: [] }],
    });
  });
});
