/** A router says what it runs from and what became of its last version-up: kept for people and for the roll-out. */
import type { UpgradeReport } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import type { VersionUpStanding } from '../../model/version-up.ts';
import type { Processing } from './processing.ts';
import { storedRouter } from './router-book.ts';

/** Keeps the report and answers it, whether or not it is news. */
export function receiveUpgradeReport(processing: Processing, report: UpgradeReport, now: Instant): void {
  const { routers, out, policies } = processing;
  const { id, source, board, slot, version, stage, reason, at } = report;
  if (policies.router(source) === undefined) {
    out.audit('ignored', { router: source }, 'upgrade-report of a router that is not enrolled');
    return;
  }
  const record = routers.open(source);
  // Each that says something else costs a write to the disk.
  if (!routers.spend(record, now)) {
    out.audit('ignored', { router: source }, 'upgrade-report, one of too many');
    return;
  }
  const standing: VersionUpStanding = { board, slot, version, stage, reason, at };
  if (JSON.stringify(standing) !== JSON.stringify(record.versionUp)) {
    record.versionUp = standing;
    out.putRouter(storedRouter(record));
    if (stage !== 'none')
      out.audit('version-up', { router: source }, `${version} ${stage}${reason === '' ? '' : `: ${reason}`}`);
  }
  out.send({ type: 'upgrade-noted', id, source, peer: '', kind: '' });
}
