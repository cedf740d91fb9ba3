/** The channel's intervals. They are ours, not a standard's. */
import { promptRetransmission, type RetransmissionTimes } from '../ike/retransmission.ts';
import { type ChannelLifetimes, defaultChannelLifetimes } from '../model/channel-lifetimes.ts';

export interface ChannelTimers extends ChannelLifetimes {
  /** Something is sent at least so often, to keep NAT mappings open (RFC 3948 section 4). */
  readonly keepaliveSeconds: number;
  /** Silence after which the other end is asked whether it is there. Bounds how long a restarted server is not noticed. */
  readonly livenessSeconds: number;
  /** The server asks a router that was silent for so long; the router, which asks more often, needs no help from it. */
  readonly serverLivenessSeconds: number;
  /** First wait after a failed set-up; doubles up to the longest. */
  readonly firstRetrySeconds: number;
  readonly longestRetrySeconds: number;
  /** Unauthenticated hints that the server lost its state are followed at most so often. */
  readonly hintIntervalSeconds: number;
  readonly retransmission: RetransmissionTimes;
}

export const defaultChannelTimers: ChannelTimers = {
  ...defaultChannelLifetimes,
  keepaliveSeconds: 20,
  livenessSeconds: 10,
  serverLivenessSeconds: 60,
  firstRetrySeconds: 0.5,
  longestRetrySeconds: 30,
  hintIntervalSeconds: 1,
  retransmission: promptRetransmission,
};
