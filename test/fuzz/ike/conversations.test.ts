/**
 * Whole conversations, message by message: before each message every truncation and every single flipped bit of it
 * arrives. Nothing of a protected message is taken, nothing is thrown, and the conversation goes on to its end as if
 * nothing had been. messages.test.ts has the plain handshake; these have what happens under load, when the first guess of
 * the key exchange was wrong, with long messages, with separate integrity, what follows a handshake, and rekeyings.
 */
import { describe, expect, it } from 'vitest';
import type { ChildSa, IkeAction } from '../../../host/ike/events.ts';
import { exchangeTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { type IkeProposal, parseIkeProposal } from '../../../host/model/ike-proposal.ts';
import {
  actionsOf,
  hex,
  outcomes,
  Pair,
  type PairOptions,
  seededFraction,
} from '../../unit/ike/ends/pair.ts';
import { headerOf } from '../../unit/ike/ends/stranger.ts';

function proposal(keyword: string): IkeProposal[] {
  const parsed = parseIkeProposal(keyword);
  if (!parsed.ok) throw new Error(parsed.message);
  return [parsed.value];
}

const small = { longestDatagramOctets: 200 };
const both = (keyword: string): PairOptions => ({
  initiator: { ikeProposals: proposal(keyword) },
  responder: { ikeProposals: proposal(keyword) },
});

/** What happens when nothing more is under way, one after the other. */
type Events = readonly ((pair: Pair) => void)[];

const saIdAtResponder = (pair: Pair): string =>
  actionsOf(pair.responderActions, 'ike-sa-rekeyed').at(-1)?.saId ??
  actionsOf(pair.responderActions, 'established').at(-1)?.saId ??
  '';

const liveness: Events = [
  (pair) => pair.start(),
  (pair) => pair.checkLiveness(),
  (pair) => pair.atResponder({ kind: 'check-liveness', saId: saIdAtResponder(pair) }),
  (pair) => pair.close(),
];

const rekeyings: Events = [
  (pair) => pair.start(),
  (pair) => pair.atInitiator({ kind: 'rekey-child' }),
  (pair) => pair.atResponder({ kind: 'rekey-ike-sa', saId: saIdAtResponder(pair) }),
  (pair) => pair.close(),
];

const ended = [
  ['established', 'alive', 'closed local'],
  ['established', 'alive', 'closed peer-deleted'],
];

const rekeyed = [
  ['established', 'alive', 'child-installed', 'alive', 'ike-sa-rekeyed', 'closed local'],
  ['established', 'child-installed', 'child-used', 'alive', 'ike-sa-rekeyed', 'closed peer-deleted'],
];

const conversations: readonly [string, PairOptions, Events?, string[][]?][] = [
  // Each changed request behind a true cookie takes a place of its address's share, which is another test's business.
  ['with a cookie', { limits: { cookieThreshold: 0, halfOpenPerAddress: Number.POSITIVE_INFINITY } }],
  [
    'with INVALID_KE_PAYLOAD',
    {
      initiator: { ikeProposals: proposal('aes256gcm16-prfsha256-x25519-ecp256') },
      responder: { ikeProposals: proposal('aes256gcm16-prfsha256-ecp256') },
    },
  ],
  ['in fragments', { initiator: small, responder: small }],
  ['under AES-CBC and HMAC', both('aes128-sha256-x25519')],
  ['with rekeyings', both('aes256gcm16-prfsha256-x25519'), rekeyings, rekeyed],
];

/** A conversation that is carried on by hand: messages arrive in the order in which they were sent. */
class Conversation {
  readonly pair: Pair;
  delivered = 0;
  #event = 0;

  readonly #events: Events;

  constructor(options: PairOptions, events: Events) {
    this.#events = events;
    this.pair = new Pair({ ...options, link: () => [] });
  }

  /** The message that arrives next; undefined at the end. */
  get next(): { readonly toServer: boolean; readonly bytes: Uint8Array } | undefined {
    for (;;) {
      const message = this.pair.sent[this.delivered];
      const event = this.#events[this.#event];
      if (message !== undefined || event === undefined) return message;
      this.#event += 1;
      event(this.pair);
    }
  }

  inject(bytes: Uint8Array, toServer: boolean): IkeAction[] {
    return toServer ? this.pair.injectToServer(bytes) : this.pair.injectToRouter(bytes);
  }

  /** The same, but nobody hears the answer. */
  injectHostile(bytes: Uint8Array, toServer: boolean): IkeAction[] {
    const { length } = this.pair.sent;
    const actions = this.inject(bytes, toServer);
    this.pair.sent.length = length;
    return actions;
  }

  /** Lets `count` messages arrive, or all. */
  run(count = Number.POSITIVE_INFINITY): this {
    for (let index = 0; index < count; index++) {
      const { next } = this;
      if (next === undefined) return this;
      this.delivered += 1;
      this.inject(next.bytes, next.toServer);
    }
    return this;
  }

  /** What became of it, without what was refused. */
  get end(): string[][] {
    return [this.pair.initiatorActions, this.pair.responderActions].map((actions) =>
      outcomes(actions).filter((outcome) => !outcome.startsWith('refused')),
    );
  }
}

const isProtected = (bytes: Uint8Array): boolean => bytes[18] !== exchangeTypes.ikeSaInit;

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >>> 3]! ^= 0x80 >>> (bit & 7);
  return flipped;
}

