/**
 * Holds back messages of CREATE_CHILD_SA on their way, and deletes, so that a step decides in which order the two ends hear of each other.
 * What is held back is dropped where it arrives and counted; both ends repeat their requests, and with that the answers, until
 * it is let through (RFC 7296 section 2.1). Requests and answers are told apart by IKE's header, which is in the clear.
 */
import type { Arena } from './arena.ts';

export type End = 'ours' | 'strongswan';

/** Of CREATE_CHILD_SA; and requests of INFORMATIONAL, which after a rekeying are the deletes. */
export type Held = 'request' | 'response' | 'delete';

const table = 'sekisho-gate';

/**
 * Behind the UDP header (8 octets) four zero octets say that this is IKE and not ESP (RFC 3948 section 2.2); then the header's
 * octet 18 is the exchange type, and octet 19 the flags with the R bit (RFC 7296 section 3.1).
 */
const isIke = 'udp dport 4500 @th,64,32 0';
const matches: Readonly<Record<Held, string>> = {
  request: '@th,240,8 36 @th,248,8 & 0x20 == 0x0',
  response: '@th,240,8 36 @th,248,8 & 0x20 == 0x20',
  delete: '@th,240,8 37 @th,248,8 & 0x20 == 0x0',
};

export class Gate {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** From now on those alone of the messages that `sender` sends do not arrive; counting starts anew. */
  hold(sender: End, ...held: readonly Held[]): void {
    const rules = held.map((one) => `${isIke} ${matches[one]} counter name held-${one} drop`);
    this.#load(
      sender,
      `table inet ${table}\ndelete table inet ${table}\ntable inet ${table} {
  counter held-request { }
  counter held-response { }
  counter held-delete { }
  chain arriving {
    type filter hook prerouting priority raw
    ${rules.join('\n    ')}
  }
}
`,
    );
  }

  /** Lets everything through, from both ends. */
  open(): void {
    for (const sender of ['ours', 'strongswan'] as const) {
      this.#load(sender, `table inet ${table}\ndelete table inet ${table}\n`);
    }
  }

  /** How many of these were held back since `hold`. */
  heldBack(sender: End, held: Held): number {
    const text = this.#arena.run(
      this.#receiver(sender),
      'nft',
      'list',
      'counter',
      'inet',
      table,
      `held-${held}`,
    );
    return Number(/packets (\d+)/.exec(text)?.[1]);
  }

  #load(sender: End, rules: string): void {
    this.#arena.feed(this.#receiver(sender), rules, 'nft', '-f', '-');
  }

  #receiver(sender: End): string {
    return sender === 'ours' ? this.#arena.strongswan : this.#arena.sekisho;
  }
}

/** One packet of `outOf` that arrives at either end gets lost, at random, whatever is in it. */
export function loseOneOf(arena: Arena, outOf: number): void {
  const rules = `table inet sekisho-loss {
  chain arriving {
    type filter hook prerouting priority raw
    udp dport 4500 numgen random mod ${outOf} 0 drop
  }
}
`;
  for (const namespace of [arena.strongswan, arena.sekisho]) arena.feed(namespace, rules, 'nft', '-f', '-');
}
