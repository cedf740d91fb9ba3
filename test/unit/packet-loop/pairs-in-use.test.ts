import { describe, expect, it } from 'vitest';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import type { Spi } from '../../../host/model/security-association.ts';
import { PairsInUse } from '../../../host/packet-loop/pairs-in-use.ts';
import { pair, protect, selector } from '../../property/dataplane/engines.ts';

const made = (spi: Spi, more: Partial<SaPair> = {}): SaPair => pair(spi, spi + 0x1000, {}, more);

/** What a change begins and ends, in short. */
function taken(pairs: PairsInUse, change: Parameters<PairsInUse['take']>[0]): string[] {
  const { ended, began } = pairs.take(change);
  return [...ended.map((spi) => `-${spi.toString(16)}`), ...began.map(({ spi }) => `+${spi.toString(16)}`)];
}

describe('pairs in use', () => {
  it('are one for each entry and kind, and the next one takes the place of the one before', () => {
    const pairs = new PairsInUse();
    expect(taken(pairs, { install: [{ pair: made(0x1001), use: true }] })).toEqual(['+1001']);
    expect(taken(pairs, { install: [{ pair: made(0x1002), use: false }] })).toEqual([]);
    expect(taken(pairs, { use: [0x1002] })).toEqual(['-1001', '+1002']);
    expect(taken(pairs, { use: [0x1002] })).toEqual([]);
    expect(taken(pairs, { remove: [0x1001] })).toEqual([]);
    const web = made(0x1003, { kind: 'web' });
    expect(taken(pairs, { install: [{ pair: web, use: true }] })).toEqual(['+1003']);
    expect(taken(pairs, { remove: [0x1002, 0x1003] })).toEqual(['-1002', '-1003']);
    expect(taken(pairs, { use: [0x1002] })).toEqual([]);
  });

  it('are one for each turn of a kind', () => {
    const pairs = new PairsInUse();
    expect(taken(pairs, { install: [{ pair: made(0x1001), use: true }] })).toEqual(['+1001']);
    expect(taken(pairs, { install: [{ pair: made(0x1002, { turn: 1 }), use: true }] })).toEqual(['+1002']);
    expect(taken(pairs, { install: [{ pair: made(0x1003, { turn: 1 }), use: true }] })).toEqual([
      '-1002',
      '+1003',
    ]);
  });

  it('follow each other without a gap in one change', () => {
    const pairs = new PairsInUse();
    pairs.take({ install: [{ pair: made(0x1001), use: true }] });
    const next = { install: [{ pair: made(0x1002), use: true }], remove: [0x1001] };
    expect(taken(pairs, next)).toEqual(['-1001', '+1002']);
    const gone = { install: [{ pair: made(0x1003), use: true }], remove: [0x1003] };
    expect(taken(pairs, gone)).toEqual(['-1002']);
  });

  it('end with their entry of the SPD', () => {
    const pairs = new PairsInUse();
    const { entry } = made(0x1001);
    pairs.take({ install: [{ pair: made(0x1001), use: true }] });
    pairs.take({ install: [{ pair: made(0x1002, { entry: 'other' }), use: true }] });
    const spd = [protect(entry, [selector('10.1.0.0/16', '10.2.0.0/16')])];
    expect(taken(pairs, { spd })).toEqual(['-1002']);
  });

  it('are none of the channel', () => {
    const pairs = new PairsInUse();
    expect(taken(pairs, { install: [{ pair: made(0x1001, { entry: '' }), use: true }] })).toEqual([]);
    expect(taken(pairs, { use: [0x1001], spd: [] })).toEqual([]);
  });
});
