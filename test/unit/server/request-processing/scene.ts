/**
 * A scene for time-sequence tests of request processing: routers tokyo, osaka and kyoto with their networks, a seeded
 * random source, and what the server said since the last look.
 */
import type {
  Distribution,
  MessageId,
  Report,
  Request,
  RouterMessage,
  ServerMessage,
} from '../../../../host/messages/message.ts';
import { type Endpoint, parseAddress } from '../../../../host/model/address.ts';
import type { DistributionPolicy } from '../../../../host/model/policy.ts';
import { type Prefix, parsePrefix } from '../../../../host/model/prefix.ts';
import type { PacketSelector, Selector } from '../../../../host/model/selector.ts';
import { type EnrolledRouter, PolicySet } from '../../../../host/server/distribution-policies/policy-set.ts';
import type { StoredEntry } from '../../../../host/server/management-table/entry.ts';
import type {
  RequestAction,
  RequestEvent,
  StoredRouter,
} from '../../../../host/server/request-processing/events.ts';
import { RequestProcessing } from '../../../../host/server/request-processing/request-processing.ts';
import type { ProcessingSettings } from '../../../../host/server/request-processing/settings.ts';

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

export function endpoint(address: string, port = 4500): Endpoint {
  const parsed = parseAddress(address);
  if (!parsed.ok) throw new Error(parsed.message);
  return { address: parsed.value, port };
}

export function selector(local: string, remote: string, more: Partial<Selector> = {}): Selector {
  return {
    local: prefix(local),
    remote: prefix(remote),
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
    local: endpoint(local).address,
    remote: endpoint(remote).address,
    protocol: 6,
    localPort: 40000,
    remotePort: 443,
    icmpType: null,
    icmpCode: null,
    ...more,
  };
}

export const networks: Record<string, string> = {
  tokyo: '10.1.0.0/16',
  osaka: '10.2.0.0/16',
  kyoto: '10.3.0.0/16',
};

export const places: Record<string, Endpoint> = {
  tokyo: endpoint('192.0.2.1'),
  osaka: endpoint('192.0.2.2'),
  kyoto: endpoint('192.0.2.3'),
};

export function enrolled(...names: string[]): EnrolledRouter[] {
  return names.map((name) => ({ name, networks: [prefix(networks[name]!)], proposals: undefined }));
}

export function policy(kind: string, more: Partial<DistributionPolicy> = {}): DistributionPolicy {
  return {
    kind,
    revision: 1,
    between: ['tokyo', 'osaka'],
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
    tfcPadding: 0,
    dummiesPerSecond: 0,
    ...more,
  };
}

export function policySet(...policies: DistributionPolicy[]): PolicySet {
  return new PolicySet(enrolled('tokyo', 'osaka', 'kyoto'), policies.length > 0 ? policies : [policy('all')]);
}

/** Deterministic octets, different at each call. */
function countingRandom(): (octets: number) => Uint8Array {
  let state = 1;
  return (octets) =>
    Uint8Array.from({ length: octets }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    });
}

export class Scene {
  now = 1_000_000;
  readonly server: RequestProcessing;
  /** Everything since the scene began. */
  readonly actions: RequestAction[] = [];
  readonly stored = new Map<string, StoredEntry>();
  readonly storedRouters = new Map<string, StoredRouter>();
  #unseen: ServerMessage[] = [];
  #ids = 0;

  constructor(
    options: {
      policies?: PolicySet;
      settings?: Partial<ProcessingSettings>;
      restartOf?: Scene;
      channels?: readonly string[];
    } = {},
  ) {
    const { policies = policySet(), settings, restartOf, channels = ['tokyo', 'osaka', 'kyoto'] } = options;
    if (restartOf !== undefined) {
      this.now = restartOf.now;
      this.#ids = restartOf.#ids;
      for (const [key, entry] of restartOf.stored) this.stored.set(key, entry);
      for (const [name, router] of restartOf.storedRouters) this.storedRouters.set(name, router);
    }
    this.server = new RequestProcessing({
      policies,
      random: countingRandom(),
      utcMsAt: (instant) => instant + 1_700_000_000_000,
      ...(settings === undefined ? {} : { settings }),
      entries: [...this.stored.values()],
      routers: [...this.storedRouters.values()],
    });
    this.carryOut(this.server.start(this.now));
    for (const router of channels) this.up(router);
  }

