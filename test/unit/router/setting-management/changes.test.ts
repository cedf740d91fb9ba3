import { describe, expect, it } from 'vitest';
import type { TableChange } from '../../../../host/dataplane/engine.ts';
import {
  aPacket,
  bothInstalled,
  distributionFor,
  endpoint,
  packet,
  pending,
  Rig,
  selector,
  toOsaka,
  withdrawal,
  words,
} from './rig.ts';

function changes(rig: Rig): TableChange[] {
  return rig.actions.flatMap((action) => (action.kind === 'change' ? [action.change] : []));
}

describe('a withdrawal', () => {
  it('removes the pairs it names and is always answered', () => {
    const rig = Rig.up();
    const { id, spi } = rig.install();
    rig.receive(withdrawal([id, '0123456789abcdef']));
    expect(words(rig.actions)).toEqual(['change(remove)', 'send(withdrawn)']);
    expect(changes(rig)).toEqual([{ remove: [spi] }]);
    expect(rig.sent('withdrawn')).toMatchObject([{ id: 'aaaaaaaaaaaaaaaa', source: 'tokyo', peer: 'osaka' }]);
    rig.take();
    rig.receive(withdrawal([id]));
    expect(words(rig.take())).toEqual(['send(withdrawn)']);
    rig.ask();
    expect(rig.sent('request')).toHaveLength(1);
  });

  it('of a request under way asks anew for its packet, under a fresh id and without the kind', () => {
    const rig = Rig.up();
    const own = rig.ask();
    rig.receive(pending(own));
    rig.take();
    rig.receive(withdrawal([own.id]));
    expect(words(rig.actions)).toEqual(['send(withdrawn)', 'change(release reserve)', 'send(request)']);
    expect(rig.lastRequest().id).not.toBe(own.id);
    expect(rig.lastRequest().kind).toBe('');
    const late = distributionFor(own);
    rig.take();
    expect(words(rig.receive(late))).toEqual(['send(report)']);
  });

  it('repeated for each fresh id fails the request in the end', () => {
    const rig = Rig.up();
    rig.ask();
    for (let turn = 0; turn < 4; turn += 1) rig.receive(withdrawal([rig.lastRequest().id]));
    expect(words(rig.actions).slice(-2)).toEqual(['change(block release)', 'drop-held(withdrawn)']);
  });
});

describe('an SPD edit', () => {
  const toKyoto = {
    name: 'to-kyoto',
    selectors: [selector('10.1.0.0/16', '10.3.0.0/16')],
    action: 'PROTECT' as const,
    requestPeer: 'kyoto',
  };

  it('keeps the SAs and requests of what did not change, wherever it stands', () => {
    const rig = Rig.up({ entries: [toOsaka, toKyoto] });
    const { id } = rig.install();
    rig.ask(packet('10.1.0.1', '10.3.0.1'), 'to-kyoto');
    rig.take();
    const entries = [toKyoto, { ...toOsaka, selectors: [...toOsaka.selectors] }];
    rig.handle({ kind: 'spd', entries });
    expect(changes(rig)).toEqual([{ spd: entries }]);
    expect(rig.machine.status().pairs).toMatchObject([{ id }]);
    expect(rig.machine.status().requests).toHaveLength(1);
  });

  it('removes and reports what belonged to entries that are gone or changed', () => {
    const rig = Rig.up({ entries: [toOsaka, toKyoto] });
    const { id, spi } = rig.install();
    const asked = rig.ask(packet('10.1.0.1', '10.3.0.1'), 'to-kyoto');
    rig.take();
    const changed = { ...toOsaka, selectors: [selector('10.1.0.0/16', '10.2.7.0/24')] };
    rig.handle({ kind: 'spd', entries: [changed] });
    expect(changes(rig)).toEqual([
      { spd: [changed], release: [asked.spi], block: [{ entry: 'to-osaka', selectors: [] }], remove: [spi] },
    ]);
    expect(new Set(rig.sent('report').map((report) => `${report.what} ${report.id}`))).toEqual(
      new Set([`sa-deleted ${id}`, `sa-deleted ${asked.id}`]),
    );
    expect(rig.actions.filter(({ kind }) => kind === 'release-held')).toEqual([
      { kind: 'release-held', entry: 'to-osaka' },
      { kind: 'release-held', entry: 'to-kyoto' },
    ]);
    rig.take();
    expect(words(rig.receive(distributionFor(asked)))).toEqual([]);
  });

  it('while the channel is down is reported when it is up', () => {
    const rig = Rig.up();
    const { id } = rig.install();
    rig.handle({ kind: 'channel-down' });
    rig.handle({ kind: 'spd', entries: [] });
    rig.pass(60_000);
    expect(rig.sent('report')).toEqual([]);
    rig.handle({ kind: 'channel-up', behindNat: false });
    expect(rig.sent('report')).toMatchObject([{ what: 'sa-deleted', id }]);
  });
});

describe('an engine that was lost', () => {
  it('leaves nothing of before, tells the server, and is asked for anew what carried traffic', () => {
    const rig = Rig.up();
    const { id } = rig.install();
    rig.handle({ kind: 'engine-lost' });
    expect(words(rig.actions)).toEqual([
      'change(block spd)',
      'send(report)',
      'change(reserve)',
      'send(request)',
    ]);
    expect(rig.sent('report')).toMatchObject([{ what: 'sa-deleted', id }]);
    expect(rig.lastRequest()).toMatchObject({ kind: 'all', packet: null });
    expect(rig.lastRequest().id).not.toBe(id);
    expect(rig.machine.status().pairs).toEqual([]);
    const anew = rig.lastRequest();
    rig.take();
    rig.receive(distributionFor(anew));
    expect(changes(rig)[0]?.install?.[0]?.use).toBe(true);
  });
});

