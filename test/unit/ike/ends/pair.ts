/**
 * An initiator and a responder set joined by a link in virtual time: the shipped machines, seeded randomness, and a
 * link that a test may bend. Time jumps to the next thing that happens; a bounded number of steps catches livelock.
 */
import { createHash } from 'node:crypto';
import type { IkeAction, InitiatorEvent, ResponderEvent } from '../../../../host/ike/events.ts';
import { Initiator, type InitiatorConfig } from '../../../../host/ike/initiator.ts';
import type { ResponderConfig } from '../../../../host/ike/responder.ts';
import {
  defaultResponderLimits,
  type ResponderLimits,
  ResponderSet,
} from '../../../../host/ike/responder-set.ts';
import { defaultRetransmission } from '../../../../host/ike/retransmission.ts';
import { fqdnIdentity, type Identity, identityKey } from '../../../../host/ike/wire/identification.ts';
import { type TrafficSelector, trafficSelectorOf } from '../../../../host/ike/wire/traffic-selector.ts';
import { addressOf, type Endpoint, formatEndpoint } from '../../../../host/model/address.ts';
import { defaultDatagramOctets } from '../../../../host/model/channel.ts';
import { defaultChildProposals } from '../../../../host/model/child-proposal.ts';
import { sharedKey } from '../../../../host/model/credentials.ts';
import { defaultIkeProposals } from '../../../../host/model/ike-proposal.ts';
import { Secret } from '../../../../host/model/secret.ts';

/** Random octets that depend on the seed only. */
export function seededRandom(seed: string): (octets: number) => Uint8Array {
  let count = 0;
  return (octets) => {
    const output = new Uint8Array(octets);
    for (let at = 0; at < octets; at += 32) {
      const block = createHash('sha256').update(`${seed}/${count++}`).digest();
      output.set(block.subarray(0, octets - at), at);
    }
    return output;
  };
}

/** A number of 0 (inclusive) to 1 (exclusive) that depends on the seed only. */
export function seededFraction(seed: string): () => number {
  const random = seededRandom(seed);
  return () => new DataView(random(4).buffer).getUint32(0) / 2 ** 32;
}

export function endpoint(host: number, port = 4500): Endpoint {
  return { address: addressOf(Uint8Array.of(192, 0, 2, host)), port };
}

/** An inner address: a unique local prefix and one octet. */
export function inner(host: number): TrafficSelector {
  const octets = new Uint8Array(16);
  octets.set([0xfd, 0x53, 0x45, 0x4b]);
  octets[15] = host;
  return trafficSelectorOf({ address: addressOf(octets), length: 128 });
}

export const key = (text: string): Secret => new Secret(new TextEncoder().encode(text));

export const routerIdentity = fqdnIdentity('router-a.example');
export const serverIdentity = fqdnIdentity('server.example');
export const routerEndpoint = endpoint(1);
export const serverEndpoint = endpoint(100);

export function initiatorConfig(seed: string, changes: Partial<InitiatorConfig> = {}): InitiatorConfig {
  let nextSpi = 0xa000;
  return {
    identity: routerIdentity,
    peerIdentity: serverIdentity,
    credentials: sharedKey(key('correct horse battery staple')),
    local: routerEndpoint,
    peer: serverEndpoint,
    ikeProposals: defaultIkeProposals,
    espProposals: defaultChildProposals,
    localTrafficSelectors: [inner(1)],
    remoteTrafficSelectors: [inner(100)],
    initialContact: true,
    forceUdpEncapsulation: false,
    longestDatagramOctets: defaultDatagramOctets,
    allocateSpi: () => nextSpi++,
    retransmission: defaultRetransmission,
    random: seededRandom(`initiator ${seed}`),
    ...changes,
  };
}

function responderConfig(seed: string, changes: Partial<ResponderConfig> = {}): ResponderConfig {
  let nextSpi = 0x1000;
  return {
    identity: serverIdentity,
    credentialsFor: (identity: Identity) =>
      identityKey(identity) === identityKey(routerIdentity)
        ? sharedKey(key('correct horse battery staple'))
        : undefined,
    ikeProposals: defaultIkeProposals,
    espProposals: defaultChildProposals,
    trafficSelectorsFor: () => ({ local: [inner(100)], remote: [inner(1)] }),
    allocateSpi: () => nextSpi++,
    forceUdpEncapsulation: false,
    longestDatagramOctets: defaultDatagramOctets,
    retransmission: defaultRetransmission,
    halfOpenTimeoutMs: 30_000,
    random: seededRandom(`responder ${seed}`),
    ...changes,
  };
}

/** What the link does with one message: the delays after which copies of it arrive; none is a loss. */
export type Link = (message: {
  readonly toServer: boolean;
  readonly bytes: Uint8Array;
  readonly now: number;
}) => number[];

export const perfectLink: Link = () => [10];

interface Flight {
  readonly at: number;
  readonly order: number;
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

export interface PairOptions {
  readonly seed?: string;
  readonly initiator?: Partial<InitiatorConfig>;
  readonly responder?: Partial<ResponderConfig>;
  readonly limits?: Partial<ResponderLimits>;
  readonly link?: Link;
  /** Rewrites the source of messages to the server (a NAT), and back. */
  readonly nat?: Endpoint;
}

/** The pair, with everything that either end has said so far. */
export class Pair {
  now = 0;
  readonly initiator: Initiator;
  readonly responders: ResponderSet;
  readonly initiatorActions: IkeAction[] = [];
  readonly responderActions: IkeAction[] = [];
  /** Every message in the order in which it was sent. */
  readonly sent: { readonly toServer: boolean; readonly bytes: Uint8Array }[] = [];
  link: Link;
  nat: Endpoint | undefined;
  /** The initiator's own address. */
  local = routerEndpoint;
  /** Told of the actions of either end before any message of theirs is under way. */
  onActions: (atServer: boolean, actions: readonly IkeAction[]) => void = () => {};
  readonly #flights: Flight[] = [];
  #order = 0;