  carryOut(actions: readonly RequestAction[]): void {
    this.actions.push(...actions);
    actions.forEach((action, index) => {
      if (action.kind === 'send') {
        if (action.router !== action.message.source)
          throw new Error('sent to another router than its source');
        this.#unseen.push(action.message);
      } else if (action.kind === 'store') {
        if (index !== 0) throw new Error('a store has to stand before what depends on it');
        for (const key of action.remove) this.stored.delete(key);
        for (const entry of action.put) this.stored.set(entry.key, entry);
        for (const router of action.routers) this.storedRouters.set(router.name, router);
      }
    });
  }

  event(event: RequestEvent): void {
    this.carryOut(this.server.handle(event, this.now));
  }

  up(router: string, place = places[router]!, behindNat = false): void {
    this.event({ kind: 'channel-up', router, endpoint: place, behindNat });
  }

  down(router: string): void {
    this.event({ kind: 'channel-down', router, reason: 'no-response' });
  }

  /** Lets time pass, deadline by deadline. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (let steps = 0; ; steps += 1) {
      const next = this.server.nextDeadline();
      if (next === undefined || next > end) break;
      if (steps > 10_000) throw new Error('deadlines do not come to an end');
      this.now = Math.max(this.now, next);
      this.event({ kind: 'deadline' });
    }
    this.now = end;
  }

  /** What the server said since the last look. */
  said(): ServerMessage[] {
    const said = this.#unseen;
    this.#unseen = [];
    return said;
  }

  /** The same, as `type -> router`. */
  heard(): string[] {
    return this.said().map((message) => `${message.type} -> ${message.source}`);
  }

  newId(): MessageId {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(16, '0');
  }

  send(message: RouterMessage, router = message.source): void {
    this.event({ kind: 'message', router, message });
  }

  hello(router: string, boot: string, proposals = ['aes256gcm16', 'aes128gcm16']): void {
    this.send({
      type: 'hello',
      id: this.newId(),
      source: router,
      peer: '',
      kind: '',
      boot: boot.padStart(16, '0'),
      proposals,
      software: 'test',
    });
  }

  request(source: string, peer: string, more: Partial<Request> = {}): Request {
    const id = more.id ?? this.newId();
    const request: Request = {
      type: 'request',
      id,
      source,
      peer,
      kind: 'all',
      spi: 0x1000 + Number.parseInt(id.slice(-6), 16),
      lane: 0,
      selectors: [selector(networks[source]!, networks[peer] ?? '10.9.0.0/16')],
      packet: null,
      startupId: null,
      ...more,
    };
    this.send(request);
    return request;
  }

  installed(request: Request, kind = 'all'): void {
    const { id, source, peer } = request;
    this.send({ type: 'installed', id, source, peer, kind });
  }

  withdrawn(withdraw: ServerMessage): void {
    this.send({ type: 'withdrawn', id: withdraw.id, source: withdraw.source, peer: '', kind: '' });
  }

  report(
    source: string,
    what: Report['what'],
    spi: number,
    about: { peer?: string; kind?: string } = {},
  ): void {
    const { peer = '', kind = '' } = about;
    this.send({ type: 'report', id: this.newId(), source, peer, kind, what, spi, from: null, count: 1 });
  }

  /** Both ask; the distributions, by router. */
  distribute(a = 'tokyo', b = 'osaka', more: Partial<Request> = {}) {
    this.said();
    const first = this.request(a, b, more);
    const second = this.request(b, a, { ...more, startupId: first.id });
    const distributions = this.said().filter(
      (message): message is Distribution => message.type === 'distribution',
    );
    const of = (router: string) => distributions.find((message) => message.source === router)!;
    return { first, second, toFirst: of(a), toSecond: of(b) };
  }

  /** Both ask and install. */
  establish(a = 'tokyo', b = 'osaka', more: Partial<Request> = {}) {
    const distributed = this.distribute(a, b, more);
    this.installed(distributed.first, distributed.toFirst.kind);
    this.installed(distributed.second, distributed.toFirst.kind);
    this.said();
    return distributed;
  }

  states(): string[] {
    return this.server.table(this.now).map((row) => row.state);
  }

  audits(what: string): RequestAction[] {
    return this.actions.filter((action) => action.kind === 'audit' && action.what === what);
  }
}
