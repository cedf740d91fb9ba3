/**
 * Intervals and counts of setting management, as values. The defaults are the design's; a router's file may change them,
 * and the lab and the simulation shorten them.
 */

export interface SettingTimers {
  /** A request is repeated at this interval ... */
  readonly requestIntervalMs: number;
  /** ... until it went out this many times. */
  readonly requestTries: number;
  /** After `pending` the server has it: repeated only in case the server forgot. */
  readonly pendingIntervalMs: number;
  /** From the first `pending` to the server's final word. */
  readonly pendingWaitMs: number;
  /** How long packets are held while there is no channel to the server. */
  readonly channelWaitMs: number;
  /** Refused selectors are blocked this long, doubled with each further failure of the entry ... */
  readonly backOffMs: number;
  /** ... up to this. */
  readonly backOffMaxMs: number;
  /** A failed renewal is tried again after this, doubled each time up to `backOffMaxMs`. */
  readonly renewalRetryMs: number;
  /** How often a request may start over with a fresh id before it fails. */
  readonly freshIdTries: number;
  /** The soft lifetime is a random share of the hard one between these two, so that a fleet does not ask at once. */
  readonly softShareFrom: number;
  readonly softShareTo: number;
  /** A new pair in UDP is tried with dummies until the peer is heard: the first wait, doubled each time ... */
  readonly pathIntervalMs: number;
  /** ... and how many there are, before the path is given up. */
  readonly pathTries: number;
  /** Behind a NAT something goes to each peer at least so often (RFC 3948 section 4). */
  readonly keepaliveMs: number;
  /** One unknown SPI is reported at most once in this time; all of them together at most `badSpiBurst` times. */
  readonly badSpiIntervalMs: number;
  readonly badSpiBurst: number;
  /** The report of a deleted SA is repeated at this interval, doubled each time ... */
  readonly reportIntervalMs: number;
  /** ... up to this ... */
  readonly reportIntervalMaxMs: number;
  /** ... until the server withdraws the id, or the report went out this many times. */
  readonly reportTries: number;
}

export const defaultSettingTimers: SettingTimers = {
  requestIntervalMs: 5_000,
  requestTries: 6,
  pendingIntervalMs: 15_000,
  pendingWaitMs: 45_000,
  channelWaitMs: 30_000,
  backOffMs: 5_000,
  backOffMaxMs: 60_000,
  renewalRetryMs: 5_000,
  freshIdTries: 3,
  softShareFrom: 0.7,
  softShareTo: 0.85,
  pathIntervalMs: 200,
  pathTries: 6,
  keepaliveMs: 20_000,
  badSpiIntervalMs: 10_000,
  badSpiBurst: 16,
  reportIntervalMs: 500,
  reportIntervalMaxMs: 16_000,
  reportTries: 12,
};
