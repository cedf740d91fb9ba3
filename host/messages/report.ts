/** `report`: what a router saw that the server may act on. */
import { nullable, unsigned, word } from './field.ts';
import { sender } from './fields-model.ts';
import type { Report } from './message.ts';
import type { MessageCodec } from './message-codec.ts';

export const report: MessageCodec<Report> = {
  type: 'report',
  number: 16,
  sender: 'router',
  peer: 'optional',
  kind: 'optional',
  fields: {
    what: word('bad-spi', 'sa-deleted', 'no-spd-entry', 'selectors-disjoint', 'no-path', 'unanswered'),
    // Any value: what is reported is what was seen on the wire.
    spi: unsigned(0, 0xffff_ffff),
    from: nullable(sender),
    count: unsigned(0, 0xffff_ffff),
  },
};
