import { describe, expect, it } from 'vitest';
import type { TableChange } from '../../../../host/dataplane/engine.ts';
import type { Request } from '../../../../host/messages/message.ts';
import { bothInstalled, distributionFor, noResponse, Rig, startup, withdrawal, words } from './rig.ts';

function changes(rig: Rig): TableChange[] {
  return rig.actions.flatMap((action) => (action.kind === 'change' ? [action.change] : []));
}

function roles(rig: Rig): Record<number, string> {
  return Object.fromEntries(rig.machine.status().pairs.map(({ inboundSpi, role }) => [inboundSpi, role]));
}

/** A rig with a pair and the request for the next one. */
function renewing(): { rig: Rig; old: Request; next: Request } {
  const rig = Rig.up();
  const old = rig.install();
  rig.pass(700_000);
  rig.handle({ kind: 'soft-lifetime', spi: old.spi });
  const next = rig.lastRequest();
  return { rig, old, next };
}

describe('a renewal', () => {
  it('asks for the same kind without a packet, once', () => {
    const { rig, old, next } = renewing();
    expect(next).toMatchObject({ kind: 'all', packet: null, startupId: null });
    expect(next.id).not.toBe(old.id);
    expect(next.spi).not.toBe(old.spi);
    rig.take();
    rig.handle({ kind: 'soft-lifetime', spi: old.spi });
    rig.handle({ kind: 'renew', spi: old.spi });
    expect(words(rig.take())).toEqual([]);
  });

  it.each([
    ['both ends have it', (rig: Rig, next: Request) => rig.receive(bothInstalled(next))],
    [
      'the peer sends through it',
      (rig: Rig, next: Request) => rig.handle({ kind: 'first-authentic', spi: next.spi }),
    ],
  ])('moves outbound when %s, and keeps the old inbound to its end', (_, confirm) => {
    const { rig, old, next } = renewing();
    rig.take();
    rig.receive(distributionFor(next));
    expect(changes(rig)[0]?.install?.[0]).toMatchObject({
      use: false,
      pair: { inbound: { notifyFirstAuthentic: true } },
    });
    expect(roles(rig)).toEqual({ [old.spi]: 'in use', [next.spi]: 'waiting' });
    rig.take();
    confirm(rig, next);
    expect(changes(rig)).toEqual([{ use: [next.spi] }]);
    expect(roles(rig)).toEqual({ [old.spi]: 'old', [next.spi]: 'in use' });
    rig.take();
    rig.receive(bothInstalled(next));
    rig.handle({ kind: 'first-authentic', spi: next.spi });
    rig.handle({ kind: 'soft-lifetime', spi: old.spi });
    expect(words(rig.take())).toEqual([]);
    rig.pass(299_999);
    expect(changes(rig)).toEqual([]);
    rig.pass(1);
    expect(changes(rig)).toEqual([{ remove: [old.spi] }]);
  });

  it('by the peer does it for both: the own one is not started afterwards', () => {
    const rig = Rig.up();
    const old = rig.install();
    rig.pass(700_000);
    rig.receive(startup('1111111111111111'));
    rig.receive(distributionFor(rig.lastRequest()));
    rig.take();
    rig.handle({ kind: 'soft-lifetime', spi: old.spi });
    expect(words(rig.take())).toEqual([]);
  });

  it('that fails leaves the old pair alone and is tried again before its end', () => {
    const { rig, old, next } = renewing();
    rig.take();
    rig.receive(noResponse(next));
    expect(words(rig.actions)).toEqual(['change(release)']);
    expect(roles(rig)).toEqual({ [old.spi]: 'in use' });
    const tries: number[] = [];
    while (rig.now < 990_000 && rig.machine.status().pairs.length > 0) {
      rig.take();
      rig.pass(1_000);
      for (const request of rig.sent('request')) {
        tries.push(rig.now / 1000);
        rig.receive(noResponse(request));
      }
    }
    expect(tries.slice(0, 5)).toEqual([705, 715, 735, 775, 835]);
    rig.take();
    rig.pass(10_000);
    expect(changes(rig)).toContainEqual({ remove: [old.spi] });
  });

  it('that is under way when the old pair ends serves what is acquired then', () => {
    const { rig, old, next } = renewing();
    rig.handle({ kind: 'hard-lifetime', spi: old.spi });
    rig.take();
    rig.handle({ kind: 'acquire', entry: 'to-osaka', packet: aPing });
    expect(words(rig.take())).toEqual([]);
    rig.receive(distributionFor(next));
    expect(changes(rig)[0]?.install?.[0]?.use).toBe(true);
    expect(words(rig.actions)).toContain('release-held');
  });

  it('whose new pair is withdrawn is tried again', () => {
    const { rig, old, next } = renewing();
    rig.receive(distributionFor(next));
    rig.take();
    rig.receive(withdrawal([next.id]));
    expect(words(rig.actions)).toEqual(['change(remove)', 'send(withdrawn)']);
    expect(roles(rig)).toEqual({ [old.spi]: 'in use' });
    rig.take();
    rig.pass(5_000);
    expect(rig.sent('request')).toHaveLength(1);
  });

  it('never moves outbound back to an older pair', () => {
    const { rig, old, next } = renewing();
    rig.receive(distributionFor(next));
    rig.receive(startup('1111111111111111'));
    const third = rig.lastRequest();
    rig.receive(distributionFor(third));
    rig.receive(bothInstalled(third));
    rig.take();
    rig.receive(bothInstalled(next));
    rig.handle({ kind: 'first-authentic', spi: next.spi });
    expect(changes(rig)).toEqual([]);
    expect(roles(rig)).toEqual({ [old.spi]: 'old', [next.spi]: 'old', [third.spi]: 'in use' });
  });

  it('lets the waiting pair take over when the old one ends first', () => {
    const { rig, old, next } = renewing();
    rig.receive(distributionFor(next));
    rig.take();
    rig.handle({ kind: 'hard-lifetime', spi: old.spi });
    expect(changes(rig)).toEqual([{ remove: [old.spi], use: [next.spi] }]);
    expect(roles(rig)).toEqual({ [next.spi]: 'in use' });
  });

  it('of a pair whose soft lifetime passed while it waited starts when it takes over', () => {
    const { rig, next } = renewing();
    rig.receive(distributionFor(next));
    rig.handle({ kind: 'soft-lifetime', spi: next.spi });
    rig.take();
    rig.receive(bothInstalled(next));
    expect(words(rig.actions)).toEqual(['change(use)', 'change(reserve)', 'send(request)']);
  });
});

