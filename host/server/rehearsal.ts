/**
 * A rehearsal of request processing before the first request: two routers that exist only here ask, are answered and
 * install, again and again, through the real codec. It changes nothing outside itself; what it leaves behind is compiled
 * code, so that the first real packet waits as briefly as the hundredth.
 */
import { decodeRouterMessage, encodeMessage, wipeMessage } from '../messages/codec.ts';
import type { RouterMessage, ServerMessage } from '../messages/message.ts';
import { addressOf, type Endpoint } from '../model/address.ts';
import type { DistributionPolicy } from '../model/policy.ts';
import type { Selector } from '../model/selector.ts';
import { PolicySet } from './distribution-policies/policy-set.ts';
import { RequestProcessing } from './request-processing/request-processing.ts';

const rounds = 60;

const network = (site: number) => ({ address: addressOf(Uint8Array.of(10, site, 0, 0)), length: 16 });
const endpoint = (site: number): Endpoint => ({
  address: addressOf(Uint8Array.of(192, 0, 2, site)),
  port: 4500,
});

const policy: DistributionPolicy = {
  kind: 'rehearsal',
  revision: 1,
  between: ['*', '*'],
  selectors: undefined,
  protocol: 'esp',
  mode: 'tunnel',
  proposal: 'aes256gcm16',
  lifetimeSeconds: 3600,
  lifetimeOctets: undefined,
  lifetimePackets: undefined,
  esn: true,
  replayWindow: 1024,
  encapsulation: 'auto',
  dscp: 'copy',
  dontFragment: 'copy',
};

/** Runs the rehearsal, in some tens of milliseconds. `random` gives unpredictable octets. */
export function rehearseRequests(random: (octets: number) => Uint8Array): void {
  const routers = ['first', 'second'].map((name, index) => ({
    name,
    networks: [network(index + 1)],
    proposals: undefined,
  }));
  const processing = new RequestProcessing({
    policies: new PolicySet(routers, [policy]),
    random,
    utcMsAt: (instant) => instant,
  });
  let now = 0;
  const freshId = (): string => Buffer.from(random(8)).toString('hex');

  /** Takes a message through the codec and returns what the server says to each router. */
  const deliver = (message: RouterMessage): ServerMessage[] => {
    const decoded = decodeRouterMessage(encodeMessage(message));
    if (!decoded.ok) return [];
    const actions = processing.handle(
      { kind: 'message', router: message.source, message: decoded.value },
      now,
    );
    return actions.flatMap((action) => {
      if (action.kind !== 'send') return [];
      encodeMessage(action.message).fill(0);
      wipeMessage(action.message);
      return [action.message];
    });
  };

  for (const [index, { name }] of routers.entries()) {
    processing.handle(
      { kind: 'channel-up', router: name, endpoint: endpoint(index + 1), behindNat: false },
      now,
    );
    const hello = {
      type: 'hello',
      id: freshId(),
      source: name,
      peer: '',
      kind: '',
      boot: freshId(),
    } as const;
    deliver({ ...hello, proposals: ['aes256gcm16'], software: '' });
  }
  for (let round = 0; round < rounds; round++) {
    now += 1000;
    const selectors = [selectorOf(1, 2)];
    const packet = {
      local: addressOf(Uint8Array.of(10, 1, 0, 9)),
      remote: addressOf(Uint8Array.of(10, 2, 0, 9)),
      protocol: 17,
      localPort: 1,
      remotePort: 2,
      icmpType: null,
      icmpCode: null,
    };
    const asked = { type: 'request', id: freshId(), source: 'first', peer: 'second', kind: '' } as const;
    const answered = { ...asked, id: freshId(), source: 'second', peer: 'first', kind: 'rehearsal' } as const;
    deliver({ ...asked, spi: 0x1000 + round, selectors, packet, startupId: null });
    const spi = 0x2000 + round;
    deliver({ ...answered, spi, selectors: [selectorOf(2, 1)], packet: null, startupId: asked.id });
    deliver({ ...asked, kind: 'rehearsal', type: 'installed' });
    deliver({ ...answered, type: 'installed' });
  }
}

function selectorOf(local: number, remote: number): Selector {
  return {
    local: network(local),
    remote: network(remote),
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}
