/** The channel's intervals. They are ours, not a standard's; each is a setting. */
import { promptRetransmission, type RetransmissionTimes } from '../ike/retransmission.ts';

export interface ChannelTimers {
  /** Something is sent at least so often, to keep NAT mappings open (RFC 3948 section 4). */
  readonly keepaliveSeconds: number;
  /** Silence after which the other end is asked whether it is there. Bounds how long a restarted server is not noticed. */
  readonly livenessSeconds: number;
  /** The server asks a router that was silent for so long; the router, which asks more often, needs no help from it. */
  readonly serverLivenessSeconds: number;
  /** An IKE SA is rekeyed before it is so old. */
  readonly ikeSaLifetimeSeconds: number;
  /** A CHILD SA is rekeyed before it is so old, and stops then. */
  readonly childSaLifetimeSeconds: number;
  /** First wait after a failed set-up; doubles up to the longest. */
  readonly firstRetrySeconds: number;
  readonly longestRetrySeconds: number;
  /** Unauthenticated hints that the server lost its state are followed at most so often. */
  readonly hintIntervalSeconds: number;
  readonly retransmission: RetransmissionTimes;
}

export const defaultChannelTimers: ChannelTimers = {
  keepaliveSeconds: 20,
  livenessSeconds: 10,
  serverLivenessSeconds: 60,
  ikeSaLifetimeSeconds: 4 * 3600,
  childSaLifetimeSeconds: 3600,
  firstRetrySeconds: 0.5,
  longestRetrySeconds: 30,
  hintIntervalSeconds: 1,
  retransmission: promptRetransmission,
};
