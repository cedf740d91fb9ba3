/** `request`, `pending` and `request-startup`: asking, being told to wait, and being told to ask. */
import { messageId, nullable } from './field.ts';
import { lane, packetSelector, selectors, spi } from './fields-model.ts';
import type { Pending, Request, RequestStartup } from './message.ts';
import type { MessageCodec } from './message-codec.ts';

export const request: MessageCodec<Request> = {
  type: 'request',
  number: 3,
  sender: 'router',
  peer: 'required',
  kind: 'optional',
  fields: { spi, lane, selectors, packet: nullable(packetSelector), startupId: nullable(messageId) },
};

export const pending: MessageCodec<Pending> = {
  type: 'pending',
  number: 4,
  sender: 'server',
  peer: 'required',
  kind: 'required',
  fields: {},
};

export const requestStartup: MessageCodec<RequestStartup> = {
  type: 'request-startup',
  number: 5,
  sender: 'server',
  peer: 'required',
  kind: 'required',
  fields: { lane, selectors, packet: nullable(packetSelector) },
};
