/** SAs for measurements: UDP over IPv4 between two gateways, tunnel mode, with keys that follow from the SPI alone. */
import { createHash } from 'node:crypto';
import { type Address, parseAddress } from '../../../host/model/address.ts';
import { type Prefix, parsePrefix } from '../../../host/model/prefix.ts';
import type { Proposal } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { SecurityAssociation, Spi } from '../../../host/model/security-association.ts';
import type { Selector } from '../../../host/model/selector.ts';

export type Side = 'near' | 'far';

export interface SaKeyOctets {
  readonly encryption: Uint8Array;
  readonly authentication: Uint8Array;
  readonly salt: Uint8Array;
}

const unlimited = { seconds: 1_000_000, octets: undefined, packets: undefined };
const outer = { near: addressOf('192.0.2.1'), far: addressOf('192.0.2.2') };

export function otherSide(side: Side): Side {
  return side === 'near' ? 'far' : 'near';
}

/** The SA as `side` installs it. */
export function saOf(
  side: Side,
  direction: 'inbound' | 'outbound',
  spi: Spi,
  proposal: Proposal,
  selectors: readonly Selector[],
): SecurityAssociation {
  const { encryption, authentication, salt } = keysOf(spi, proposal);
  return {
    direction,
    spi,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: proposal.keyword,
    keys: {
      encryptionKey: new Secret(encryption),
      authenticationKey: new Secret(authentication),
      salt: new Secret(salt),
    },
    // The cipher bench covers SPI and 32 bits of number too.
    esn: false,
    replayWindow: 1024,
    encapsulation: 'udp',
    localAddress: outer[side],
    peer: { address: outer[otherSide(side)], port: 4500 },
    localPort: 4500,
    selectors,
    soft: unlimited,
    hard: unlimited,
    dscp: 'copy',
    dontFragment: 'copy',
  };
}

export function keysOf(spi: Spi, proposal: Proposal): SaKeyOctets {
  return {
    encryption: sample(`encryption ${spi}`, proposal.encryptionKeyOctets),
    authentication: sample(`authentication ${spi}`, proposal.authenticationKeyOctets),
    salt: sample(`salt ${spi}`, proposal.saltOctets),
  };
}

/** Everything between two prefixes. Throws RangeError for what is none. */
export function between(local: string, remote: string): Selector {
  return {
    local: prefixOf(local),
    remote: prefixOf(remote),
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
}

/** An IPv4 packet of `length` octets, from 20 on, whose header is right and names UDP; what is behind it follows from `label`. */
export function innerPacket(
  source: readonly number[],
  destination: readonly number[],
  length: number,
  label: string,
): Uint8Array {
  const packet = Buffer.alloc(length);
  packet.set([0x45, 0, length >> 8, length & 255, 0, 0, 0x40, 0, 64, 17, 0, 0, ...source, ...destination]);
  packet.set(sample(label, length - 20), 20);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~(sum + (sum >>> 16)) & 0xffff, 10);
  return packet;
}

/** Octets that follow from a label. */
export function sample(label: string, length: number): Uint8Array {
  if (length === 0) return new Uint8Array(0);
  return Uint8Array.from(createHash('shake256', { outputLength: length }).update(label).digest());
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (!address.ok) throw new RangeError(address.message);
  return address.value;
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (!prefix.ok) throw new RangeError(prefix.message);
  return prefix.value;
}
