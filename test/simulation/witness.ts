/**
 * Watches a simulated world from outside and knows what must never be: DESIGN.md section 10's invariants. It believes no
 * machine: keys are compared as they enter the engines, initialisation vectors as they leave them, packets by their
 * numbers, policies by a walk over the SPD.
 */
import type { Outcome, SaPair } from '../../host/dataplane/engine.ts';
import type { Distribution, ServerMessage } from '../../host/messages/message.ts';
import type { SpdEntry } from '../../host/model/policy.ts';
import { proposals } from '../../host/model/proposal.ts';
import type { SaKeys, Spi } from '../../host/model/security-association.ts';
import { type PacketSelector, selectorMatches } from '../../host/model/selector.ts';

/** The names under which a broken invariant is reported. */
export const invariants = [
  /** A (key, initialisation vector) pair was used twice. */
  'iv-used-twice',
  /** A packet that a PROTECT selector covers left, or came in, without IPsec. */
  'plaintext',
  'delivered-twice',
  'delivered-astray',
  /** Both ends of an SA hold different keys or parameters. */
  'ends-differ',
  /** A key was handed out for another SA, to a third party, or again after it was wiped. */
  'key-handed-out-again',
  /** Key material was left in a message after its use. */
  'key-left-behind',
  /** An SA stayed at one end alone for longer than the bound. */
  'left-alone',
  /** Two requests for the same thing at once, at a router or in the management table. */
  'asked-twice',
  'two-banks-active',
  'slot-not-wiped',
  /** With no loss and no trouble a packet was lost. */
  'packet-lost',
  /** In the end a pair that has a policy passes no traffic. */
  'pair-silent',
  /** A failure is not what the settings call for. */
  'wrong-failure',
  /** Something goes on without end. */
  'no-rest',
  /** A machine or an engine threw. */
  'exception',
] as const;

