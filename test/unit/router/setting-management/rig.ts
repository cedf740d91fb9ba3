/**
 * A setting management by itself: events go in, actions come out as short lines that read like a time sequence, and the
 * test plays the server. Randomness counts up, so that ids and SPIs differ but repeat from run to run.
 */
import { SpiAllocator } from '../../../../host/dataplane/spi-allocator.ts';
import type {
  Distribution,
  Request,
  RouterMessage,
  ServerMessage,
} from '../../../../host/messages/message.ts';
import { type Endpoint, parseAddress } from '../../../../host/model/address.ts';
import type { SpdEntry } from '../../../../host/model/policy.ts';
import { parsePrefix } from '../../../../host/model/prefix.ts';
import { proposals } from '../../../../host/model/proposal.ts';
import { Secret } from '../../../../host/model/secret.ts';
import type { PacketSelector, Selector } from '../../../../host/model/selector.ts';
import type { SettingAction, SettingEvent } from '../../../../host/router/setting-management/events.ts';
import { SettingManagement } from '../../../../host/router/setting-management/setting-management.ts';
import {
  defaultSettingTimers,
  type SettingTimers,
} from '../../../../host/router/setting-management/timers.ts';

function value<Value>(result: { ok: true; value: Value } | { ok: false; message: string }): Value {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

export const address = (text: string) => value(parseAddress(text));
export const endpoint = (text: string, port = 4500): Endpoint => ({ address: address(text), port });

export function selector(local: string, remote: string, more: Partial<Selector> = {}): Selector {
  return {
    local: value(parsePrefix(local)),
    remote: value(parsePrefix(remote)),
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
    ...more,
  };
}

export function packet(local: string, remote: string, more: Partial<PacketSelector> = {}): PacketSelector {
  return {
    local: address(local),
    remote: address(remote),
    protocol: 17,
    localPort: 1000,
    remotePort: 2000,
    icmpType: null,
    icmpCode: null,
    ...more,
  };
}

export const toOsaka: SpdEntry = {
  name: 'to-osaka',
  selectors: [selector('10.1.0.0/16', '10.2.0.0/16')],
  action: 'PROTECT',
  requestPeer: 'osaka',
};

export const aPacket = packet('10.1.0.1', '10.2.0.1');

export class Rig {
  readonly machine: SettingManagement;
  now = 0;
  /** What the engine has against every change. */
  refusal: string | undefined;
  /** Every action since the last `take`. */
  actions: SettingAction[] = [];
  #random = 0;

  constructor(
    options: {
      entries?: SpdEntry[];
      timers?: Partial<SettingTimers>;
      capacity?: number;
      workers?: number;
    } = {},
  ) {
    const random = (octets: number) => {
      this.#random += 1;
      const bytes = new Uint8Array(octets);
      for (let index = 0; index < octets; index += 1) bytes[index] = (this.#random * 37 + index * 11) & 0xff;
      bytes[0] = this.#random & 0xff;
      return bytes;
    };
    this.machine = new SettingManagement({
      refusal: () => this.refusal,
      name: 'tokyo',
      entries: options.entries ?? [toOsaka],
      random,
      spiAllocator: new SpiAllocator(
        options.capacity ?? 16,
        () => {
          this.#random += 1;
          return (this.#random * 0x01000193) >>> 0;
        },
        options.workers,
      ),
      timers: { ...defaultSettingTimers, ...options.timers },
      localEndpoint: (peer) => (peer.address.family === 4 ? endpoint('198.51.100.1') : undefined),
      proposals: new Set(proposals.keys()),
    });
    this.actions.push(...this.machine.start());
  }

  /** A rig whose channel is up. */
  static up(options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
    const rig = new Rig(options);
    rig.handle({ kind: 'channel-up', behindNat: false });
    rig.take();
    return rig;
  }

  handle(event: SettingEvent): SettingAction[] {
    const actions = this.machine.handle(event, this.now);
    this.actions.push(...actions);
    return actions;
  }

  receive(message: ServerMessage): SettingAction[] {
    return this.handle({ kind: 'message', message });
  }

  /** Lets `ms` pass, deadline by deadline. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let turns = 0; ; turns += 1) {
      const next = this.machine.nextDeadline();
      if (next === undefined || next > end) break;
      if (turns > 10_000) throw new Error('deadlines do not move on');
      this.now = Math.max(this.now, next);
      this.handle({ kind: 'deadline' });
    }
    this.now = end;
  }

  /** The actions since the last call. */
  take(): SettingAction[] {
    const { actions } = this;
    this.actions = [];
    return actions;
  }

  sent<Type extends RouterMessage['type']>(type: Type): Extract<RouterMessage, { type: Type }>[] {
    return this.actions.flatMap((action) =>
      action.kind === 'send' && action.message.type === type
        ? [action.message as Extract<RouterMessage, { type: Type }>]
        : [],
    );
  }

  /** Acquires, and returns the request that goes out. */
  ask(which = aPacket, entry = 'to-osaka'): Request {
    this.handle({ kind: 'acquire', entry, packet: which });
    return this.lastRequest();
  }

  lastRequest(): Request {
    const request = this.sent('request').at(-1);
    if (request === undefined) throw new Error('no request was sent');
    return request;
  }

  /** Asks and gets a pair; `settled` also says that both ends have it. */
  install(more: Partial<Distribution> = {}, settled = true): Request {
    const request = this.ask();
    this.receive(distributionFor(request, more));
    if (settled) this.receive(bothInstalled(request));
    this.take();
    return request;
  }

  /** The same with SAs in UDP, through which the peer has been heard. */
  installInUdp(): Request {
    const request = this.ask();
    this.receive(inUdp(distributionFor(request)));
    this.receive(bothInstalled(request));
    this.handle({ kind: 'first-authentic', spi: request.spi });
    this.take();
    return request;
  }
}

/** The distribution, for a path with NATs. */
export function inUdp(distribution: Distribution): Distribution {
  return { ...distribution, policy: { ...distribution.policy, encapsulation: 'udp' } };
}

let keys = 0;

export function distributionFor(request: Request, more: Partial<Distribution> = {}): Distribution {
  const key = (octets: number) => {
    keys += 1;
    return new Secret(new Uint8Array(octets).fill(1 + (keys % 255)));
  };
  const sa = (spi: number) => ({
    spi,
    encryptionKey: key(32),
    authenticationKey: key(0),
    salt: key(4),
  });
  return {
    type: 'distribution',
    id: request.id,
    source: request.source,
    peer: request.peer,
    kind: request.kind === '' ? 'all' : request.kind,
    policy: {
      revision: 1,
      protocol: 'esp',
      mode: 'tunnel',
      proposal: 'aes256gcm16',
      esn: true,
      replayWindow: 1024,
      encapsulation: 'raw',
      dscp: 'copy',
      dontFragment: 'copy',
      tfcPadding: 0,
      dummiesPerSecond: 0,
      lifetimeOctets: null,
      lifetimePackets: 1000n,
    },
    outbound: sa(0x5000_0000 + keys),
    inbound: sa(request.spi),
    remainingSeconds: 1000,
    selectors: [selector('10.1.0.0/16', '10.2.0.0/16')],
    precedence: 0,
    precedents: [],
    peerEndpoint: endpoint('203.0.113.2'),
    ...more,
  };
}

type About = { readonly id: string; readonly source: string; readonly peer: string; readonly kind: string };

const envelope = ({ id, source, peer, kind }: About) => ({
  id,
  source,
  peer,
  kind: kind === '' ? 'all' : kind,
});

export const bothInstalled = (request: About): ServerMessage => ({
  type: 'both-installed',
  ...envelope(request),
});
export const pending = (request: About): ServerMessage => ({ type: 'pending', ...envelope(request) });
export const noResponse = (request: About): ServerMessage => ({
  type: 'no-response',
  ...envelope(request),
  reason: 'osaka did not ask',
});
export const startup = (
  id: string,
  more: Partial<{
    kind: string;
    lane: number;
    peer: string;
    selectors: Selector[];
    packet: PacketSelector;
  }> = {},
) =>
  ({
    type: 'request-startup',
    id,
    source: 'tokyo',
    peer: 'osaka',
    kind: 'all',
    lane: 0,
    selectors: [selector('10.1.0.0/16', '10.2.0.0/16')],
    packet: null,
    ...more,
  }) as const;
export const withdrawal = (ids: string[]): ServerMessage => ({
  type: 'withdraw',
  id: 'aaaaaaaaaaaaaaaa',
  source: 'tokyo',
  peer: 'osaka',
  kind: 'all',
  ids,
  reason: 'the policy changed',
});

/** Actions as words, without logs: `change(reserve)`, `send(request)`, `drop-held(no response)`. */
export function words(actions: readonly SettingAction[]): string[] {
  return actions.flatMap((action): string[] => {
    switch (action.kind) {
      case 'send':
        return [`send(${action.message.type})`];
      case 'change':
        return [`change(${Object.keys(action.change).sort().join(' ')})`];
      case 'drop-held':
        return [`drop-held(${action.failure})`];
      case 'release-held':
        return ['release-held'];
      default:
        return [];
    }
  });
}
