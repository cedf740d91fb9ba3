import { expect, it } from 'vitest';
import { certificateFacts } from '../../../host/cli/certificate-text.ts';

const until = '2026-11-27 09:00:00 UTC';

it('says when the own certificate ends, and of others only that they end', () => {
  const facts = certificateFacts(
    [
      { of: 'server', state: 'valid', until, remainingSeconds: 86_400 * 90 },
      { of: 'tokyo', state: 'ending', until, remainingSeconds: 86_400 * 9 },
      { of: 'osaka', state: 'valid', until, remainingSeconds: 86_400 * 90 },
      { of: 'kyoto', state: 'ended', until, remainingSeconds: -1 },
    ],
    'server',
  );
  expect(facts).toEqual([
    ['certificate', `the own certificate ends at ${until}, in 90 d`],
    ['warning', `the certificate of tokyo ends at ${until}, in 9 d`],
    ['warning', `the certificate of kyoto has ended at ${until}`],
  ]);
});