describe('a hard lifetime', () => {
  it('ends a pair without traffic', () => {
    const rig = Rig.up();
    const { spi } = rig.install();
    rig.pass(999_999);
    expect(changes(rig)).toEqual([]);
    rig.pass(1);
    expect(changes(rig)).toEqual([{ remove: [spi] }]);
    expect(rig.sent('report')).toEqual([]);
    expect(rig.machine.nextDeadline()).toBeUndefined();
  });

  it('by octets or packets is reported until the server has it, because it cannot know', () => {
    const rig = Rig.up();
    const { spi, id } = rig.install();
    rig.handle({ kind: 'hard-lifetime', spi });
    expect(rig.sent('report')).toMatchObject([{ what: 'sa-deleted', id, spi }]);
    rig.pass(15_500);
    expect(rig.sent('report')).toHaveLength(6);
    rig.receive(withdrawal([id]));
    rig.pass(600_000);
    expect(rig.sent('report')).toHaveLength(6);
    expect(rig.machine.nextDeadline()).toBeUndefined();
  });
});

const aPing = {
  local: { family: 4, octets: Uint8Array.of(10, 1, 0, 1) },
  remote: { family: 4, octets: Uint8Array.of(10, 2, 0, 1) },
  protocol: 1,
  localPort: null,
  remotePort: null,
  icmpType: 8,
  icmpCode: 0,
} as const;
