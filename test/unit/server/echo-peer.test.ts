import { describe, expect, it } from 'vitest';
import { echoRequest, isReplyTo } from '../../../host/channel/echo-packet.ts';
import { echoSelector } from '../../../host/channel/echo-selector.ts';
import { innerAddress } from '../../../host/channel/inner-address.ts';
import { encodeMessage } from '../../../host/messages/codec.ts';
import { echoPeerName, selfTestKind } from '../../../host/messages/echo-peer.ts';
import type { RequestStartup } from '../../../host/messages/message.ts';
import { nameText } from '../../../host/model/name-text.ts';
import { PolicySet } from '../../../host/server/distribution-policies/policy-set.ts';
import { EchoPeer } from '../../../host/server/echo-peer/echo-peer.ts';
import { policy, prefix } from '../../simulation/end-to-end/network.ts';

function peer(maximumTests = 3) {
  const free = [0x1001, 0x1002, 0x1003, 0x1004, 0x1005];
  let count = 0;
  const released: number[] = [];
  const echo = new EchoPeer({
    random: (octets) => new Uint8Array(octets).fill(++count),
    allocateSpi: () => free.shift(),
    releaseSpi: (spi) => released.push(spi),
    localOf: () => undefined,
    maximumTests,
  });
  return { echo, released };
}

function startup(router: string, id: string): RequestStartup {
  const selectors = [echoSelector(echoPeerName, router)];
  const envelope = { id, source: echoPeerName, peer: router, kind: selfTestKind };
  return { type: 'request-startup', ...envelope, lane: 0, selectors, packet: null };
}

const idOf = (number: number) => number.toString(16).padStart(16, '0');

describe('the echo peer', () => {
  it('has a name that the protocol carries and no settings file takes', () => {
    expect(nameText.safeParse(echoPeerName).success).toBe(false);
    expect(() => encodeMessage(startup('tokyo', idOf(1)))).not.toThrow();
  });

  it('answers a startup with a request, and a repeated one with the same', () => {
    const { echo } = peer();
    const [first] = echo.receive(startup('tokyo', idOf(1)), 0);
    expect(first).toMatchObject({
      message: { type: 'request', peer: 'tokyo', spi: 0x1001, startupId: idOf(1) },
    });
    expect(echo.receive(startup('tokyo', idOf(1)), 5)).toEqual([first]);
    expect(echo.underWay).toBe(1);
  });

  it('holds no more than its bound, and gives room back when a test ends or its time is over', () => {
    const { echo, released } = peer(2);
    echo.receive(startup('tokyo', idOf(1)), 0);
    const [second] = echo.receive(startup('osaka', idOf(2)), 1000);
    expect(echo.receive(startup('nagoya', idOf(3)), 2000)).toMatchObject([
      { message: { type: 'report', what: 'no-spd-entry', id: idOf(3) } },
    ]);
    expect(echo.underWay).toBe(2);
    if (second?.kind !== 'message') throw new Error('no request');
    echo.receive(
      { type: 'refused', id: second.message.id, source: echoPeerName, peer: 'osaka', kind: '', reason: '' },
      3000,
    );
    expect(released).toEqual([0x1002]);
    expect(echo.nextDeadline()).toBe(60_000);
    echo.deadline(60_000);
    expect(released).toEqual([0x1002, 0x1001]);
    expect(echo.underWay).toBe(0);
    expect(echo.nextDeadline()).toBeUndefined();
  });

  it('turns an echo request of its SA round, and the same one round for no SPI that is not its own', () => {
    const { echo } = peer();
    echo.receive(startup('tokyo', idOf(1)), 0);
    const [tokyo, here] = [innerAddress('tokyo'), innerAddress(echoPeerName)];
    const payload = Uint8Array.of(1, 2, 3, 4);
    const request = echoRequest(tokyo, here, 7, 1, payload);
    expect(echo.inner(0x9999, request)).toEqual([]);
    expect(echo.counters.answered).toBe(0);
    const [reply] = echo.inner(0x1001, request);
    if (reply?.kind !== 'send-inner') throw new Error('no reply');
    expect(reply.spi).toBe(0x1001);
    expect(isReplyTo(reply.packet, here, tokyo, 7, payload)).toBe(true);
    expect(echo.counters.answered).toBe(1);
  });
});

describe('policies and the echo peer', () => {
  const sites = [
    { name: 'tokyo', networks: [prefix('10.1.0.0/24')], proposals: undefined },
    { name: 'osaka', networks: [prefix('10.2.0.0/24')], proposals: ['aes256gcm16'] },
  ];
  const policies = new PolicySet(sites, [policy('all', ['*', '*'])]);

  it('have one kind for each enrolled router and none for others, whatever the wildcards say', () => {
    const kinds = (a: string, b: string) => policies.ofPair(a, b).map(({ policy: { kind } }) => kind);
    expect(kinds('tokyo', echoPeerName)).toEqual([selfTestKind]);
    expect(kinds(echoPeerName, 'osaka')).toEqual([selfTestKind]);
    expect(kinds('stranger', echoPeerName)).toEqual([]);
    expect(kinds(echoPeerName, echoPeerName)).toEqual([]);
    expect([...policies.routers()].map(({ name }) => name)).toEqual(['tokyo', 'osaka']);
  });

  it('give a router a proposal that it is allowed', () => {
    expect(policies.ofPair('osaka', echoPeerName)[0]?.policy.proposal).toBe('aes256gcm16');
    expect(policies.ofPair('tokyo', echoPeerName)[0]?.policy.proposal).toBe('chacha20poly1305');
  });
});
