/** What the packet loop itself counts; the firmware has counters of its own for everything that happens inside it. */

export interface LoopCounters {
  /** Packets for which there is no socket of their family and encapsulation. */
  noSocket: number;
  /** Single datagrams (IKE, dummies) dropped because a socket was full, and packets that it did not take for a second. */
  socketFull: number;
  /** Datagrams longer than a packet slot, received or to be sent. */
  tooLong: number;
  /** Times that datagrams were refused because the path to their peer takes less than before. */
  pathShorter: number;
  keepalives: number;
  /** IKE datagrams that are too short, or more than the rate that the control thread takes. */
  ikeDropped: number;
  /** Dummies sent (RFC 4303 section 2.6). */
  dummies: number;
  /** ICMP errors sent to hosts, and those left out by the rate limit. */
  icmpErrors: number;
  icmpSuppressed: number;
}

/** All zero. */
export function zeroLoopCounters(): LoopCounters {
  return {
    noSocket: 0,
    socketFull: 0,
    tooLong: 0,
    pathShorter: 0,
    keepalives: 0,
    ikeDropped: 0,
    dummies: 0,
    icmpErrors: 0,
    icmpSuppressed: 0,
  };
}
