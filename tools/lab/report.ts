/**
 * The lab's report: one JSON object with stable names. Every figure is measured in this run; `shortfalls` says in words
 * where one is not what must hold, and `ok` is true when there are none and nothing was left out.
 */
import type { SequenceRow } from './time-sequence.ts';

export interface Report {
  readonly version: 1;
  readonly firstPacket?: {
    readonly milliseconds: number | null;
    /** Of the first ping, and of a burst that was sent before its SAs were there. */
    readonly lost: number;
    readonly burst: { readonly sent: number; readonly received: number };
    /** Of the server's and routers' processes during the ping: real-time keeps this machine's other work out. */
    readonly priority: 'real-time' | 'ordinary';
    readonly events: readonly SequenceRow[];
  };
  readonly transfer?: {
    readonly bytes: number;
    readonly sha256Matches: boolean;
    readonly megabitsPerSecond: number;
    readonly espPackets: number;
    readonly ahPackets: number;
    readonly cleartextPackets: number;
    readonly repeatedIvs: number;
  };
  readonly renewals?: {
    readonly count: number;
    readonly lost: number;
    readonly cleartextPackets: number;
    readonly sent: number;
    readonly duplicates: number;
    readonly espPackets: number;
    readonly repeatedIvs: number;
    readonly repeatedSequences: number;
    /** Different SAs that the capture saw in use. */
    readonly securityAssociationsSeen: number;
    readonly longestGapMilliseconds: number;
  };
  readonly messageLoss?: {
    readonly probability: number;
    readonly pairsWanted: number;
    readonly pairsUp: number;
    /** Datagrams of the channels that crossed, and those of them that were dropped on purpose. */
    readonly datagrams: number;
    readonly datagramsDropped: number;
    readonly slowestMilliseconds: number | null;
    /** SAs at one end whose other half is missing at the other end, after the bound. */
    readonly halfInstalled: number;
  };
  readonly serverRestart?: {
    readonly lost: number;
    /** From the start of the new process to the first reply through SAs that it issued. */
    readonly newRequestMilliseconds: number | null;
    readonly sent: number;
    readonly cleartextPackets: number;
  };
  readonly routerRestart?: {
    /** From the start of the new process to the first reply through new SAs. */
    readonly recoveredMilliseconds: number | null;
    readonly keysIssuedTwice: number;
    readonly cleartextWhileDown: number;
    /** Packets that the dead router's nftables table kept from leaving in clear. */
    readonly preventedWhileDown: number;
    readonly oldSecurityAssociationsLeft: number;
  };
  /** In place of routerRestart where that router is a guest. */
  readonly powerCut?: {
    /** Name of the guest whose power was cut. */
    readonly router: string;
    /** From the new start of its machine to the first reply through new SAs. */
    readonly recoveredMilliseconds: number | null;
    /** From the cut to the end, its boot included. */
    readonly cleartextPackets: number;
    readonly repeatedIvs: number;
  };
  readonly noPolicy?: {
    readonly icmp: string | null;
    readonly reason: string | null;
    readonly tries: number;
    readonly requests: number;
  };
  readonly peerDown?: {
    readonly reason: string | null;
    readonly milliseconds: number | null;
    /** `server` when the reason was the server's word, `router` when the router gave up by itself. */
    readonly saidBy: string | null;
    readonly heldPacketsDropped: number;
  };
  readonly settings?: {
    readonly routers: number;
    readonly conventional: number;
    readonly perPair: number;
    readonly shared: number;
    readonly selectors: { readonly perPair: number; readonly shared: number };
  };
  /** Absent where no router is a guest. */
  readonly guests?: {
    readonly board: string;
    readonly routers: readonly string[];
    /** From the start of the server and all routers to the last channel. */
    readonly upMilliseconds: number;
  };
  /** Parts that were not played, and why. */
  readonly leftOut: readonly { readonly part: string; readonly why: string }[];
  /** Intervals that the lab shortened by configuration, and in which parts of the scenario. */
  readonly shortenedIntervals: {
    readonly in: readonly string[];
    readonly seconds: Readonly<Record<string, number>>;
  };
  readonly capture: {
    readonly repeatedIvs: number;
    readonly fragments: number;
    /** Packets that the kernel could not hand to the capture; null when tcpdump did not say. */
    readonly missed: number | null;
  };
  readonly machine: {
    readonly kernel: string;
    readonly node: string;
    readonly processors: number;
    /** Load average of the last minute before the scenario: others' work is in every figure. */
    readonly load: number;
    /** Where the server's database lies: a commit waits for a disk, and not for memory. */
    readonly database: 'memory' | 'disk';
  };
  readonly shortfalls: readonly string[];
  readonly ok: boolean;
}

/** The parts of a report that a scenario of its own fills in. */
export type Finding = Pick<
  Report,
  | 'firstPacket'
  | 'transfer'
  | 'renewals'
  | 'messageLoss'
  | 'serverRestart'
  | 'routerRestart'
  | 'powerCut'
  | 'noPolicy'
  | 'peerDown'
  | 'settings'
>;

/** What one scenario found, and in plain lines what of it falls short. */
export interface Outcome {
  readonly finding: Finding;
  readonly shortfalls: readonly string[];
}

/** The lines whose condition does not hold. */
export function shortfalls(...checks: readonly (readonly [boolean, string])[]): string[] {
  return checks.filter(([holds]) => !holds).map(([, line]) => line);
}