/** Cut off after `length` octets, as it is and with a header that says so. */
function truncations(bytes: Uint8Array, length: number): Uint8Array[] {
  const cut = bytes.slice(0, length);
  if (length < 28) return [cut];
  const adapted = cut.slice();
  new DataView(adapted.buffer).setUint32(24, length);
  return [cut, adapted];
}

const changesNothing = (actions: readonly IkeAction[]): boolean =>
  actions.every((action) => action.kind === 'refused' || action.kind === 'send');

const keysOf = (childSa: ChildSa): string[] =>
  [childSa.inbound, childSa.outbound].map((one) => hex(one.encryptionKey.reveal()) + hex(one.salt.reveal()));

/** Neither end has a CHILD SA that the other has not, with other keys. */
function checkAgreement({ pair }: Conversation): void {
  const atServer = actionsOf(pair.responderActions, 'established').map((one) => keysOf(one.childSa));
  for (const { childSa } of actionsOf(pair.initiatorActions, 'established')) {
    expect(atServer).toContainEqual(keysOf(childSa).reverse());
  }
}

describe.each(conversations)('a conversation %s', (_, options, events = liveness, end = ended) => {
  const plain = new Conversation(options, events).run();
  const count = plain.delivered;

  it('has what it is here for, and an end', () => {
    expect(plain.end).toEqual(end);
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count > 10 || options.initiator?.ikeProposals?.[0]?.keyword.startsWith('aes128-')).toBe(true);
  });

  it('takes nothing of a message that is cut off, and goes on with the whole one', () => {
    for (let at = 0; at < count; at++) {
      const conversation = new Conversation(options, events).run(at);
      const { bytes, toServer } = conversation.next!;
      for (let length = 0; length < bytes.length; length++) {
        for (const cut of truncations(bytes, length)) {
          const actions = conversation.injectHostile(cut, toServer);
          expect([at, length, changesNothing(actions)]).toEqual([at, length, true]);
        }
      }
      expect(conversation.run().end).toEqual(plain.end);
    }
  });

  it('takes nothing of a protected message with a flipped bit, and goes on with the true one', () => {
    for (let at = 0; at < count; at++) {
      const conversation = new Conversation(options, events).run(at);
      const { bytes, toServer } = conversation.next!;
      // What a responder makes of a changed IKE_SA_INIT is another half-open SA.
      if (!isProtected(bytes) && !toServer) continue;
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const actions = conversation.injectHostile(flip(bytes, bit), toServer);
        expect([at, bit, changesNothing(actions)]).toEqual([at, bit, true]);
      }
      expect(conversation.run().end).toEqual(plain.end);
    }
  });

  it('ends in agreement or not at all when IKE_SA_INIT arrives with a flipped bit alone', () => {
    const fraction = seededFraction('which bits');
    for (let at = 0; at < count; at++) {
      const { bytes, toServer } = new Conversation(options, events).run(at).next!;
      if (isProtected(bytes)) return;
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        // Every bit of the headers, and some of each key, nonce and hash; messages.test.ts has them all.
        if (bit > 28 * 8 && fraction() > 0.15) continue;
        const conversation = new Conversation(options, events).run(at);
        conversation.next; // it is sent
        conversation.delivered += 1;
        conversation.inject(flip(bytes, bit), toServer);
        conversation.run();
        checkAgreement(conversation);
      }
    }
  });

  it('is not disturbed by its own past and future, nor by another conversation’s', () => {
    const others = new Conversation({ ...options, seed: 'two' }, events).run().pair.sent;
    for (let at = 0; at < count; at++) {
      const conversation = new Conversation(options, events).run(at);
      const past = conversation.pair.sent.slice(0, at);
      const due = conversation.next!;
      // Of the same kind, under the same keys (the seed is the same), with a message ID beyond the window.
      const future = plain.pair.sent.slice(at + 1).filter(({ bytes }) => {
        const [one, other] = [headerOf(bytes), headerOf(due.bytes)];
        return bytes[19] === due.bytes[19] && one.messageId > other.messageId && isProtected(due.bytes);
      });
      expect(future.length > 0 || at > 3 || !isProtected(due.bytes)).toBe(true);
      for (const { bytes, toServer } of [...others, ...past, ...[...past].reverse(), ...future]) {
        const actions = conversation.injectHostile(bytes, toServer);
        expect(changesNothing(actions)).toBe(true);
        // At the wrong end as well.
        expect(changesNothing(conversation.injectHostile(bytes, !toServer))).toBe(true);
      }
      expect(conversation.run().end).toEqual(plain.end);
    }
  });
});
