/**
 * Identification and Authentication payloads of IKE_AUTH. An identity is compared as type and octets, never as text.
 * RFC 7296 sections 3.5 and 3.8.
 */
import { ok } from '../../model/result.ts';
import { identificationTypes } from './iana-numbers.ts';
import { type Parsed, syntaxError } from './syntax.ts';

export interface Identity {
  /** `identificationTypes`, or another number from a peer. */
  readonly type: number;
  readonly data: Uint8Array;
}

/** Ours: longer than any name in use, short enough for a map's key. */
const maximumIdentityOctets = 512;

/** Reads an ID payload's body; the data is borrowed. Addresses have their family's length, names at least one octet. */
export function parseIdentification(body: Uint8Array): Parsed<Identity> {
  if (body.length < 5 || body.length > 4 + maximumIdentityOctets) {
    return syntaxError(
      `expected an identity of 1 to ${maximumIdentityOctets} octets, found ${body.length - 4}`,
    );
  }
  const type = body[0] ?? 0;
  const data = body.subarray(4);
  const exact =
    type === identificationTypes.ipv4Address
      ? 4
      : type === identificationTypes.ipv6Address
        ? 16
        : data.length;
  if (data.length !== exact) {
    return syntaxError(`expected ${exact} octets in an identity of type ${type}, found ${data.length}`);
  }
  return ok({ type, data });
}

/** Body of an ID payload: what RFC 7296 section 2.15 calls RestOfInitIDPayload and RestOfRespIDPayload. */
export function encodeIdentification(identity: Identity): Uint8Array {
  const body = new Uint8Array(4 + identity.data.length);
  body[0] = identity.type;
  body.set(identity.data, 4);
  return body;
}

/** An identity that is a name (ID_FQDN), as routers and servers have. */
export function fqdnIdentity(name: string): Identity {
  return { type: identificationTypes.fqdn, data: new TextEncoder().encode(name) };
}

/** True when both are of the same type and octets. */
export function equalIdentities(a: Identity, b: Identity): boolean {
  return a.type === b.type && identityKey(a) === identityKey(b);
}

/** A string that is the same for equal identities only; for maps. */
export function identityKey(identity: Identity): string {
  return `${identity.type}:${Buffer.from(identity.data).toString('hex')}`;
}

/** Text for people: names as they are where they are printable ASCII, anything else in hex. */
export function formatIdentity(identity: Identity): string {
  const text = Buffer.from(identity.data).toString('latin1');
  const isName =
    identity.type === identificationTypes.fqdn || identity.type === identificationTypes.rfc822Address;
  if (isName && /^[\x21-\x7e]+$/.test(text)) return text;
  return `type ${identity.type} 0x${Buffer.from(identity.data).toString('hex')}`;
}

export interface Authentication {
  readonly method: number;
  readonly data: Uint8Array;
}

/** Reads an AUTH payload's body; the data is borrowed. */
export function parseAuthentication(body: Uint8Array): Parsed<Authentication> {
  if (body.length < 4) return syntaxError(`expected at least 4 octets of AUTH, found ${body.length}`);
  return ok({ method: body[0] ?? 0, data: body.subarray(4) });
}

/** Body of an AUTH payload. */
export function encodeAuthentication(value: Authentication): Uint8Array {
  const body = new Uint8Array(4 + value.data.length);
  body[0] = value.method;
  body.set(value.data, 4);
  return body;
}
