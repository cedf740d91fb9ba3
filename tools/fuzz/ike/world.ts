/**
 * One world of an IKE fuzz run: a responder set and three routers in virtual time, over a network that belongs to an attacker.
 * It sees every message, and delays, drops, doubles, reorders and replays them, alters them, and sends them to either end
 * from any address. What must hold is checked after every message. A world follows from seed and number alone.
 */
import { createHash } from 'node:crypto';
import type { IkeAction } from '../../../host/ike/events.ts';
import { Initiator } from '../../../host/ike/initiator.ts';
import { ResponderSet } from '../../../host/ike/responder-set.ts';
import { promptRetransmission } from '../../../host/ike/retransmission.ts';
import { exchangeTypes, payloadTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { formatIdentity, fqdnIdentity, fqdnOf } from '../../../host/ike/wire/identification.ts';
import { trafficSelectorOf } from '../../../host/ike/wire/traffic-selector.ts';
import { addressOf, type Endpoint, equalEndpoints } from '../../../host/model/address.ts';
import { sharedKey } from '../../../host/model/credentials.ts';
import { Secret } from '../../../host/model/secret.ts';
import { Random } from '../random.ts';
import { type Accepted, agreements, espProposals, ikeProposals } from './agreements.ts';
import { ChildSaLedger } from './child-sa-ledger.ts';
import { mutate } from './mutation.ts';
import { ServerLedgers } from './server-ledgers.ts';
import { SharedKeys } from './shared-keys.ts';
import { emptyTally, messagesIn, type Tally } from './tally.ts';

/** Messages of a world, unless there are fewer to do: some hundred lives of an IKE SA. */
export const worldMessages = 20_000;

export interface WorldResult {
  readonly tally: Tally;
  /** What did not hold, with the message that showed it. */
  readonly failure: string | undefined;
}

/** Runs world `number` of `seed` for `messages` messages, or to the first failure. */
export function runWorld(seed: number, number: number, messages: number): WorldResult {
  const world = new World(new Random(seed, number));
  try {
    while (messagesIn(world.tally) < messages) world.step();
    world.settle();
    return { tally: world.tally, failure: undefined };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { tally: world.tally, failure: `${text}\n  message ${world.last}` };
  }
}

const names = ['tokyo', 'osaka', 'kyoto'] as const;
const server: Endpoint = endpoint(100);
const limits = {
  cookieThreshold: 16,
  halfOpenLimit: 64,
  halfOpenPerAddress: 16,
  sasPerIdentity: 3,
  hintsPerSecond: 50,
};
/** Messages that the attacker remembers, of all conversations. */
const remembered = 400;

/** Actions by which nothing that counts is changed. */
const harmless: readonly string[] = ['refused', 'send', 'peer-lost-state'] satisfies IkeAction['kind'][];

/** Something that an end does of itself. */
const wants = [
  'close',
  'check-liveness',
  'rekey-child',
  'rekey-child',
  'rekey-ike-sa',
  'rekey-ike-sa',
] as const;

interface Router {
  readonly name: string;
  readonly local: Endpoint;
  initiator: Initiator;
  /** Of the initiator, from its establishment on. */
  ledger: ChildSaLedger;
}

interface Message {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  /** The router that it goes to; undefined for the server. */
  readonly router: Router | undefined;
}

function endpoint(host: number, port = 4500): Endpoint {
  return { address: addressOf(Uint8Array.of(192, 0, 2, host)), port };
}

function inner(host: number) {
  return trafficSelectorOf({ address: addressOf(Uint8Array.of(10, 0, 0, host)), length: 32 });
}

function hold(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

class World {
  readonly tally: Tally = emptyTally();
  /** The message handed over last, for a report. */
  last = 'none';
  readonly #random: Random;
  readonly #agreement: readonly [Accepted, Accepted];
  readonly #datagramOctets: number;
  readonly #responders: ResponderSet;
  readonly #routers: readonly Router[];
  readonly #flights: Message[] = [];
  readonly #seen: Message[] = [];
  /** Digests of all that a machine has sent: whatever else arrives is the attacker's. */
  readonly #genuine = new Set<string>();
  /** Machine and message of each that was not refused. */
  readonly #taken = new Set<string>();
  readonly #keys = new SharedKeys();
  /** The server's. */
  readonly #ledgers = new ServerLedgers();
  /** Digest of the message for each IV of each direction of each IKE SA. */
  readonly #ivs = new Map<string, string>();
  #established = 0;
  #nextSpi = 0x1000;
  #now = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#agreement = random.pick(agreements);
    this.#datagramOctets = random.pick([200, 300, 1280]);
    const octets = (count: number): Uint8Array => random.octets(count);
    this.#responders = new ResponderSet(
      {
        identity: fqdnIdentity('server'),
        credentialsFor: (identity) => {
          const name = names.find((one) => one === fqdnOf(identity));
          return name === undefined ? undefined : keyOf(name);
        },
        ikeProposals: ikeProposals(this.#agreement[1]),
        espProposals: espProposals(this.#agreement[1]),
        trafficSelectorsFor: () => ({ local: [inner(100)], remote: [inner(1)] }),
        allocateSpi: () => this.#nextSpi++,
        forceUdpEncapsulation: random.oneIn(2),
        longestDatagramOctets: this.#datagramOctets,
        retransmission: promptRetransmission,
        halfOpenTimeoutMs: 3000,
        random: octets,
      },
      { ...limits, cookieThreshold: random.pick([0, 4, limits.cookieThreshold]) },
    );
    this.#routers = names.map((name, index) => {
      const local = endpoint(index + 1);
      return { name, local, initiator: this.#attempt(name, local), ledger: new ChildSaLedger() };
    });
  }

  /** One thing happens: time passes, a message arrives, the attacker acts, or somebody wants something. */
  step(): void {
    const random = this.#random;
    if (random.oneIn(4)) this.#pass(random.below(60));
    if (random.oneIn(60)) this.#want(random.pick(this.#routers));
    if (random.oneIn(60)) this.#talk(random.pick(this.#routers));
    const index = random.below(this.#flights.length);
    const message = this.#flights[index];
    if (message !== undefined && random.oneIn(3)) {
      if (!random.oneIn(10)) this.#flights.splice(index, 1);
      if (!random.oneIn(20)) this.#deliver(message);
      return;
    }
    this.#attack();
  }

  /** The attacker is gone: every router that asks gets in at once, over whatever it has left behind. */
  settle(): void {
    this.#flights.length = 0;
    for (const router of this.#routers) {
      router.initiator = this.#attempt(router.name, router.local);
      this.#start(router);
      for (let turn = 0; turn < 200 && !router.initiator.isEstablished; turn++) {
        const message = this.#flights.shift();
        if (message !== undefined) this.#deliver(message);
      }
      hold(router.initiator.isEstablished, `${router.name} does not get in when the attacker is gone`);
      this.#rekeyInPeace(router);
    }
    this.#pass(60_000);
    for (const { ledger, name } of this.#routers)
      hold(ledger.size === 1, `${name} has ${ledger.size} CHILD SAs`);
    hold(this.#responders.halfOpenCount === 0, 'half-open IKE SAs stay for ever');
  }

  /** Each end rekeys each SA, then both at once, and nobody is in the way: both are through, and send through the same pair. */
  #rekeyInPeace(router: Router): void {
    this.#deliverAll();
    const before = this.tally.actions['ike-sa-rekeyed'] ?? 0;
    for (const kind of ['rekey-child', 'rekey-ike-sa'] as const) {
      const byRouter = () => this.#fromRouter(router, router.initiator.handle({ kind }, this.#now));
      const byServer = () => {
        const saId = this.#ledgers.at(router.ledger.used?.outboundSpi ?? 0)?.saId ?? '';
        this.#fromServer(this.#responders.handle({ kind, saId }, this.#now));
      };
      for (const begun of [[byRouter], [byServer], [byRouter, byServer]]) {
        for (const begin of begun) begin();
        this.#deliverAll();
      }
    }
    // Three times, and each end says so.
    hold(this.tally.actions['ike-sa-rekeyed'] === before + 6, `the IKE SA of ${router.name} is not rekeyed`);
    const used = router.ledger.used;
    const atServer = this.#ledgers.at(used?.outboundSpi ?? 0)?.ledger.used;
    hold(
      used !== undefined &&
        atServer?.outboundSpi === used.inboundSpi &&
        atServer.inboundSpi === used.outboundSpi,
      `${router.name} and the server do not send through the same pair`,
    );
  }

  /** In the order of sending, until nothing is under way. */
  #deliverAll(): void {
    for (let turn = 0; turn < 1000; turn++) {
      const message = this.#flights.shift();
      if (message === undefined) return;
      this.#deliver(message);
    }
    throw new Error('the two ends go on for ever');
  }

  #attempt(name: string, local: Endpoint): Initiator {
    return new Initiator({
      identity: fqdnIdentity(name),
      peerIdentity: fqdnIdentity('server'),
      credentials: keyOf(name),
      local,
      peer: server,
      ikeProposals: ikeProposals(this.#agreement[0]),
      espProposals: espProposals(this.#agreement[0]),
      localTrafficSelectors: [inner(1)],
      remoteTrafficSelectors: [inner(100)],
      initialContact: this.#random.oneIn(2),
      forceUdpEncapsulation: this.#random.oneIn(2),
      longestDatagramOctets: this.#datagramOctets,
      allocateSpi: () => this.#nextSpi++,
      retransmission: promptRetransmission,
      random: (octets) => this.#random.octets(octets),
    });
  }

  #start(router: Router): void {
    router.ledger = new ChildSaLedger();
    const inboundSpi = this.#nextSpi++;
    this.#fromRouter(router, router.initiator.handle({ kind: 'start', inboundSpi }, this.#now));
  }

  #want(router: Router): void {
    const { initiator } = router;
    if (initiator.isOver || !initiator.isEstablished) {
      if (initiator.nextDeadline() !== undefined) return;
      if (initiator.isOver) router.initiator = this.#attempt(router.name, router.local);
      this.#start(router);
      return;
    }
    const kind = this.#random.pick(wants);
    if (this.#random.oneIn(2)) {
      this.#fromRouter(router, initiator.handle({ kind }, this.#now));
      return;
    }
    const saId = this.#random.pick(this.#ledgers.saIds);
    if (saId !== undefined) this.#fromServer(this.#responders.handle({ kind, saId }, this.#now));
  }

  /** A packet each way, if it is received: the ESP between the ends is not what is attacked here. */
  #talk(router: Router): void {
    const up = router.ledger.used;
    const peer = up && this.#ledgers.at(up.outboundSpi);
    if (up === undefined || peer === undefined) return;
    const { saId, ledger } = peer;
    const inboundSpi = up.outboundSpi;
    this.#fromServer(this.#responders.handle({ kind: 'child-arrival', saId, inboundSpi }, this.#now));
    const down = ledger.used;
    if (down === undefined || !router.ledger.receivesOn(down.outboundSpi)) return;
    const arrival = { kind: 'child-arrival', inboundSpi: down.outboundSpi } as const;
    this.#fromRouter(router, router.initiator.handle(arrival, this.#now));
  }

  #pass(milliseconds: number): void {
    this.#now += milliseconds;
    const due = (at: number | undefined): boolean => at !== undefined && at <= this.#now;
    if (due(this.#responders.nextDeadline())) {
      this.#fromServer(this.#responders.handle({ kind: 'deadline' }, this.#now));
    }
    for (const router of this.#routers) {
      if (due(router.initiator.nextDeadline())) {
        this.#fromRouter(router, router.initiator.handle({ kind: 'deadline' }, this.#now));
      }
    }
  }

  #attack(): void {
    const random = this.#random;
    // Mostly of the conversations that are going on; the older ones are refused by their SPIs alone.
    const reach = random.oneIn(4) ? this.#seen.length : Math.min(this.#seen.length, 12);
    const message = this.#seen.at(-1 - random.below(reach));
    const other = this.#seen[random.below(this.#seen.length)];
    if (message === undefined || other === undefined) {
      this.#want(random.pick(this.#routers));
      return;
    }
    const bytes = random.oneIn(5) ? message.bytes : mutate(random, message.bytes, other.bytes);
    const router = random.oneIn(20) ? random.pick([undefined, ...this.#routers]) : message.router;
    const from = random.oneIn(6) ? endpoint(random.below(256), random.below(65_536)) : message.from;
    this.#deliver({ bytes, router, from });
  }

  #deliver({ bytes, router, from }: Message): void {
    this.last = `to ${router?.name ?? 'the server'}: ${Buffer.from(bytes).toString('hex')}`;
    const isGenuine = this.#genuine.has(digestOf(bytes));
    this.tally[isGenuine ? 'genuine' : 'altered'] += 1;
    const copy = bytes.slice(); // machines borrow messages, and must not write to them
    const event = { kind: 'message', bytes: copy, from, to: router?.local ?? server } as const;
    const actions =
      router === undefined
        ? this.#responders.handle(event, this.#now)
        : router.initiator.handle(event, this.#now);
    hold(Buffer.compare(copy, bytes) === 0, 'a machine wrote to the message');
    if (!isGenuine) this.#checkAltered(actions, router, bytes);
    this.#checkRepeated(actions, `${router?.initiator.saId ?? 'server'} ${digestOf(bytes)}`);
    if (router === undefined) this.#fromServer(actions);
    else this.#fromRouter(router, actions);
    hold(this.#responders.halfOpenCount <= limits.halfOpenLimit, 'more half-open IKE SAs than the limit');
    hold(
      this.#responders.size <= limits.halfOpenLimit + this.#established + 1,
      'IKE SAs that are neither half-open nor were established',
    );
  }

  /** What an attacker has made changes nothing that counts, and does not make the server send much more than he did. */
  #checkAltered(actions: readonly IkeAction[], router: Router | undefined, bytes: Uint8Array): void {
    let octets = 0;
    for (const action of actions) {
      hold(harmless.includes(action.kind), `an altered message brought about "${action.kind}"`);
      if (action.kind === 'send') octets += action.bytes.length;
    }
    // A router goes on with its attempt, and sends to its server alone.
    if (router !== undefined) return;
    hold(
      octets <= 3 * bytes.length,
      `an altered message of ${bytes.length} octets was answered with ${octets}`,
    );
  }

  /** What a machine has taken in once, it answers again at most. */
  #checkRepeated(actions: readonly IkeAction[], delivery: string): void {
    if (this.#taken.has(delivery)) {
      const change = actions.find(({ kind }) => !harmless.includes(kind));
      hold(change === undefined, `a message that came again brought about "${change?.kind}"`);
    } else if (!actions.some(({ kind }) => kind === 'refused')) {
      this.#taken.add(delivery);
    }
  }

  #fromServer(actions: readonly IkeAction[]): void {
    for (const action of actions) {
      this.#note(action);
      if (action.kind === 'send') {
        const router = this.#routers.find(({ local }) => equalEndpoints(local, action.to));
        // What is sent to where nobody is goes to the attacker, who may pass it on.
        this.#post({ bytes: action.bytes, from: server, router: router ?? this.#random.pick(this.#routers) });
        continue;
      }
      if (action.kind === 'established') this.#established += 1;
      if (action.kind === 'established' || action.kind === 'child-installed') {
        this.#keys.enter(action.childSa, 'server');
      }
      this.#ledgers.apply(action);
    }
  }

  #fromRouter(router: Router, actions: readonly IkeAction[]): void {
    for (const action of actions) {
      this.#note(action);
      if (action.kind === 'send') {
        this.#post({ bytes: action.bytes, from: router.local, router: undefined });
        continue;
      }
      router.ledger.apply(action);
      if (action.kind === 'established') {
        hold(this.#keys.has(action.childSa.outboundSpi), 'a router has a CHILD SA that the server has not');
        hold(formatIdentity(action.peerIdentity) === 'server', 'a router took another for its server');
      }
      if (action.kind === 'established' || action.kind === 'child-installed') {
        this.#keys.enter(action.childSa, 'router');
      }
    }
  }

  #note(action: IkeAction): void {
    if (action.kind === 'refused') this.tally.refusals[action.reason] += 1;
    else if (action.kind === 'send') this.tally.sent += 1;
    else {
      const reason = 'reason' in action ? ` ${action.reason}` : '';
      const name = `${action.kind}${reason}`;
      this.tally.actions[name] = (this.tally.actions[name] ?? 0) + 1;
    }
  }

  #post(message: Message): void {
    const { bytes } = message;
    const digest = digestOf(bytes);
    this.#genuine.add(digest);
    this.#checkIv(bytes, digest);
    hold(bytes.length <= 1280 - 52, `a message of ${bytes.length} octets`);
    this.#flights.push(message);
    if (this.#flights.length > remembered) this.#flights.shift();
    this.#seen.push(message);
    if (this.#seen.length > remembered) this.#seen.shift();
  }

  /** Of one key no IV is used for two messages. */
  #checkIv(bytes: Uint8Array, digest: string): void {
    const isFragment = bytes[16] === payloadTypes.encryptedFragment;
    if (bytes[18] === exchangeTypes.ikeSaInit || (!isFragment && bytes[16] !== payloadTypes.encrypted))
      return;
    const at = isFragment ? 36 : 32;
    const direction = (bytes[19] ?? 0) & 0x08;
    const name = `${Buffer.from(bytes.subarray(0, 16)).toString('hex')} ${direction} ${Buffer.from(bytes.subarray(at, at + 8)).toString('hex')}`;
    const before = this.#ivs.get(name);
    hold(before === undefined || before === digest, 'one IV for two messages');
    this.#ivs.set(name, digest);
  }
}

function keyOf(name: string) {
  return sharedKey(new Secret(new TextEncoder().encode(`the key of ${name}`)));
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
