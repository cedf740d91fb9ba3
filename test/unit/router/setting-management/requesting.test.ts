import { describe, expect, it } from 'vitest';
import { formatSelector } from '../../../../host/model/selector.ts';
import {
  aPacket,
  distributionFor,
  noResponse,
  packet,
  pending,
  Rig,
  selector,
  toOsaka,
  withdrawal,
  words,
} from './rig.ts';

describe('a request', () => {
  it('reserves its SPI in the engine before it goes out', () => {
    const rig = Rig.up();
    const actions = rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: aPacket });
    expect(words(actions)).toEqual(['change(reserve)', 'send(request)']);
    const request = rig.lastRequest();
    expect(actions[0]).toEqual({ kind: 'change', change: { reserve: [request.spi] } });
    expect(request).toMatchObject({
      source: 'tokyo',
      peer: 'osaka',
      kind: '',
      packet: aPacket,
      startupId: null,
    });
    expect(request.id).toMatch(/^[0-9a-f]{16}$/);
    expect(request.spi).toBeGreaterThan(255);
  });

  it('goes out six times with the same id and SPI, every 5 s, and then fails', () => {
    const rig = Rig.up();
    const first = rig.ask();
    rig.pass(29_999);
    expect(rig.sent('request')).toHaveLength(6);
    expect(new Set(rig.sent('request').map(({ id, spi }) => `${id} ${spi}`))).toEqual(
      new Set([`${first.id} ${first.spi}`]),
    );
    rig.take();
    rig.pass(1);
    expect(words(rig.take())).toEqual([
      'send(report)',
      'change(block release)',
      'drop-held(server unreachable)',
    ]);
    rig.pass(60_000);
    expect(rig.sent('request')).toEqual([]);
  });

  it('is repeated rarely once it is pending, and given up 45 s after', () => {
    const rig = Rig.up();
    const request = rig.ask();
    rig.pass(3_000);
    rig.receive(pending(request));
    rig.take();
    rig.pass(44_999);
    expect(rig.sent('request').map(({ id }) => id)).toEqual([request.id, request.id]);
    rig.take();
    rig.pass(1);
    expect(words(rig.take())).toEqual(['send(report)', 'change(block release)', 'drop-held(no response)']);
  });

  it('does not get more time from a repeated pending', () => {
    const rig = Rig.up();
    const request = rig.ask();
    for (let turn = 0; turn < 9; turn += 1) {
      rig.receive(pending(request));
      rig.pass(5_000);
    }
    expect(words(rig.actions)).toContain('drop-held(no response)');
  });

  it('is one for an entry, whatever else of the entry is acquired meanwhile', () => {
    const rig = Rig.up();
    rig.ask();
    rig.take();
    expect(
      words(rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: packet('10.1.0.2', '10.2.0.9') })),
    ).toEqual([]);
  });

  it('waits for the channel, and goes out when it comes up', () => {
    const rig = new Rig();
    rig.take();
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: aPacket });
    rig.pass(20_000);
    expect(words(rig.take())).toEqual(['change(reserve)']);
    rig.handle({ kind: 'channel-up', behindNat: false });
    expect(words(rig.take())).toEqual(['send(request)']);
    rig.pass(29_999);
    expect(rig.sent('request')).toHaveLength(5);
  });

  it('fails as server unreachable when the channel stays down', () => {
    const rig = new Rig();
    rig.take();
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: aPacket });
    rig.pass(30_000);
    expect(words(rig.take())).toEqual([
      'change(reserve)',
      'change(block release)',
      'drop-held(server unreachable)',
    ]);
  });

  it('is asked again at once when the channel comes back, and what was blocked for it is free', () => {
    const rig = new Rig();
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: aPacket });
    rig.pass(30_000);
    rig.take();
    expect(rig.handle({ kind: 'channel-up', behindNat: false })[0]).toEqual({
      kind: 'change',
      change: { block: [{ entry: 'to-osaka', selectors: [] }] },
    });
    rig.ask();
    rig.take();
    rig.handle({ kind: 'channel-down' });
    rig.pass(10_000);
    expect(rig.sent('request')).toEqual([]);
    rig.handle({ kind: 'channel-up', behindNat: false });
    expect(rig.sent('request')).toHaveLength(1);
  });

  it('starts over with a fresh id and another SPI when its contents are inconsistent, three times at most', () => {
    const rig = Rig.up();
    const seen = [rig.ask()];
    for (let turn = 0; turn < 3; turn += 1) {
      const { id, source, peer, kind, spi } = rig.lastRequest();
      rig.take();
      rig.receive({
        type: 'contents-inconsistent',
        id,
        source,
        peer,
        kind,
        entries: [{ id: 'ffffffffffffffff', spi: spi + 16 }],
      });
      expect(words(rig.actions)).toEqual(['send(report)', 'change(release reserve)', 'send(request)']);
      seen.push(rig.lastRequest());
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(4);
    expect(new Set(seen.map(({ spi }) => spi)).size).toBe(4);
    const { id, source, peer, kind } = rig.lastRequest();
    rig.take();
    rig.receive({ type: 'contents-inconsistent', id, source, peer, kind, entries: [] });
    expect(words(rig.take())).toEqual(['change(block release)', 'drop-held(contents inconsistent)']);
  });

  it('is refused where no place for an SA pair is left', () => {
    const entries = ['a', 'b', 'c'].map((name, index) => ({
      ...toOsaka,
      name,
      selectors: [selector('10.1.0.0/16', `10.${index + 2}.0.0/16`)],
    }));
    const rig = Rig.up({ entries, capacity: 2 });
    rig.ask(packet('10.1.0.1', '10.2.0.1'), 'a');
    rig.ask(packet('10.1.0.1', '10.3.0.1'), 'b');
    rig.take();
    expect(
      words(rig.handle({ kind: 'acquire', entry: 'c', packet: packet('10.1.0.1', '10.4.0.1') })),
    ).toEqual(['change(block)', 'drop-held(refused)']);
  });

  it('is not made for an entry that asks nobody', () => {
    const rig = Rig.up({ entries: [{ name: 'open', selectors: toOsaka.selectors, action: 'BYPASS' }] });
    expect(rig.handle({ kind: 'acquire', entry: 'open', packet: aPacket })).toEqual([]);
    expect(rig.handle({ kind: 'acquire', entry: 'unheard of', packet: aPacket })).toEqual([]);
  });
});

