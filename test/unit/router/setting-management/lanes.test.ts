import { describe, expect, it } from 'vitest';
import type { SaPair } from '../../../../host/dataplane/engine.ts';
import { workerOfSpi } from '../../../../host/dataplane/spi-allocator.ts';
import type { Request } from '../../../../host/messages/message.ts';
import { aPacket, bothInstalled, distributionFor, packet, Rig, startup, words } from './rig.ts';

const otherPacket = packet('10.1.0.9', '10.2.0.9');

function acquire(rig: Rig, worker: number, which = aPacket): void {
  rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: which, worker });
}

/** The worker asks, or the peer does, and both get the pair. */
function establish(rig: Rig, request: Request): { readonly pair: SaPair; readonly use: boolean } {
  const actions = rig.receive(distributionFor(request));
  const [installed] = actions.flatMap((action) =>
    action.kind === 'change' ? (action.change.install ?? []) : [],
  );
  if (installed === undefined) throw new Error('nothing was installed');
  return installed;
}

describe('a router with several workers', () => {
  it('asks in a lane for each, with an SPI of the worker that has it', () => {
    const rig = Rig.up({ workers: 3 });
    for (const worker of [0, 1, 2]) acquire(rig, worker);
    const requests = rig.sent('request');
    expect(requests.map(({ lane }) => lane)).toEqual([0, 1, 2]);
    expect(requests.map(({ spi }) => workerOfSpi(spi, 3))).toEqual([0, 1, 2]);
    acquire(rig, 1, otherPacket);
    expect(rig.sent('request')).toHaveLength(3);
  });

  it('lets the held packets of the worker go whose lane it is, and each pair is used at once', () => {
    const rig = Rig.up({ workers: 2 });
    acquire(rig, 1);
    const { pair, use } = establish(rig, rig.lastRequest());
    expect([pair.turn, use]).toEqual([0, true]);
    const released = rig.actions.filter(({ kind }) => kind === 'release-held');
    expect(released).toEqual([{ kind: 'release-held', entry: 'to-osaka', worker: 1 }]);
    acquire(rig, 0);
    expect(rig.lastRequest().lane).toBe(0);
    expect(establish(rig, rig.lastRequest()).use).toBe(true);
    expect(rig.machine.status().pairs.map(({ lane, role }) => [lane, role])).toEqual([
      [1, 'in use'],
      [0, 'in use'],
    ]);
  });

  it('renews each lane by itself', () => {
    const rig = Rig.up({ workers: 2 });
    acquire(rig, 0);
    establish(rig, rig.lastRequest());
    acquire(rig, 1);
    const second = rig.lastRequest();
    establish(rig, second);
    rig.take();
    rig.handle({ kind: 'soft-lifetime', spi: second.spi });
    const renewal = rig.lastRequest();
    expect(renewal).toMatchObject({ lane: 1, kind: 'all', packet: null });
    expect(workerOfSpi(renewal.spi, 2)).toBe(1);
    expect(establish(rig, renewal).use).toBe(false);
    rig.receive(bothInstalled(renewal));
    expect(rig.machine.status().pairs.map(({ lane, role }) => [lane, role])).toEqual([
      [0, 'in use'],
      [1, 'old'],
      [1, 'in use'],
    ]);
  });

  it('reports no SPI as unknown that another worker has', () => {
    const rig = Rig.up({ workers: 2 });
    acquire(rig, 1);
    const { spi } = rig.lastRequest();
    establish(rig, rig.lastRequest());
    const from = { address: { family: 4, octets: Uint8Array.of(203, 0, 113, 2) }, port: 4500 } as const;
    rig.handle({ kind: 'unknown-spi', spi, from });
    expect(rig.sent('report')).toEqual([]);
    rig.handle({ kind: 'unknown-spi', spi: spi + 16, from });
    expect(rig.sent('report')).toHaveLength(1);
  });

  it('gives every lane up when an engine is lost, and asks for each again', () => {
    const rig = Rig.up({ workers: 2 });
    for (const worker of [0, 1]) {
      acquire(rig, worker);
      establish(rig, rig.lastRequest());
    }
    rig.take();
    rig.handle({ kind: 'engine-lost' });
    expect(rig.sent('report')).toHaveLength(2);
    expect(rig.sent('request').map(({ lane }) => lane)).toEqual([0, 1]);
  });
});

describe('a router with fewer workers than its peer', () => {
  it('follows startups for lanes that it has no worker for, and sends through the first pair that there was', () => {
    const rig = Rig.up();
    rig.receive(startup('00000000000000a2', { lane: 2 }));
    const third = rig.lastRequest();
    expect(third.lane).toBe(2);
    expect(establish(rig, third)).toMatchObject({ use: true, pair: { turn: 0 } });
    rig.receive(bothInstalled(third));
    rig.receive(startup('00000000000000a0', { lane: 0 }));
    const first = rig.lastRequest();
    // The peer may not have it yet, and another lane carries what there is.
    expect(establish(rig, first)).toMatchObject({ use: false, pair: { turn: 1 } });
    rig.take();
    expect(words(rig.receive(bothInstalled(first)))).toContain('change(use)');
    expect(rig.machine.status().pairs.map(({ lane, role }) => [lane, role])).toEqual([
      [2, 'in use'],
      [0, 'in use'],
    ]);
  });

  it('asks for none of its own while another carries its packets', () => {
    const rig = Rig.up();
    rig.receive(startup('00000000000000a3', { lane: 3 }));
    acquire(rig, 0);
    expect(rig.sent('request')).toHaveLength(1);
    establish(rig, rig.lastRequest());
    acquire(rig, 0);
    expect(rig.sent('request')).toHaveLength(1);
  });

  it('keeps the turn of a lane through its renewals', () => {
    const rig = Rig.up();
    rig.receive(startup('00000000000000a1', { lane: 1 }));
    establish(rig, rig.lastRequest());
    rig.receive(startup('00000000000000a2', { lane: 2 }));
    const second = rig.lastRequest();
    expect(establish(rig, second).pair.turn).toBe(1);
    rig.receive(bothInstalled(second));
    rig.handle({ kind: 'soft-lifetime', spi: second.spi });
    expect(establish(rig, rig.lastRequest())).toMatchObject({ use: false, pair: { turn: 1 } });
  });
});
