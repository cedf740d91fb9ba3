/** `hello` and `welcome`: a router introduces its process and its firmware, the server tells it the time. */
import { list, messageId, safeInteger, text } from './field.ts';
import { maximumProposals } from './limits.ts';
import type { Hello, Welcome } from './message.ts';
import type { MessageCodec } from './message-codec.ts';

/** Unknown keywords pass: a router may know proposals that this server does not. */
const proposalKeyword = text(/^[a-z0-9-]{1,63}$/, 'a proposal keyword of 1 to 63 characters');

export const hello: MessageCodec<Hello> = {
  type: 'hello',
  number: 1,
  sender: 'router',
  peer: 'none',
  kind: 'none',
  fields: {
    boot: messageId,
    proposals: list(proposalKeyword, 0, maximumProposals),
    software: text(/^[\x20-\x7e]{0,63}$/, 'at most 63 printable ASCII characters'),
  },
};

export const welcome: MessageCodec<Welcome> = {
  type: 'welcome',
  number: 2,
  sender: 'server',
  peer: 'none',
  kind: 'none',
  fields: { timeMs: safeInteger() },
};
