import { describe, expect, it } from 'vitest';
import { refuseWithoutChannel, rekeyOrder } from '../../../host/model/rekey-order.ts';

describe('the order to rekey', () => {
  it.each([
    [{ what: 'child' }, { what: 'child', router: undefined }],
    [
      { what: 'ike-sa', router: 'tokyo' },
      { what: 'ike-sa', router: 'tokyo' },
    ],
  ])('%j is one', (body, order) => {
    expect(rekeyOrder(body)).toEqual(order);
  });

  it.each([undefined, null, 'child', {}, { what: 'esp' }, { what: 'child', router: 7 }])(
    '%j is refused with the form that was expected',
    (body) => {
      expect(() => rekeyOrder(body)).toThrow('expected {"what": "child"}');
    },
  );

  it('is refused where there is no channel', () => {
    expect(refuseWithoutChannel(true)).toEqual({ rekeying: true });
    expect(() => refuseWithoutChannel(false)).toThrow('none to rekey');
  });
});
