/**
 * What the codec of one message says: its number, who sends it, which parts of the envelope it fills, and its own fields
 * in the order of protocol.cddl. The files of the messages declare these; codec.ts runs them.
 */
import type { Fields } from './field.ts';
import type { Envelope, Message, MessageType } from './message.ts';

/** Whether a part of the envelope is filled: always, never, or as the sender likes. */
export type Presence = 'required' | 'optional' | 'none';

/** What a message has besides its envelope. */
export type Body<M extends Message> = Omit<M, keyof Envelope | 'type'>;

export interface MessageCodec<M extends Message> {
  readonly type: M['type'];
  /** The number that travels; never reused for another meaning. */
  readonly number: number;
  readonly sender: 'router' | 'server';
  readonly peer: Presence;
  readonly kind: Presence;
  /** The body's fields; the order of the properties is the order on the wire. */
  readonly fields: Fields<Body<M>>;
  /** Looks at the body as a whole; throws FieldFault. */
  readonly check?: (body: Body<M>) => void;
}

/** The message of a type. */
export type MessageOf<Type extends MessageType> = Extract<Message, { readonly type: Type }>;

/** A codec for every type. */
export type MessageCodecs = { readonly [Type in MessageType]: MessageCodec<MessageOf<Type>> };
