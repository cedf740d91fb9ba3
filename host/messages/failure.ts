/** The ways in which a request fails: no policy, no peer, not servable, or at odds with what the server has. */
import { list, messageId, record } from './field.ts';
import { selectors, sentence, spi } from './fields-model.ts';
import { maximumListedEntries } from './limits.ts';
import type { ContentsInconsistent, NoCorrespondingEntry, NoResponse, Refused } from './message.ts';
import type { MessageCodec } from './message-codec.ts';

export const noCorrespondingEntry: MessageCodec<NoCorrespondingEntry> = {
  type: 'no-corresponding-entry',
  number: 9,
  sender: 'server',
  peer: 'required',
  kind: 'optional',
  fields: { reason: sentence, selectors },
};

export const noResponse: MessageCodec<NoResponse> = {
  type: 'no-response',
  number: 10,
  sender: 'server',
  peer: 'required',
  kind: 'optional',
  fields: { reason: sentence },
};

export const refused: MessageCodec<Refused> = {
  type: 'refused',
  number: 11,
  sender: 'server',
  peer: 'required',
  kind: 'optional',
  fields: { reason: sentence },
};

export const contentsInconsistent: MessageCodec<ContentsInconsistent> = {
  type: 'contents-inconsistent',
  number: 12,
  sender: 'server',
  peer: 'required',
  kind: 'optional',
  fields: { entries: list(record({ id: messageId, spi }), 0, maximumListedEntries) },
};
