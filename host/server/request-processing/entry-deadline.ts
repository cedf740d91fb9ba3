/** What an entry does when its time comes, by its state; the transition table is in host/server/README.md. */
import type { Instant } from '../../model/instant.ts';
import type { Entry } from '../management-table/management-table.ts';
import { continueDistribution } from './distribution.ts';
import type { Processing } from './processing.ts';
import { continueStartup } from './request-startup.ts';
import { dropEntry } from './withdrawal.ts';

/** The entry's timer has run out. */
export function continueEntry(processing: Processing, entry: Entry, now: Instant): void {
  const [first, second] = entry.halves;
  switch (entry.state) {
    case 'half-empty':
      continueStartup(processing, entry, now);
      // Where it was refused, or filled meanwhile, the state has moved on.
      if (entry.state === 'half-empty') processing.deadlines.set(entry.timer, entry.repeatAt);
      return;
    case 'distributed':
      continueDistribution(processing, entry, now);
      return;
    case 'both-installed':
    case 'withdrawing':
      // The SAs ended by themselves some time ago, told or not.
      dropEntry(processing, entry, now);
      processing.out.audit(
        'expired',
        { router: first.router, peer: second.router, kind: entry.kind },
        entry.reason,
      );
  }
}
