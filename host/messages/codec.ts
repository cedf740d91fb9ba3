/**
 * The setting protocol's datagrams (protocol.cddl): one CBOR array a message, envelope first, in the one encoding that a
 * value has. Datagrams come from authenticated peers and are hostile all the same: whatever arrives yields a message or
 * a literal code, never an exception. It does not know who may send what to whom at which time.
 */
import { fail, ok, type Result } from '../model/result.ts';
import { decodeItem, type WireValue, withEncoded } from './cbor.ts';
import { bothInstalled, distribution, installed } from './distribution.ts';
import type { MessageDropCode } from './drop-codes.ts';
import { endpointMoved } from './endpoint-moved.ts';
import { contentsInconsistent, noCorrespondingEntry, noResponse, refused } from './failure.ts';
import { FieldFault, type Fields, messageId, readFields, wipeSecrets, within } from './field.ts';
import { name } from './fields-model.ts';
import { hello, welcome } from './hello.ts';
import { checkFrame, maximumMessageOctets } from './limits.ts';
import {
  type Envelope,
  type Message,
  protocolVersion,
  type RouterMessage,
  type ServerMessage,
} from './message.ts';
import type { MessageCodec, MessageCodecs, Presence } from './message-codec.ts';
import { report } from './report.ts';
import { pending, request, requestStartup } from './request.ts';
import { upgrade, upgradeNoted, upgradeReport } from './upgrade.ts';
import { withdraw, withdrawn } from './withdraw.ts';

/** Every message of the protocol; a type without a codec does not compile. */
export const messageCodecs: MessageCodecs = {
  hello,
  welcome,
  request,
  pending,
  'request-startup': requestStartup,
  distribution,
  installed,
  'both-installed': bothInstalled,
  'no-corresponding-entry': noCorrespondingEntry,
  'no-response': noResponse,
  refused,
  'contents-inconsistent': contentsInconsistent,
  withdraw,
  withdrawn,
  endpoint: endpointMoved,
  report,
  upgrade,
  'upgrade-report': upgradeReport,
  'upgrade-noted': upgradeNoted,
};

/** A codec whose message type is not known here. */
type AnyCodec = Omit<MessageCodec<Message>, 'fields' | 'check'> & {
  readonly fields: Fields<Record<string, unknown>>;
  readonly check?: (body: object) => void;
};

function codecOf(type: Message['type']): AnyCodec {
  return messageCodecs[type] as unknown as AnyCodec; // the union's members, seen as one
}

const codecByNumber: ReadonlyMap<number, AnyCodec> = new Map(
  Object.values(messageCodecs).map(({ type, number }) => [number, codecOf(type)]),
);

const envelopeFields: Fields<Envelope> = { id: messageId, source: name, peer: name, kind: name };
const envelopeNames = ['id', 'source', 'peer', 'kind'] as const;

/** Version and type go before the envelope. */
const HEAD = 2;

/**
 * The datagram of `message`, fresh and the caller's. With a distribution it holds keys: whoever sends it zeroes it
 * afterwards. The message's own Secrets are left as they are.
 *
 * @throws RangeError when the message breaks the protocol's bounds (a mistake of the caller)
 */
export function encodeMessage(message: Message): Uint8Array {
  const octets = withEncoded(toWire(message), (encoded) => Uint8Array.from(encoded));
  if (octets.length > maximumMessageOctets) {
    throw new RangeError(`a ${message.type} has ${octets.length} octets, more than ${maximumMessageOctets}`);
  }
  return octets;
}

function toWire(message: Message): WireValue[] {
  const codec = codecOf(message.type);
  checkEnvelope(codec, message);
  codec.check?.(message);
  const wire: WireValue[] = [protocolVersion, codec.number];
  for (const key of envelopeNames) wire.push(within(key, () => envelopeFields[key].write(message[key])));
  for (const [key, field] of Object.entries(codec.fields)) {
    wire.push(within(key, () => field.write(Reflect.get(message, key))));
  }
  return wire;
}

function checkEnvelope(codec: AnyCodec, envelope: Envelope): void {
  checkPresence('source', envelope.source, 'required');
  checkPresence('peer', envelope.peer, codec.peer);
  checkPresence('kind', envelope.kind, codec.kind);
}