  constructor(options: PairOptions = {}) {
    const seed = options.seed ?? 'one';
    this.initiator = new Initiator(initiatorConfig(seed, options.initiator));
    this.responders = new ResponderSet(responderConfig(seed, options.responder), {
      ...defaultResponderLimits,
      ...options.limits,
    });
    this.link = options.link ?? perfectLink;
    this.nat = options.nat;
  }

  start(inboundSpi = 0xc0ffee): void {
    this.#fromInitiator(this.initiator.handle({ kind: 'start', inboundSpi }, this.now));
  }

  checkLiveness(): void {
    this.#fromInitiator(this.initiator.handle({ kind: 'check-liveness' }, this.now));
  }

  move(local: Endpoint): void {
    this.local = local;
    this.#fromInitiator(this.initiator.handle({ kind: 'move', local }, this.now));
  }

  close(): void {
    this.#fromInitiator(this.initiator.handle({ kind: 'close' }, this.now));
  }

  atInitiator(event: InitiatorEvent): IkeAction[] {
    const actions = this.initiator.handle(event, this.now);
    this.#fromInitiator(actions);
    return actions;
  }

  atResponder(event: ResponderEvent): IkeAction[] {
    const actions = this.responders.handle(event, this.now);
    this.#fromResponder(actions);
    return actions;
  }

  /** Hands `bytes` to the responder at once, as if they had come over the wire. */
  injectToServer(bytes: Uint8Array, from = this.nat ?? this.local): IkeAction[] {
    return this.atResponder({ kind: 'message', bytes, from, to: serverEndpoint });
  }

  injectToRouter(bytes: Uint8Array): IkeAction[] {
    const actions = this.initiator.handle(
      { kind: 'message', bytes, from: serverEndpoint, to: this.local },
      this.now,
    );
    this.#fromInitiator(actions);
    return actions;
  }

  /** Runs until nothing is due before `until`, or nothing is due at all. Throws after too many steps: a livelock. */
  run(until = Number.POSITIVE_INFINITY): this {
    for (let steps = 0; steps < 2000; steps++) {
      const flight = this.#flights.reduce<Flight | undefined>(
        (least, one) =>
          least === undefined || one.at < least.at || (one.at === least.at && one.order < least.order)
            ? one
            : least,
        undefined,
      );
      const due = [flight?.at, this.initiator.nextDeadline(), this.responders.nextDeadline()];
      const next = Math.min(...due.filter((at) => at !== undefined), Number.POSITIVE_INFINITY);
      if (next > until || next === Number.POSITIVE_INFINITY) {
        if (until !== Number.POSITIVE_INFINITY) this.now = Math.max(this.now, until);
        return this;
      }
      this.now = Math.max(this.now, next);
      if (flight !== undefined && flight.at <= this.now) {
        this.#flights.splice(this.#flights.indexOf(flight), 1);
        this.#deliver(flight);
        continue;
      }
      this.#fromInitiator(this.initiator.handle({ kind: 'deadline' }, this.now));
      this.#fromResponder(this.responders.handle({ kind: 'deadline' }, this.now));
    }
    throw new Error('the pair did not come to rest within 2000 steps');
  }

  #deliver(flight: Flight): void {
    const { bytes, from, to } = flight;
    if (formatEndpoint(to) === formatEndpoint(serverEndpoint)) {
      this.atResponder({ kind: 'message', bytes, from, to });
      return;
    }
    // A NAT passes on what comes to the address that it uses now.
    if (formatEndpoint(to) === formatEndpoint(this.nat ?? this.local)) {
      const actions = this.initiator.handle({ kind: 'message', bytes, from, to: this.local }, this.now);
      this.#fromInitiator(actions);
    }
  }

  #fromInitiator(actions: readonly IkeAction[]): void {
    this.initiatorActions.push(...actions);
    this.onActions(false, actions);
    for (const action of actions) {
      if (action.kind === 'send') this.#post(action.bytes, this.nat ?? action.from, action.to, true);
    }
  }

  #fromResponder(actions: readonly IkeAction[]): void {
    this.responderActions.push(...actions);
    this.onActions(true, actions);
    for (const action of actions) {
      if (action.kind === 'send') this.#post(action.bytes, action.from, action.to, false);
    }
  }

  #post(bytes: Uint8Array, from: Endpoint, to: Endpoint, toServer: boolean): void {
    this.sent.push({ toServer, bytes: bytes.slice() });
    const onWire = bytes.slice(); // the link may damage it; the sender's copy stays as it was
    for (const delay of this.link({ toServer, bytes: onWire, now: this.now })) {
      this.#flights.push({ at: this.now + delay, order: this.#order++, bytes: onWire, from, to });
    }
  }
}

/** All actions of a kind. */
export function actionsOf<Kind extends IkeAction['kind']>(
  actions: readonly IkeAction[],
  kind: Kind,
): Extract<IkeAction, { kind: Kind }>[] {
  return actions.filter((action): action is Extract<IkeAction, { kind: Kind }> => action.kind === kind);
}

/** The kinds of actions other than `send`, with their reason where they have one. */
export function outcomes(actions: readonly IkeAction[]): string[] {
  return actions
    .filter((action) => action.kind !== 'send')
    .map((action) => ('reason' in action ? `${action.kind} ${action.reason}` : action.kind));
}

export const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
