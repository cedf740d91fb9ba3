import { describe, expect, it } from 'vitest';
import type { SaPair, TableChange } from '../../../host/dataplane/engine.ts';
import type { Spi } from '../../../host/model/security-association.ts';
import { DummyTraffic } from '../../../host/packet-loop/dummy-traffic.ts';
import { PairsInUse } from '../../../host/packet-loop/pairs-in-use.ts';
import { pair } from '../../property/dataplane/engines.ts';

function source(spi: Spi, dummiesPerSecond: number, more: Partial<SaPair> = {}): SaPair {
  return pair(spi, spi + 0x1000, { dummiesPerSecond }, more);
}

const installed = (one: SaPair, use = true): TableChange => ({ install: [{ pair: one, use }] });

/** Tells `traffic` what a change of the tables means for pairs in use. */
function changing(traffic: DummyTraffic): (change: TableChange, now: number) => void {
  const pairs = new PairsInUse();
  return (change, now) => {
    const { ended, began } = pairs.take(change);
    for (const spi of ended) traffic.stop(spi);
    for (const one of began) traffic.start(one, now);
  };
}

/** Random octets that are always the same: a half. */
const half = (): Uint8Array => Uint8Array.of(128, 0);

/** What is sent in `ms` from `from` on, each as the pair's SPI. */
function run(traffic: DummyTraffic, from: number, ms: number): Spi[] {
  const sent: Spi[] = [];
  for (let now = from; now < from + ms; now++) {
    for (let due = traffic.takeDue(now); due !== undefined; due = traffic.takeDue(now)) sent.push(due.spi);
  }
  return sent;
}

describe('dummy traffic', () => {
  it('is what the policy says on the average, and none without', () => {
    let seed = 1;
    const traffic = new DummyTraffic((octets) =>
      Uint8Array.from({ length: octets }, () => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return seed >> 16;
      }),
    );
    const change = changing(traffic);
    change(installed(source(0x1001, 20)), 0);
    change(installed(source(0x1002, 0, { entry: 'other' })), 0);
    const sent = run(traffic, 0, 60_000);
    expect(new Set(sent)).toEqual(new Set([0x1001]));
    expect(sent.length).toBeGreaterThan(1100);
    expect(sent.length).toBeLessThan(1300);
  });

  it('looks like packets of any length', () => {
    const lengthWith = (random: Uint8Array): number => {
      const traffic = new DummyTraffic(() => random);
      const change = changing(traffic);
      change(installed(source(0x1001, 1)), 0);
      return traffic.takeDue(2000)?.octets ?? 0;
    };
    expect(lengthWith(Uint8Array.of(0, 0))).toBe(40);
    expect(lengthWith(Uint8Array.of(255, 255))).toBe(1300);
  });

  it('goes through a pair only once packets do, and through its successor alone after that', () => {
    const traffic = new DummyTraffic(half);
    const change = changing(traffic);
    change(installed(source(0x1001, 10), false), 0);
    expect(run(traffic, 0, 1000)).toEqual([]);
    change({ use: [0x1001] }, 1000);
    expect(new Set(run(traffic, 1000, 1000))).toEqual(new Set([0x1001]));
    change(installed(source(0x1002, 10)), 2000);
    expect(new Set(run(traffic, 2000, 1000))).toEqual(new Set([0x1002]));
    // The older one goes away later, and takes nothing of the newer one with it.
    change({ remove: [0x1001] }, 3000);
    expect(run(traffic, 3000, 1000).length).toBe(10);
    change({ remove: [0x1002] }, 4000);
    expect(run(traffic, 4000, 1000)).toEqual([]);
    expect(traffic.dueAt).toBeUndefined();
  });

  it('ends when a pair whose policy wants none follows', () => {
    const traffic = new DummyTraffic(half);
    const change = changing(traffic);
    change(installed(source(0x1001, 10)), 0);
    expect(run(traffic, 0, 1000).length).toBeGreaterThan(0);
    change(installed(source(0x1002, 0)), 1000);
    expect(run(traffic, 1000, 1000)).toEqual([]);
    expect(traffic.dueAt).toBeUndefined();
  });

  it('is sent for each kind of an entry', () => {
    const traffic = new DummyTraffic(half);
    const change = changing(traffic);
    change(installed(source(0x1001, 5, { kind: 'web' })), 0);
    change(installed(source(0x1002, 5, { kind: 'mail' })), 0);
    expect(new Set(run(traffic, 0, 1000))).toEqual(new Set([0x1001, 0x1002]));
  });

  it('does not come in a flood after a pause', () => {
    const traffic = new DummyTraffic(half);
    const change = changing(traffic);
    change(installed(source(0x1001, 100)), 0);
    expect(run(traffic, 60_000, 1).length).toBe(1);
  });
});
