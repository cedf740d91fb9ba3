/**
 * What goes into the server's request processing and what comes out of it. The machine is pure: the shell in host/server
 * turns channel datagrams, policy reloads and the clock into these events, and carries the actions out in the order in
 * which they stand; a `store` is durable before any later `send` leaves.
 */
import type { RouterMessage, ServerMessage } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { PolicySet } from '../distribution-policies/policy-set.ts';
import type { StoredEntry } from '../management-table/entry.ts';

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
  | { readonly kind: 'channel-down'; readonly router: string }
  /** The policy file changed. Only what it touches is withdrawn. */
  | { readonly kind: 'policies'; readonly policies: PolicySet }
  | { readonly kind: 'deadline' };

export type RequestAction =
  | { readonly kind: 'send'; readonly router: string; readonly message: ServerMessage }
  | { readonly kind: 'store'; readonly put: readonly StoredEntry[]; readonly remove: readonly string[] }
  /** For the audit log; never holds key material. */
  | {
      readonly kind: 'audit';
      readonly what: string;
      readonly router: string;
      readonly peer: string;
      readonly kindName: string;
      readonly detail: string;
    };
