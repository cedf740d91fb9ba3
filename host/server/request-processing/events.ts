/**
 * What goes into the server's request processing and what comes out of it. The machine is pure: the shell in host/server
 * turns channel datagrams, policy reloads and the clock into these events, and carries the actions out in the order in
 * which they stand; a `store` is durable before any later `send` leaves.
 */
import type { MessageId, RouterMessage, ServerMessage } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { VersionUpStanding } from '../../model/version-up.ts';
import type { PolicySet } from '../distribution-policies/policy-set.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import type { RolloutChange } from '../rollout/stored.ts';

export type RequestEvent =
  /** A decoded message; `router` is who the channel authenticated. */
  | { readonly kind: 'message'; readonly router: string; readonly message: RouterMessage }
  /** A router's channel came up, or moved: where it is seen, and whether a NAT is in between. */
  | {
      readonly kind: 'channel-up';
      readonly router: string;
      readonly endpoint: Endpoint;
      readonly behindNat: boolean;
    }
  | { readonly kind: 'channel-down'; readonly router: string; readonly reason: string }
  /** The policy file changed. Only what it touches is withdrawn. */
  | { readonly kind: 'policies'; readonly policies: PolicySet }
  | { readonly kind: 'deadline' };

/** What the server remembers of a router across its own restarts. */
export interface StoredRouter {
  readonly name: string;
  /** Boot numbers seen, the current one last; bounded. */
  readonly boots: readonly MessageId[];
  /** From its last hello. */
  readonly proposals: readonly string[];
  readonly software: string;
  /** Where it was last seen: a server that was restarted tells it there. */
  readonly endpoint: Endpoint | null;
  /** What it reported of its slots and its last version-up; null when it never did. */
  readonly versionUp: VersionUpStanding | null;
}

export type RequestAction =
  /**
   * The Secrets of a distribution are copies that belong to whoever carries the action out: wipe them (wipeMessage) and
   * the datagram once it has left.
   */
  | { readonly kind: 'send'; readonly router: string; readonly message: ServerMessage }
  /** At most one in the actions of an event, and before their sends. */
  | {
      readonly kind: 'store';
      readonly put: readonly StoredEntry[];
      readonly remove: readonly string[];
      readonly routers: readonly StoredRouter[];
      readonly rollout?: RolloutChange;
    }
  /** For the audit log; never holds key material. */
  | {
      readonly kind: 'audit';
      readonly what: AuditKind;
      readonly router: string;
      readonly peer: string;
      readonly kindName: string;
      readonly detail: string;
    };

/** What the audit log records; also names of counters. */
export const auditKinds = [
  'requested',
  'started-up',
  'distributed',
  'both-installed',
  'no-corresponding-entry',
  'no-response',
  'refused',
  'contents-inconsistent',
  'withdrawing',
  'withdrawn',
  'expired',
  'hello',
  'report',
  'version-up',
  'moved',
  'policies',
  'rollout',
  /** Dropped: the envelope names another router than the channel authenticated. */
  'wrong-source',
  /** Dropped: nothing that this message could belong to. */
  'ignored',
] as const;

export type AuditKind = (typeof auditKinds)[number];
