/**
 * Policies as values: the SPD entries of a router (whom to ask for what), and the server's distribution policies (what
 * a pair of routers gets). How they are typed in a file is the business of host/router and host/server.
 */
import type { Encapsulation, Mode, SaProtocol, TfcPadding } from './security-association.ts';
import type { Selector } from './selector.ts';

export type SpdAction = 'PROTECT' | 'BYPASS' | 'DISCARD';

/** An entry of a router's ordered SPD: the first entry with a matching selector decides; no match is DISCARD. */
export interface SpdEntry {
  /** Unique in the SPD. */
  readonly name: string;
  /** At least one; packets matching any of them belong to the entry. */
  readonly selectors: readonly Selector[];
  readonly action: SpdAction;
  /** Whom to name when asking the server: the other router's name. Set exactly for PROTECT. */
  readonly requestPeer?: string;
}

/** What the server hands out for a pair: everything about an SA pair but keys, SPIs and addresses. */
export interface DistributionPolicy {
  /** The policy's name, which is the kind in every message. */
  readonly kind: string;
  /** Rises with each change of its content; both ends of an SA pair hold the same. */
  readonly revision: number;
  /** Two router names; `*` stands for any enrolled router. */
  readonly between: readonly [string, string];
  /** Restricts the policy to some communication; undefined is everything between the routers' networks. */
  readonly selectors: readonly PolicySelector[] | undefined;
  readonly protocol: SaProtocol;
  readonly mode: Mode;
  readonly proposal: string;
  readonly lifetimeSeconds: number;
  readonly lifetimeOctets: bigint | undefined;
  readonly lifetimePackets: bigint | undefined;
  readonly esn: boolean;
  readonly replayWindow: number;
  readonly encapsulation: 'auto' | Encapsulation;
  readonly dscp: 'copy' | number;
  readonly dontFragment: 'copy' | 'set' | 'clear';
  readonly tfcPadding: TfcPadding;
  readonly dummiesPerSecond: number;
}

/** A selector whose `local` side is the first router of `between`; a wildcard policy applies in both orders. */
export type PolicySelector = Selector;
