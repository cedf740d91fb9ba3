/**
 * What one row and column of the matrix is: who speaks first, with which algorithms and credentials, over which network,
 * what both do once they are connected, or that both refuse. Combinations are data; conversation.ts plays them.
 */
import type { Network } from '../arena/arena.ts';
import type { CertificatePlan } from '../arena/credentials.ts';
import type { Conversation } from '../conversation.ts';

/** strongSwan's part; our server answers an initiator, our router calls a responder. */
export type Role = 'initiator' | 'responder';

/**
 * Where strongSwan runs: in its namespace, with ESP of its own in user space; or in a guest with Debian's kernel, at a port of
 * that namespace, with the kernel's ESP.
 */
export type StrongswanIn = 'namespace' | 'guest';

export const roles: readonly Role[] = ['initiator', 'responder'];

/** What is done on a channel that is up. Throws Disagreement when an end does not do what it should. */
export type Step = (conversation: Conversation) => Promise<void>;

/** Settings of strongSwan by section: text or numbers, or a section of its own (swanctl.conf(5), strongswan.conf(5)). */
export interface Section {
  readonly [key: string]: string | number | Section;
}

type PpkUse = 'required' | 'optional' | 'none';

export interface PpkPlan {
  readonly strongswan: PpkUse;
  readonly ours: PpkUse;
  /** strongSwan has another one under the same name. */
  readonly isWrong?: boolean;
}

export interface Refusal {
  /** In strongSwan's log. */
  readonly strongswan: RegExp;
  /** What our end says: the server's counters and the router's channel, as `sekisho status` has them. */
  readonly ours: RegExp;
  /** Only the CHILD SA is refused, and the IKE SA stands without one (RFC 7296 section 1.2). */
  readonly keepsIkeSa?: boolean;
}

export interface Combination {
  /** What the row is about; rows of one subject stand together. */
  readonly subject: string;
  /** The row within its subject. */
  readonly what: string;
  readonly role: Role;
  /** In its namespace when nothing is said. A guest can be an initiator. */
  readonly strongswanIn?: StrongswanIn;
  /** A plain link when nothing is said. */
  readonly network?: Network;
  /** The one proposal of the IKE SA that strongSwan knows, in its own keywords. */
  readonly ike: string;
  /** The same for ESP. */
  readonly esp: string;
  /** Done after the first setting messages, in order; those run again after each. */
  readonly steps: readonly Step[];
  /** Both ends refuse, in these words; nothing else is looked at then. */
  readonly refusal?: Refusal;
  /** What strongSwan's log has to have in the end: that what this is about has happened. */
  readonly evidence?: readonly RegExp[];
  /** Added to the connection in swanctl.conf. */
  readonly connection?: Section;
  /** Added to strongswan.conf's charon. */
  readonly charon?: Section;
  /** Added to our settings file's `channel`. */
  readonly ourChannel?: object;
  /** Certificates in place of the pre-shared key. */
  readonly certificates?: CertificatePlan;
  /** A post-quantum pre-shared key (RFC 8784): what each end makes of it. */
  readonly ppk?: PpkPlan;
  /** strongSwan's pre-shared key is another one. */
  readonly hasWrongKey?: boolean;
}

/** Unique, and what `--only` looks at. */
export function nameOf({ subject, what, role }: Combination): string {
  return `${subject}: ${what}, strongSwan as ${role}`;
}

/** Name of its folder. */
export function folderOf(combination: Combination): string {
  return nameOf(combination)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
}

/** The ends do not do what they should together; the message says who and what. */
export class Disagreement extends Error {}
