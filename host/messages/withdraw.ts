/** `withdraw` and `withdrawn`: SAs and requests that are to be deleted now, and the word that they are. */
import { list, messageId } from './field.ts';
import { sentence } from './fields-model.ts';
import { maximumWithdrawnIds } from './limits.ts';
import type { Withdraw, Withdrawn } from './message.ts';
import type { MessageCodec } from './message-codec.ts';

export const withdraw: MessageCodec<Withdraw> = {
  type: 'withdraw',
  number: 13,
  sender: 'server',
  peer: 'optional',
  kind: 'optional',
  fields: { ids: list(messageId, 1, maximumWithdrawnIds), reason: sentence },
};

export const withdrawn: MessageCodec<Withdrawn> = {
  type: 'withdrawn',
  number: 14,
  sender: 'router',
  peer: 'optional',
  kind: 'optional',
  fields: {},
};