describe('addresses', () => {
  it('of a peer follow the server, and the peer itself', () => {
    const rig = Rig.up();
    const { spi } = rig.installInUdp();
    const message = {
      type: 'endpoint',
      id: '1111111111111111',
      source: 'tokyo',
      peer: 'osaka',
      kind: '',
      endpoint: endpoint('203.0.113.77', 1024),
    } as const;
    rig.receive(message);
    rig.receive({ ...message, peer: 'kyoto' });
    rig.handle({ kind: 'peer-moved', spi, from: endpoint('203.0.113.78', 1025) });
    rig.handle({ kind: 'peer-moved', spi: 4096, from: endpoint('203.0.113.79', 1025) });
    expect(changes(rig)).toEqual([
      { move: [{ spi, peer: endpoint('203.0.113.77', 1024) }] },
      { move: [{ spi, peer: endpoint('203.0.113.78', 1025) }] },
    ]);
  });
});

describe('a pair that is not answered', () => {
  it('is reported and removed, and the next packet asks for another', () => {
    const rig = Rig.up();
    const { id, spi } = rig.install();
    rig.handle({ kind: 'unanswered', spi });
    expect(words(rig.actions)).toEqual(['change(remove)', 'send(report)']);
    expect(rig.sent('report')).toMatchObject([{ what: 'unanswered', id, spi }]);
    expect(rig.machine.status().entries).toMatchObject([
      {
        failure: 'no response',
        failureDetail: expect.stringContaining('nothing comes from osaka'),
        blocked: [],
      },
    ]);
    rig.receive(withdrawal([id]));
    rig.take();
    rig.ask();
    expect(rig.lastRequest().id).not.toBe(id);
  });

  it('stays while no other could be had', () => {
    const rig = Rig.up();
    const { spi } = rig.install();
    rig.handle({ kind: 'channel-down' });
    rig.take();
    rig.handle({ kind: 'unanswered', spi });
    expect(rig.take()).toEqual([]);
    expect(rig.machine.status().pairs.length).toBe(1);
  });
});

describe('a channel that was lost', () => {
  it('leaves the pairs in place', () => {
    const rig = Rig.up();
    rig.install();
    const before = rig.machine.status().pairs;
    rig.handle({ kind: 'channel-down' });
    rig.pass(10_000);
    rig.handle({ kind: 'channel-up', behindNat: false });
    expect(rig.machine.status().pairs).toEqual(before);
    expect(words(rig.take())).toEqual([]);
  });
});

describe('an unknown SPI', () => {
  const from = endpoint('192.0.2.66');

  it('is reported once in 10 s, with the number of packets', () => {
    const rig = Rig.up();
    for (let count = 0; count < 5; count += 1) rig.handle({ kind: 'unknown-spi', spi: 0x1234, from });
    expect(rig.sent('report')).toMatchObject([{ what: 'bad-spi', spi: 0x1234, from, count: 1 }]);
    rig.pass(10_000);
    rig.handle({ kind: 'unknown-spi', spi: 0x1234, from });
    expect(rig.sent('report')[1]).toMatchObject({ count: 5 });
  });

  it('from a stranger who tries them all costs 16 reports in 10 s and no memory', () => {
    const rig = Rig.up();
    for (let spi = 256; spi < 20_256; spi += 1) rig.handle({ kind: 'unknown-spi', spi, from });
    expect(rig.sent('report')).toHaveLength(16);
    rig.pass(10_000);
    rig.handle({ kind: 'unknown-spi', spi: 9, from });
    expect(rig.sent('report')).toHaveLength(17);
  });

  it('is not reported into a channel that is down', () => {
    const rig = new Rig();
    rig.handle({ kind: 'unknown-spi', spi: 0x1234, from });
    expect(rig.sent('report')).toEqual([]);
  });
});

describe('SPIs', () => {
  it('all come back: a thousand set-ups of each outcome leave every place free', () => {
    const rig = Rig.up({ capacity: 4, timers: { backOffMs: 1, backOffMaxMs: 1 } });
    for (let turn = 0; turn < 1_000; turn += 1) {
      const request = rig.ask(aPacket);
      if (turn % 4 === 0) {
        rig.receive(distributionFor(request));
        rig.receive(bothInstalled(request));
        rig.receive(withdrawal([request.id]));
      } else if (turn % 4 === 1) {
        rig.receive({
          type: 'refused',
          id: request.id,
          source: 'tokyo',
          peer: 'osaka',
          kind: '',
          reason: '',
        });
      } else if (turn % 4 === 2) {
        rig.handle({ kind: 'spd', entries: [] });
        rig.handle({ kind: 'spd', entries: [toOsaka] });
      } else {
        rig.receive(distributionFor(request));
        rig.handle({ kind: 'engine-lost' });
        rig.receive(withdrawal([rig.machine.status().requests[0]!.id]));
      }
      rig.pass(2);
      rig.take();
      expect(rig.machine.status().pairs).toEqual([]);
      expect(rig.machine.status().requests).toEqual([]);
    }
  });
});
