/** Protocol logic reads no clock, sets no timer and draws no randomness: it can be run for a simulated year from one seed. */
import { describe, expect, it } from 'vitest';
import { read, sourceFiles, withoutComments } from './sources.ts';

const machines = [
  'host/model',
  'host/messages',
  'host/ike',
  'host/certificates',
  'host/channel',
  'host/dataplane',
  'host/flash',
  'host/slots',
  'host/router/setting-management',
  'host/server/request-processing',
  'host/server/echo-peer',
  'host/server/rollout',
  'host/server/distribution-policies',
  'host/server/management-table',
];

const impure = [
  /\bDate\.now\b/,
  /\bnew Date\b/,
  /\bset(?:Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bMath\.random\b/,
  /\bprocess\.(?:hrtime|uptime|env)\b/,
  /\bperformance\.now\b/,
  /\b(?:randomBytes|randomFill|randomFillSync|randomInt|randomUUID|getRandomValues)\(/,
  /\bgenerateKeyPair(?:Sync)?\(/,
  /\bgenerateKey(?:Sync)?\(/,
];

/** Files beside machines that are none. */
const exempt: Readonly<Record<string, string>> = {
  'host/model/event-log.ts': 'stamps what people read with the time of day; nothing is decided by it',
};

function impuritiesIn(path: string, text: string): string[] {
  return withoutComments(text)
    .split('\n')
    .flatMap((line, index) =>
      impure.some((pattern) => pattern.test(line)) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
    );
}

describe('pure machines', () => {
  it('have no clock, no timer and no randomness of their own', () => {
    const files = sourceFiles(...machines).filter((path) => !(path in exempt));
    expect(files.length).toBeGreaterThan(15);
    expect(files.flatMap((path) => impuritiesIn(path, read(path)))).toEqual([]);
  });

  it('would be caught', () => {
    expect(impuritiesIn('x.ts', 'const a = 1;\nconst now = Date.now(); // said\n// Date.now()')).toEqual([
      'x.ts:2: const now = Date.now();',
    ]);
  });
});
