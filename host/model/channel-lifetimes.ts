/** How old the channel's SAs may become before they are rekeyed. Each end counts for itself (RFC 7296 section 2.8). */

export interface ChannelLifetimes {
  /** An IKE SA is rekeyed before it is so old. */
  readonly ikeSaLifetimeSeconds: number;
  /** A CHILD SA is rekeyed before it is so old, and stops then. */
  readonly childSaLifetimeSeconds: number;
}

/** Ours: no key protects more than an hour of a channel, and no Diffie-Hellman key more than four. */
export const defaultChannelLifetimes: ChannelLifetimes = {
  ikeSaLifetimeSeconds: 4 * 3600,
  childSaLifetimeSeconds: 3600,
};

/** Ours: a request that is sent in vain takes 20 s to be given up, and the SA has to outlive that. */
export const shortestLifetimeSeconds = 30;
/** A week, ours. */
export const longestLifetimeSeconds = 604_800;
