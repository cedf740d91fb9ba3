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

/** The name of an ID_FQDN, as routers and servers have it; undefined for identities of every other type. */
export function fqdnOf({ type, data }: Identity): string | undefined {
  return type === identificationTypes.fqdn ? printable(data) : undefined;
}

/** As RFC 7296 section 3.5 calls them. */
const typeNames: Readonly<Record<number, string>> = {
  [identificationTypes.ipv4Address]: 'ID_IPV4_ADDR',
  [identificationTypes.fqdn]: 'ID_FQDN',
  [identificationTypes.rfc822Address]: 'ID_RFC822_ADDR',
  [identificationTypes.ipv6Address]: 'ID_IPV6_ADDR',
  [identificationTypes.derAsn1Dn]: 'ID_DER_ASN1_DN',
  [identificationTypes.derAsn1Gn]: 'ID_DER_ASN1_GN',
  [identificationTypes.keyId]: 'ID_KEY_ID',
};

/** `ID_FQDN`, or `type 201`. */
export function identityTypeName({ type }: Identity): string {
  return typeNames[type] ?? `type ${type}`;
}

/** Octets shown of an identity that is no text. */
const shownOctets = 32;

/** Text for people: a name as it is, anything else with its type, and in hex unless it is printable ASCII. */
export function formatIdentity(identity: Identity): string {
  const { type, data } = identity;
  const name = fqdnOf(identity);
  if (name !== undefined) return name;
  const text = type === identificationTypes.rfc822Address ? printable(data) : undefined;
  const hex = Buffer.from(data.subarray(0, shownOctets)).toString('hex');
  return `${identityTypeName(identity)} ${text ?? `0x${hex}${data.length > shownOctets ? '…' : ''}`}`;
}

function printable(data: Uint8Array): string | undefined {
  const text = Buffer.from(data).toString('latin1');
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined;
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
