import { describe, expect, it } from 'vitest';
import type { Upgrade, UpgradeReport } from '../../../host/messages/message.ts';
import { noVersionUp, type VersionUpStanding } from '../../../host/model/version-up.ts';
import { VersionUpExchange } from '../../../host/router/version-up-exchange.ts';

const envelope = { source: 'tokyo', peer: '', kind: '' };
const onBoard: VersionUpStanding = { ...noVersionUp, board: 'qemu-x86_64', slot: 'a' };

function exchange(standing = onBoard): VersionUpExchange {
  let count = 0;
  const random = (octets: number) => new Uint8Array(octets).fill(++count);
  return new VersionUpExchange({ name: 'tokyo', software: '1.0.0', random }, standing);
}

function order(version: string, id = 'aaaaaaaaaaaaaaaa'): Upgrade {
  return { type: 'upgrade', ...envelope, id, version, url: '' };
}

function reportIn(actions: ReturnType<VersionUpExchange['welcome']>): UpgradeReport {
  const found = actions.find((action) => action.kind === 'send');
  if (found === undefined) throw new Error('no report');
  return found.message;
}

describe('what a router says of its version', () => {
  it('goes out after welcome, and again until it is noted', () => {
    const one = exchange();
    const report = reportIn(one.welcome(0));
    expect(report).toMatchObject({ board: 'qemu-x86_64', slot: 'a', stage: 'none', orderId: null });
    expect(one.nextDeadline()).toBe(1000);
    expect(reportIn(one.deadline(1000))).toEqual(report);
    one.noted({ type: 'upgrade-noted', ...envelope, id: 'ffffffffffffffff' });
    expect(one.nextDeadline()).toBe(3000);
    one.noted({ type: 'upgrade-noted', ...envelope, id: report.id });
    expect(one.nextDeadline()).toBeUndefined();
    expect(one.deadline(10_000)).toEqual([]);
  });

  it('is left at six times with a server that never notes it, until the next channel', () => {
    const one = exchange();
    one.welcome(0);
    let sent = 1;
    for (let at = one.nextDeadline(); at !== undefined; at = one.nextDeadline())
      sent += one.deadline(at).length;
    expect(sent).toBe(6);
    expect(one.welcome(100_000)).toHaveLength(1);
  });

  it('waits for a channel', () => {
    const one = exchange();
    expect(one.changed({ ...onBoard, version: '2.0.0', stage: 'writing' }, 5)).toEqual([]);
    expect(reportIn(one.welcome(9))).toMatchObject({ version: '2.0.0', stage: 'writing' });
    one.stop();
    expect(one.nextDeadline()).toBeUndefined();
  });
});

describe('an order of the server', () => {
  it('becomes one upgrade, however often it arrives, and is answered each time', () => {
    const one = exchange();
    one.welcome(0);
    const first = one.order(order('2.0.0'), 10);
    expect(first[0]).toEqual({ kind: 'upgrade', version: '2.0.0', url: '' });
    expect(reportIn(first).orderId).toBe('aaaaaaaaaaaaaaaa');
    expect(one.order(order('2.0.0'), 20).map(({ kind }) => kind)).toEqual(['send']);
    const again = one.order(order('2.0.0', 'bbbbbbbbbbbbbbbb'), 30);
    expect(again.map(({ kind }) => kind)).toEqual(['upgrade', 'send']);
  });

  it('starts nothing for what runs, or is on its way', () => {
    const one = exchange();
    one.welcome(0);
    expect(one.order(order('1.0.0'), 1).map(({ kind }) => kind)).toEqual(['send']);
    one.changed({ ...onBoard, version: '2.0.0', stage: 'writing', at: 7 }, 2);
    expect(one.order(order('2.0.0', 'cccccccccccccccc'), 3).map(({ kind }) => kind)).toEqual(['send']);
  });
});