export type Invariant = (typeof invariants)[number];

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, detail: string) {
    super(`${invariant}: ${detail}`);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

interface KnownKey {
  /** `receiver spi`. */
  readonly sa: string;
  readonly ends: readonly [string, string];
  /** Both ends were said to have it: it must not leave the server any more. */
  isWiped: boolean;
  readonly usedIvs: Set<string | number>;
}

interface InstalledHalves {
  readonly router: string;
  readonly outboundKey: string;
  readonly ivOctets: number;
}

/** An SA pair of two routers, by both inbound SPIs. */
interface Couple {
  readonly ends: Map<string, string>;
  aloneSince: number | undefined;
}

export class Witness {
  readonly #now: () => number;
  readonly #keys = new Map<string, KnownKey>();
  /** What each end installed, by `receiver spi`. */
  readonly #sas = new Map<string, { readonly key: string; readonly terms: string; readonly by: string }>();
  readonly #installed = new Map<string, InstalledHalves>();
  readonly #couples = new Map<string, Couple>();
  readonly #coupleOf = new Map<string, string>();
  readonly #keysOfId = new Map<string, string>();
  readonly #delivered = new Set<number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The server is about to send; called once for each send action, before the network has its say. */
  serverSends(message: ServerMessage): void {
    if (message.type === 'both-installed') {
      const held = this.#keysOfId.get(`${message.source} ${message.id}`);
      for (const key of held?.split('|') ?? []) {
        const known = this.#keys.get(key);
        if (known !== undefined) known.isWiped = true;
      }
      return;
    }
    if (message.type === 'distribution') this.#keysLeave(message);
  }

  #keysLeave(message: Distribution): void {
    const { source, peer, inbound, outbound } = message;
    const texts = [
      { sa: `${source} ${inbound.spi}`, key: keyText(inbound) },
      { sa: `${peer} ${outbound.spi}`, key: keyText(outbound) },
    ];
    for (const { sa, key } of texts) {
      const known = this.#keys.get(key);
      if (known === undefined) {
        this.#keys.set(key, { sa, ends: [source, peer], isWiped: false, usedIvs: new Set() });
        continue;
      }
      if (known.sa !== sa)
        throw new Violation('key-handed-out-again', `the key of ${known.sa} goes to ${sa}`);
      if (!known.ends.includes(source) || !known.ends.includes(peer)) {
        throw new Violation(
          'key-handed-out-again',
          `the key of ${known.ends.join(' and ')} goes to ${source}`,
        );
      }
      if (known.isWiped) {
        throw new Violation('key-handed-out-again', `the key of ${sa} goes to ${source} after it was wiped`);
      }
    }
    const both = texts.map(({ key }) => key).join('|');
    const before = this.#keysOfId.get(`${source} ${message.id}`);
    if (before !== undefined && before !== both) {
      throw new Violation('ends-differ', `${source} gets other keys for request ${message.id} than before`);
    }
    this.#keysOfId.set(`${source} ${message.id}`, both);
  }

  /** The server was killed: whatever it held is gone, and must never turn up again. */
  serverDies(): void {
    for (const known of this.#keys.values()) known.isWiped = true;
  }

  /** A datagram that held keys was processed. */
  messageUsed(message: Distribution): void {
    for (const { encryptionKey, authenticationKey, salt } of [message.inbound, message.outbound]) {
      for (const secret of [encryptionKey, authenticationKey, salt]) {
        if (secret.reveal().some((octet) => octet !== 0)) {
          throw new Violation(
            'key-left-behind',
            `in the distribution of request ${message.id} to ${message.source}`,
          );
        }
      }
    }
  }

  /** `router` is about to install `pair` with `peer`. */
  installs(router: string, peer: string, pair: SaPair): void {
    const { inbound, outbound } = pair;
    this.#compare(router, `${router} ${inbound.spi}`, keyText(inbound.keys), termsOf(pair));
    this.#compare(router, `${peer} ${outbound.spi}`, keyText(outbound.keys), termsOf(pair));
    this.#installed.set(`${router} ${inbound.spi}`, {
      router,
      outboundKey: keyText(outbound.keys),
      ivOctets: proposals.get(outbound.proposal)?.ivOctets ?? 8,
    });
    const own = `${router} ${inbound.spi}`;
    const name = [own, `${peer} ${outbound.spi}`].sort().join(' - ');
    const couple = this.#couples.get(name) ?? { ends: new Map<string, string>(), aloneSince: undefined };
    couple.ends.set(router, own);
    couple.aloneSince = couple.ends.size === 1 ? this.#now() : undefined;
    this.#couples.set(name, couple);
    this.#coupleOf.set(own, name);
  }

  #compare(router: string, sa: string, key: string, terms: string): void {
    const known = this.#sas.get(sa);
    if (known === undefined) {
      this.#sas.set(sa, { key, terms, by: router });
      return;
    }
    if (known.key !== key)
      throw new Violation('ends-differ', `${known.by} and ${router} hold different keys of ${sa}`);
    if (known.terms !== terms) {
      throw new Violation('ends-differ', `${known.by} has ${sa} as ${known.terms}, ${router} as ${terms}`);
    }
  }

  /** `router` has no pair with that inbound SPI any more. */
  removes(router: string, spi: Spi): void {
    const own = `${router} ${spi}`;
    this.#installed.delete(own);
    const name = this.#coupleOf.get(own);
    const couple = name === undefined ? undefined : this.#couples.get(name);
    if (name === undefined || couple === undefined) return;
    this.#coupleOf.delete(own);
    couple.ends.delete(router);
    if (couple.ends.size === 0) this.#couples.delete(name);
    else couple.aloneSince = this.#now();
  }

  /** `router` lost its engine. */
  forgets(router: string): void {
    for (const [own, { router: holder }] of this.#installed) {
      if (holder === router) this.removes(router, Number(own.slice(own.lastIndexOf(' ') + 1)));
    }
  }

  /** An SA may be alone for `boundMs` since it was, and since `disturbedAt` says that its router was last cut off. */
  checkAlone(boundMs: number, disturbedAt: (router: string) => number): void {
    for (const [name, { ends, aloneSince }] of this.#couples) {
      if (aloneSince === undefined) continue;
      const since = Math.max(
        aloneSince,
        ...name.split(' - ').map((end) => disturbedAt(end.split(' ')[0] ?? '')),
      );
      if (this.#now() - since > boundMs) {
        const holder = [...ends.keys()].join();
        throw new Violation(
          'left-alone',
          `${holder} has held ${name} alone since ${Math.round(aloneSince)} ms`,
        );
      }
    }
  }

  /** `router` sent `esp` through the pair called `spi`. */
  sendsEsp(router: string, spi: Spi, esp: Uint8Array): void {
    const pair = this.#installed.get(`${router} ${spi}`);
    const known = pair === undefined ? undefined : this.#keys.get(pair.outboundKey);
    if (pair === undefined || known === undefined) {
      throw new Violation(
        'plaintext',
        `${router} sent through SPI ${spi}, for which it has no key of the server`,
      );
    }
    const view = new DataView(esp.buffer, esp.byteOffset);
    // A GCM IV is the sequence number here, which a double holds exactly; a CBC IV is 16 octets of chance.
    const iv =
      pair.ivOctets === 8
        ? view.getUint32(8) * 2 ** 32 + view.getUint32(12)
        : Buffer.from(esp.buffer, esp.byteOffset + 8, pair.ivOctets).toString('latin1');
    if (known.usedIvs.has(iv))
      throw new Violation('iv-used-twice', `${router} uses IV ${describeIv(iv)} of ${known.sa} again`);
    known.usedIvs.add(iv);
  }

  /** What `router`'s engine said about a packet of the protected side. */
  outbound(router: string, entries: readonly SpdEntry[], packet: PacketSelector, outcome: Outcome): void {
    if (outcome.kind !== 'bypass' && outcome.kind !== 'send') return;
    const entry = firstMatch(entries, packet);
    const action = entry?.action ?? 'DISCARD';
    const wanted = outcome.kind === 'send' ? 'PROTECT' : 'BYPASS';
    if (action !== wanted) {
      throw new Violation(
        'plaintext',
        `${router} let a packet ${outcome.kind} that its SPD wants to ${action}`,
      );
    }
  }

  /** A packet came out of `router`'s engine for its network; `selector` is seen from there. */
  delivers(
    router: string,
    entries: readonly SpdEntry[],
    number: number,
    selector: PacketSelector,
    to: string,
  ): void {
    if (to !== router)
      throw new Violation('delivered-astray', `packet ${number} for ${to} came out at ${router}`);
    const isWanted = entries.some(
      ({ action, selectors }) =>
        action === 'PROTECT' && selectors.some((one) => selectorMatches(one, selector)),
    );
    if (!isWanted) {
      throw new Violation(
        'delivered-astray',
        `${router} lets packet ${number} in although its SPD does not want it`,
      );
    }
    if (this.#delivered.has(number)) throw new Violation('delivered-twice', `packet ${number} at ${router}`);
    this.#delivered.add(number);
  }

  hasDelivered(number: number): boolean {
    return this.#delivered.has(number);
  }

  /** What `router` asks for, after each of its steps. */
  asks(
    router: string,
    requests: readonly { readonly entry: string; readonly kind: string; readonly lane: number }[],
  ): void {
    for (const [index, { entry, kind, lane }] of requests.entries()) {
      const isSame = (other: { readonly entry: string; readonly kind: string; readonly lane: number }) =>
        other.entry === entry && other.kind === kind && other.lane === lane;
      if (requests.findIndex(isSame) !== index) {
        throw new Violation(
          'asked-twice',
          `${router} has two requests for entry ${entry}, kind '${kind}', lane ${lane}`,
        );
      }
    }
  }

  /** Rows of the management table that lack a half, as `pair kind`. */
  waits(halfEmpty: readonly string[]): void {
    if (new Set(halfEmpty).size !== halfEmpty.length) {
      throw new Violation('asked-twice', `two half-empty entries for the same: ${halfEmpty.join(', ')}`);
    }
  }
}

function describeIv(iv: string | number): string {
  return typeof iv === 'number' ? String(iv) : Buffer.from(iv, 'latin1').toString('hex');
}

export function firstMatch(entries: readonly SpdEntry[], packet: PacketSelector): SpdEntry | undefined {
  return entries.find(({ selectors }) => selectors.some((selector) => selectorMatches(selector, packet)));
}

function termsOf({ kind, inbound }: SaPair): string {
  const { mode, proposal, esn, encapsulation, hard } = inbound;
  return `${kind} ${mode} ${proposal} esn ${esn} ${encapsulation} ${hard.octets} ${hard.packets}`;
}

function keyText({ encryptionKey, authenticationKey, salt }: SaKeys): string {
  return [encryptionKey, authenticationKey, salt]
    .map((secret) => Buffer.from(secret.reveal()).toString('latin1'))
    .join('');
}
