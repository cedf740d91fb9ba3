/**
 * Self-tests as request processing sees them: requests for the echo peer, which is in this very process and so always has its
 * channel. Each router has one at a time, and not more often than once a second; how many there may be in all is the
 * echo peer's own bound.
 */
import { echoPeerName } from '../../messages/echo-peer.ts';
import type { Request } from '../../messages/message.ts';
import { addressOf } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import type { Processing } from './processing.ts';
import type { RouterBook } from './router-book.ts';
import { withdrawEntries } from './withdrawal.ts';

/** Why a self-test is refused when the echo peer takes no more. */
export const echoPeerIsFull =
  'the echo peer is busy with the self-tests of other routers: try again in a moment';

/** From the beginning of a router's self-test to its next one. */
const selfTestIntervalMs = 1000;

/** Notes the echo peer, which no channel ever announces. Routers reach it where they reach the server: the place says nothing. */
export function openEchoPeer(routers: RouterBook): void {
  const record = routers.open(echoPeerName);
  record.hasChannel = true;
  record.endpoint = { address: addressOf(new Uint8Array(16)), port: 4500 };
}

/**
 * Makes room for a router's self-test: an earlier one that it left behind is withdrawn.
 *
 * @returns why it may not have one now, or undefined; undefined for requests that are no self-test
 */
export function beginSelfTest(processing: Processing, request: Request, now: Instant): string | undefined {
  if (request.peer !== echoPeerName) return undefined;
  const { routers, table } = processing;
  const record = routers.open(request.source);
  if (record.selfTestAt !== undefined && now < record.selfTestAt + selfTestIntervalMs) {
    return `router ${request.source} tests itself more often than every ${selfTestIntervalMs / 1000} s`;
  }
  record.selfTestAt = now;
  const earlier = table.ofPair(request.source, echoPeerName).filter(({ state }) => state !== 'withdrawing');
  withdrawEntries(processing, earlier, 'a newer self-test takes its place', now);
  return undefined;
}