describe('a failure', () => {
  const blocked = (rig: Rig) =>
    rig.machine.status().entries[0]?.blocked.flatMap(({ selectors }) => selectors) ?? [];

  it('without response blocks the whole entry, drops what was held and says why', () => {
    const rig = Rig.up();
    const request = rig.ask();
    rig.take();
    rig.receive(pending(request));
    rig.receive(noResponse(request));
    expect(words(rig.actions)).toEqual(['change(block release)', 'drop-held(no response)']);
    expect(blocked(rig)).toEqual(toOsaka.selectors.map(formatSelector));
    expect(rig.machine.status().entries[0]).toMatchObject({
      failure: 'no response',
      failureDetail: 'osaka did not ask',
    });
    expect(rig.actions.some((action) => action.kind === 'log' && action.what === 'failed')).toBe(true);
  });

  it('for part of an entry blocks that part, and lets the engine sort the held packets', () => {
    const rig = Rig.up();
    const { id, source, peer } = rig.ask();
    rig.take();
    const refused = [selector('10.1.0.1/32', '10.2.0.1/32', { protocol: 17 })];
    rig.receive({
      type: 'no-corresponding-entry',
      id,
      source,
      peer,
      kind: '',
      reason: 'no policy',
      selectors: refused,
    });
    expect(words(rig.actions)).toEqual(['change(block release)', 'release-held']);
    expect(blocked(rig)).toEqual(refused.map(formatSelector));
    // The same again is refused here, another one is asked for.
    rig.take();
    expect(rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: aPacket })).toEqual([]);
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: packet('10.1.0.7', '10.2.0.1') });
    expect(rig.sent('request')).toHaveLength(1);
  });

  it('blocks twice as long each time in a row, and is forgotten after a success', () => {
    const rig = Rig.up();
    const lengths: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      rig.receive(noResponse(rig.ask()));
      const at = rig.now;
      while (blocked(rig).length > 0) rig.pass(500);
      lengths.push((rig.now - at) / 1000);
    }
    expect(lengths).toEqual([5, 10, 20, 40, 60, 60]);
    rig.receive(distributionFor(rig.ask()));
    expect(rig.machine.status().entries[0]?.failure).toBeNull();
    rig.receive(withdrawal([rig.lastRequest().id]));
    rig.receive(noResponse(rig.ask()));
    rig.pass(4_999);
    expect(blocked(rig)).not.toEqual([]);
    rig.take();
    rig.pass(1);
    expect(words(rig.take())).toEqual(['change(block)']);
    expect(blocked(rig)).toEqual([]);
  });

  it('message for an id that is not under way changes nothing', () => {
    const rig = Rig.up();
    rig.ask();
    rig.take();
    const status = rig.machine.status();
    rig.receive(noResponse({ id: '0123456789abcdef', source: 'tokyo', peer: 'osaka', kind: '' }));
    rig.receive(noResponse({ ...rig.machine.status().requests[0]!, source: 'kyoto', peer: 'osaka' }));
    expect(words(rig.take())).toEqual([]);
    expect({ ...rig.machine.status(), ignored: {} }).toEqual({ ...status, ignored: {} });
    expect(Object.values(rig.machine.status().ignored)).toEqual([1, 1]);
  });
});
