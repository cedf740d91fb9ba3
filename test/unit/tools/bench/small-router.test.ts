/** What the small-router bench reads out of two logs. */
import { expect, it } from 'vitest';
import { setUpTime } from '../../../../tools/bench/small-router/ikev2.ts';
import { waits } from '../../../../tools/bench/small-router/setting-server.ts';

const line = (event: string, at: number, msg: string) => ({ event, at, msg });

it('pairs a request with the SAs of its own entry', () => {
  const log = [
    line('requested', 100, 'entry osaka-1, peer osaka: acquire, id 1, SPI 0x1'),
    line('requested', 110, 'entry osaka-2, peer osaka: acquire, id 2, SPI 0x2'),
    line('installed', 150, 'entry osaka-2, peer osaka: kind a, SPIs in 0x2 out 0x3, in use'),
    line('installed', 190, 'entry osaka-1, peer osaka: kind b, SPIs in 0x1 out 0x4, in use'),
    line('installed', 200, 'entry osaka-3, peer osaka: kind c, SPIs in 0x5 out 0x6, in use'),
  ];
  expect(waits(log)).toEqual([40, 90]);
});

it('takes the last set-up of charon, from the acquire on', () => {
  const log = [
    '1700000000.100 08[KNL] creating acquire job for policy 10.1.0.10/32 === 10.2.0.10/32 with reqid {1}',
    '1700000001.542 09[IKE] CHILD_SA headline{2} established with SPIs c1_i c2_o and TS 10.1.0.0/24 === 10.2.0.0/24',
    '1700000005.000 08[KNL] creating acquire job for policy 10.1.0.10/32 === 10.2.0.10/32 with reqid {1}',
    '1700000005.257 09[IKE] CHILD_SA headline{3} established with SPIs c3_i c4_o and TS 10.1.0.0/24 === 10.2.0.0/24',
  ];
  expect(setUpTime(log.join('\n'))).toBeCloseTo(257, 3);
  expect(setUpTime('nothing')).toBe(Number.NaN);
});
