/** Rekeyings by one end, message by message: after each step both data planes are looked at. */
import { describe, expect, it } from 'vitest';
import { lateArrivalMs } from '../../../../host/ike/child-sas.ts';
import { lingerMs } from '../../../../host/ike/rekey/ike-sa-succession.ts';
import { Ends, expectOneOfEach } from '../ends/ends.ts';
import { actionsOf, outcomes } from '../ends/pair.ts';
import { headerOf } from '../ends/stranger.ts';

describe.each(['router', 'server'] as const)('a CHILD SA rekeyed by the %s', (end) => {
  const isRouter = end === 'router';

  it('is replaced in two exchanges, and no packet is lost at any moment', () => {
    const both = new Ends();
    const other = isRouter ? both.server : both.router;
    const own = isRouter ? both.router : both.server;
    const before = own.used;
    both.rekey(end, 'rekey-child');
    expect(both.underWay).toBe(isRouter ? '>' : '<');
    both.talk();
    // The responder receives on the new one before it answers, and goes on sending on the old one.
    const used = other.used;
    isRouter ? both.toServer() : both.toRouter();
    expect([other.installed.size, other.used]).toEqual([2, used]);
    both.talk();
    // With the answer the initiator sends through the new one.
    isRouter ? both.toRouter() : both.toServer();
    expect(own.used).not.toBe(before);
    expect(own.installed.size).toBe(2);
    // The delete of the old one tells the responder, if no packet has.
    isRouter ? both.toServer() : both.toRouter();
    expect(other.used).not.toBe(used);
    both.talk();
    isRouter ? both.toRouter() : both.toServer();
    expect([both.router.installed.size, both.server.installed.size]).toEqual([2, 2]);
    both.pass(lateArrivalMs - 1);
    expect([both.router.installed.size, both.server.installed.size]).toEqual([2, 2]);
    both.pass(1);
    expect([both.router.installed.size, both.server.installed.size]).toEqual([1, 1]);
    expectOneOfEach(both);
  });

  it('is used by the other end as soon as a packet came through it', () => {
    const both = new Ends();
    both.rekey(end, 'rekey-child');
    isRouter ? both.toServer() : both.toRouter();
    isRouter ? both.toRouter() : both.toServer();
    const other = isRouter ? both.server : both.router;
    const used = other.used;
    both.talk();
    expect(other.used).not.toBe(used);
    expectOneOfEach(both);
  });

  it('has keys of its own', () => {
    const both = new Ends();
    for (let count = 0; count < 3; count++) {
      both.rekey(end, 'rekey-child');
      both.settle();
      both.pass(lateArrivalMs);
    }
    expect(new Set(both.router.outboundKeys).size).toBe(4);
    expect(both.router.outboundKeys).toEqual(both.server.inboundKeys);
    expect(both.server.outboundKeys).toEqual(both.router.inboundKeys);
    expectOneOfEach(both);
  });

  it.each([0, 1, 2, 3])('survives the loss of message %i', (lost) => {
    const both = new Ends();
    both.rekey(end, 'rekey-child');
    both.settle(lost);
    both.talk();
    both.pass(4001);
    both.talk();
    expectOneOfEach(both);
  });
});

describe.each(['router', 'server'] as const)('an IKE SA rekeyed by the %s', (end) => {
  it('has a new name at both ends, counts messages from 0 and keeps the CHILD SA', () => {
    const both = new Ends();
    const { saId } = both.pair.initiator;
    const used = [both.router.used, both.server.used];
    both.rekey(end, 'rekey-ike-sa');
    both.settle();
    expect(both.pair.initiator.saId).not.toBe(saId);
    expect(outcomes(both.pair.initiatorActions)).toContain('ike-sa-rekeyed');
    expect([both.router.used, both.server.used]).toEqual(used);
    both.pair.sent.length = 0;
    both.pair.checkLiveness();
    expect(headerOf(both.pair.sent[0]!.bytes)).toMatchObject({
      messageId: 0,
      fromInitiator: end === 'router',
    });
    both.settle();
    expectOneOfEach(both);
    expect(actionsOf(both.pair.initiatorActions, 'closed')).toEqual([]);
  });

  it.each([0, 1, 2, 3])('survives the loss of message %i', (lost) => {
    const both = new Ends();
    both.rekey(end, 'rekey-ike-sa');
    both.settle(lost);
    both.pass(4001);
    expectOneOfEach(both);
  });

  it('can rekey the CHILD SA that it inherited, and itself again, from both sides', () => {
    const both = new Ends();
    for (const next of ['router', 'server', 'router'] as const) {
      both.rekey(end, 'rekey-ike-sa');
      both.settle();
      both.rekey(next, 'rekey-child');
      both.settle();
      both.talk();
      both.rekey(next, 'rekey-ike-sa');
      both.settle();
      both.pass(lingerMs);
    }
    expectOneOfEach(both);
    expect(actionsOf(both.pair.responderActions, 'ike-sa-rekeyed').length).toBe(6);
  });

  it('is deleted with everything, from both sides', () => {
    for (const closer of ['router', 'server'] as const) {
      const both = new Ends();
      both.rekey(end, 'rekey-ike-sa');
      both.settle();
      both.close(closer);
      both.settle();
      both.pass(lingerMs);
      expect(actionsOf(both.pair.initiatorActions, 'closed').length).toBe(1);
      expect(actionsOf(both.pair.responderActions, 'closed').length).toBe(1);
      expect(both.pair.responders.size).toBe(0);
      expect(both.pair.initiator.isOver).toBe(true);
    }
  });
});

describe('requests of one end', () => {
  it('wait for one another: the window is one', () => {
    const both = new Ends();
    both.pair.checkLiveness();
    both.rekey('router', 'rekey-child');
    both.rekey('router', 'rekey-ike-sa');
    expect(both.underWay).toBe('>');
    both.settle();
    both.pass(lingerMs);
    expect(both.router.outboundKeys.length).toBe(2);
    expect(actionsOf(both.pair.initiatorActions, 'ike-sa-rekeyed').length).toBe(1);
    expectOneOfEach(both);
  });

  it('are not doubled by asking twice', () => {
    const both = new Ends();
    both.rekey('router', 'rekey-child');
    both.rekey('router', 'rekey-child');
    both.settle();
    expect(both.router.outboundKeys.length).toBe(2);
    expectOneOfEach(both);
  });
});
