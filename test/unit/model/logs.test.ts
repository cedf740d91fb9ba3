import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../host/model/event-log.ts';
import { IntervalLog } from '../../../host/model/interval-log.ts';

describe('the event log', () => {
  it('keeps what happened, oldest first, with both clocks', () => {
    const log = new EventLog('tokyo');
    const before = Date.now();
    log.add('info', 'started', '', 10.5);
    log.add('warn', 'channel down', 'no answer', 20);
    const rows = log.rows();
    expect(rows).toMatchObject([
      { atMs: 10.5, where: 'tokyo', level: 'info', what: 'started', detail: '' },
      { atMs: 20, where: 'tokyo', level: 'warn', what: 'channel down', detail: 'no answer' },
    ]);
    expect(rows[0]?.timeMs).toBeGreaterThanOrEqual(before);
  });

  it('forgets the oldest and shows exactly as many as it may', () => {
    const log = new EventLog('tokyo', 10);
    for (let number = 1; number <= 2000; number++) {
      log.add('info', String(number), '', number);
      const rows = log.rows();
      expect(rows).toHaveLength(Math.min(number, 10));
      expect(rows.at(-1)?.what).toBe(String(number));
      expect(rows[0]?.what).toBe(String(Math.max(1, number - 9)));
    }
  });

  it('hands out copies: what is done to them changes nothing', () => {
    const log = new EventLog('tokyo');
    log.add('info', 'started', '', 1);
    log.rows().pop();
    expect(log.rows()).toHaveLength(1);
  });
});

describe('the interval log', () => {
  function interval(): { log: IntervalLog; said: string[] } {
    const said: string[] = [];
    return { log: new IntervalLog((code, message) => said.push(`${code}: ${message}`)), said };
  }

  it('says a thing at once, and then at most once in ten seconds', () => {
    const { log, said } = interval();
    for (let now = 0; now <= 10_000; now += 100) log.note('icv', `at ${now}`, now);
    expect(said).toEqual(['icv: at 0', 'icv: at 10000 (and 99 more like it before)']);
  });

  it('starts counting anew with each line', () => {
    const { log, said } = interval();
    for (const now of [0, 1, 10_000, 10_001, 10_002, 20_000, 40_000]) log.note('x', 'y', now);
    expect(said).toEqual([
      'x: y',
      'x: y (and 1 more like it before)',
      'x: y (and 2 more like it before)',
      'x: y',
    ]);
  });

  it('keeps things of different codes apart', () => {
    const { log, said } = interval();
    log.note('a', '1', 0);
    log.note('b', '2', 1);
    log.note('a', '3', 2);
    expect(said).toEqual(['a: 1', 'b: 2']);
  });
});