function checkPresence(field: string, value: string, presence: Presence): void {
  if (presence === 'optional' || (value !== '') === (presence === 'required')) return;
  within(field, () => {
    throw new FieldFault('MESSAGE_NAME', presence === 'required' ? 'expected a name' : 'expected no name');
  });
}

/**
 * Reads a datagram. Keys are copied into fresh Secrets that the caller owns; `datagram` is zeroed, whatever comes out.
 *
 * @returns the message, or the code under which the drop is counted
 */
export function decodeMessage(datagram: Uint8Array): Result<Message, MessageDropCode> {
  try {
    const frame = checkFrame(datagram);
    if (!frame.ok) return frame;
    return decodeFrame(datagram);
  } finally {
    datagram.fill(0);
  }
}

/** decodeMessage, for the server's end: what only the server sends is a fault. */
export function decodeRouterMessage(datagram: Uint8Array): Result<RouterMessage, MessageDropCode> {
  const message = decodeMessage(datagram);
  if (!message.ok || isRouterMessage(message.value)) return message as Result<RouterMessage, MessageDropCode>;
  wipeMessage(message.value);
  return wrongDirection(message.value);
}

/** decodeMessage, for a router's end: what only routers send is a fault. */
export function decodeServerMessage(datagram: Uint8Array): Result<ServerMessage, MessageDropCode> {
  const message = decodeMessage(datagram);
  if (message.ok && isRouterMessage(message.value)) return wrongDirection(message.value);
  return message as Result<ServerMessage, MessageDropCode>; // either a failure or not a router's
}

function isRouterMessage(message: Message): message is RouterMessage {
  return messageCodecs[message.type].sender === 'router';
}

function wrongDirection(message: Message): Result<never, MessageDropCode> {
  return fail('MESSAGE_DIRECTION', `expected what a ${otherSender(message)} sends, found ${message.type}`);
}

function otherSender(message: Message): string {
  return isRouterMessage(message) ? 'server' : 'router';
}

/** Zeroes the key material of a message that will not be used, or was used. Other messages have none. */
export function wipeMessage(message: Message): void {
  if (message.type !== 'distribution') return;
  wipeSecrets(message.outbound);
  wipeSecrets(message.inbound);
}

function decodeFrame(datagram: Uint8Array): Result<Message, MessageDropCode> {
  try {
    const wire = decodeItem(datagram);
    const message = fromWire(wire);
    // The one encoding: what cbor-x or a field read leniently shows here (RFC 8949 section 4.2.1).
    const canonical = withEncoded(toWire(message), (encoded) => Buffer.compare(encoded, datagram) === 0);
    if (canonical) return ok(message);
    wipeMessage(message);
    return fail('MESSAGE_NOT_CANONICAL', `expected the one encoding of a ${message.type}, found another`);
  } catch (fault) {
    if (fault instanceof FieldFault) return fail(fault.code, fault.describe());
    throw fault;
  }
}

function fromWire(wire: WireValue): Message {
  if (!Array.isArray(wire)) throw new FieldFault('MESSAGE_FORM', 'expected an array');
  const [version, number] = wire;
  if (version !== protocolVersion) {
    throw new FieldFault(
      'MESSAGE_VERSION',
      `expected version ${protocolVersion}, found ${describe(version)}`,
    );
  }
  const codec = typeof number === 'number' ? codecByNumber.get(number) : undefined;
  if (codec === undefined) {
    throw new FieldFault('MESSAGE_TYPE', `expected a known message number, found ${describe(number)}`);
  }
  const bodyStart = HEAD + envelopeNames.length;
  const names = Object.keys(codec.fields);
  if (wire.length !== bodyStart + names.length) {
    throw new FieldFault(
      'MESSAGE_FIELD_COUNT',
      `expected ${bodyStart + names.length} fields in a ${codec.type}, found ${wire.length}`,
    );
  }
  const envelope = readFields(envelopeFields, envelopeNames, wire.slice(0, bodyStart), HEAD);
  checkEnvelope(codec, envelope);
  const body = readFields(codec.fields, names, wire, bodyStart);
  try {
    codec.check?.(body);
  } catch (fault) {
    wipeSecrets(body);
    throw fault;
  }
  return { type: codec.type, ...envelope, ...body } as Message; // the codec of this type read the body
}

/** A number as it is; anything else only by its sort, since it came from outside. */
function describe(value: WireValue | undefined): string {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : `a ${typeof value}`;
}
