/** `endpoint`: the other router of a pair is now seen at another address. */
import { endpoint } from './fields-model.ts';
import type { EndpointMoved } from './message.ts';
import type { MessageCodec } from './message-codec.ts';

export const endpointMoved: MessageCodec<EndpointMoved> = {
  type: 'endpoint',
  number: 15,
  sender: 'server',
  peer: 'required',
  kind: 'none',
  fields: { endpoint },
};
