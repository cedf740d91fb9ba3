/** What `status` says of certificates: when the program's own ends, and whose else wants another soon. */
import type { z } from 'zod';
import type { routerStatusSchema } from '../model/status.ts';
import { formatSeconds } from './units.ts';

type CertificateRow = z.output<typeof routerStatusSchema>['certificates'][number];

/** One line for the certificate of `own` in any case, and one for each other that ends soon or has ended. */
export function certificateFacts(rows: readonly CertificateRow[], own: string): [string, string][] {
  return rows
    .filter(({ of, state }) => of === own || state !== 'valid')
    .map(({ of, state, until, remainingSeconds }) => [
      state === 'valid' ? 'certificate' : 'warning',
      `${of === own ? 'the own certificate' : `the certificate of ${of}`} ${
        state === 'ended'
          ? `has ended at ${until}`
          : `ends at ${until}, in ${formatSeconds(remainingSeconds)}`
      }`,
    ]);
}
