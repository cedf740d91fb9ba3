/** Several pairs of one entry and kind in use at once: lanes of a peer with more workers than this router has. */
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { dataplane, pair, protect, reason, selector } from '../../property/dataplane/engines.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';

const network = selector('10.1.0.0/16', '10.2.0.0/16');
const packet = packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol: UDP, upper: [1, 2] });

function through(engine: Dataplane): number | string {
  const outcome = engine.outbound(packet, 0);
  return outcome.kind === 'send' ? outcome.spi : reason(outcome);
}

function engineWithTurns(): Dataplane {
  const engine = dataplane();
  const install = [
    { pair: pair(0x1001, 0x2001, {}, { turn: 1 }), use: true },
    { pair: pair(0x1002, 0x2002), use: true },
    { pair: pair(0x1003, 0x2003, {}, { turn: 2 }), use: true },
  ];
  engine.change({ spd: [protect('to-b', [network])], install }, 0);
  return engine;
}

describe('pairs in use with turns', () => {
  it('carry packets by the lowest, and by the next when that one goes', () => {
    const engine = engineWithTurns();
    expect(through(engine)).toBe(0x1002);
    engine.change({ remove: [0x1002] }, 0);
    expect(through(engine)).toBe(0x1001);
    engine.change({ remove: [0x1001] }, 0);
    expect(through(engine)).toBe(0x1003);
    engine.change({ remove: [0x1003] }, 0);
    expect(engine.outbound(packet, 0).kind).toBe('held');
  });

  it('are taken over from by a pair of the same turn alone', () => {
    const engine = engineWithTurns();
    engine.change({ install: [{ pair: pair(0x1004, 0x2004, {}, { turn: 1 }), use: true }] }, 0);
    const states = engine.snapshot(0).sad.filter(({ direction }) => direction === 'inbound');
    expect(states.map(({ pair: spi, state }) => [spi, state])).toEqual([
      [0x1001, 'old'],
      [0x1002, 'in use'],
      [0x1003, 'in use'],
      [0x1004, 'in use'],
    ]);
    expect(through(engine)).toBe(0x1002);
  });

  it('each send what is meant for them, in use or not', () => {
    const engine = engineWithTurns();
    for (const spi of [0x1001, 0x1002, 0x1003]) expect(engine.dummy(spi, 40, 0)).toMatchObject({ spi });
  });

  it('are a kind that is there, to a kind that it goes before', () => {
    const engine = engineWithTurns();
    const all = { kind: 'all', precedence: 0, selectors: [network] };
    const rest = pair(0x1005, 0x2005, {}, { kind: 'rest', precedence: 1, precedents: [all] });
    engine.change({ remove: [0x1002], install: [{ pair: rest, use: true }] }, 0);
    expect(through(engine)).toBe(0x1001);
    engine.change({ remove: [0x1001, 0x1003] }, 0);
    expect(engine.outbound(packet, 0).kind).toBe('held');
  });
});
