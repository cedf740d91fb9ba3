/** What a set-up with a new peer took, as a router of either kind is measured. */

export interface PeerRound {
  /** Processor time of a set-up at the router that asks and at the one that is asked. */
  readonly askingCpuMs: number;
  readonly askedCpuMs: number;
  /** From the first packet of it to the first ESP packet on the wire, each time. */
  readonly firstEspMs: readonly number[];
  /** From the first IKE packet to the last, each time; empty where there is no IKE. */
  readonly ikeMs: readonly number[];
}

/** Set-ups of a round whose processor time is measured. */
export const peersInRound = 36;
export const rounds = 5;
/** Set-ups before the first of those, for caches and compilers. */
export const warmUpPeers = 20;
/** After a round: acknowledgements that nobody waits for belong to it. */
export const settleMs = 300;
/** Much more than it takes: tcpdump tells of packets when it gets to run. */
export const espWithinMs = 30_000;
