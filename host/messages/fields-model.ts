/**
 * Fields that carry values of host/model: names, addresses, selectors. A selector or packet that passes here can be
 * compared with any other without further checks: same family on both sides, no bits beyond a prefix, ordered ranges,
 * ports only where the protocol has ports, ICMP types only for ICMP (RFC 4301 section 4.4.1.1).
 */
import { type Address, addressOf, type Endpoint } from '../model/address.ts';
import { type Prefix, prefixOf } from '../model/prefix.ts';
import type { PacketSelector, Range, Selector } from '../model/selector.ts';
import { type Field, FieldFault, list, nullable, octets, record, text, unsigned } from './field.ts';
import { maximumLanes, maximumNameCharacters, maximumSelectors, maximumTextCharacters } from './limits.ts';

const namePattern = new RegExp(`^[A-Za-z0-9._-]{0,${maximumNameCharacters}}$`);

/** True for the name of a router or a kind; the empty one stands for "none". */
export function isName(value: string): boolean {
  return namePattern.test(value);
}

/** A router's or a kind's name, possibly empty. */
export const name: Field<string> = { write: checkName, read: checkName };
function checkName(wire: unknown): string {
  if (typeof wire === 'string' && isName(wire)) return wire;
  throw new FieldFault(
    'MESSAGE_NAME',
    `expected up to ${maximumNameCharacters} letters, digits, dots, underscores and hyphens`,
  );
}

/** A sentence for people: no control characters, so that it can go to a log or terminal as it is. */
export const sentence: Field<string> = text(
  new RegExp(`^[^\\p{Cc}\\p{Cs}]{0,${maximumTextCharacters}}$`, 'u'),
  `text of at most ${maximumTextCharacters} characters without control characters`,
);

export const address: Field<Address> = {
  write: (value) => addressOctets.write(value.octets),
  read: (wire) => addressOf(addressOctets.read(wire)),
};
const addressOctets = octets(4, 16);

export const endpoint: Field<Endpoint> = record<Endpoint>({ address, port: unsigned(1, 0xffff) });

/** Where a packet was seen to come from; port 0 is raw ESP or AH, which has none. */
export const sender: Field<Endpoint> = record<Endpoint>({ address, port: unsigned(0, 0xffff) });

/** 256 or more; 0..255 are reserved (RFC 4303 section 2.1). */
export const spi: Field<number> = unsigned(256, 0xffff_ffff);

export const lane: Field<number> = unsigned(0, maximumLanes - 1);

const prefix: Field<Prefix> = record<Prefix>({ address, length: unsigned(0, 128) }, (value) => {
  const bits = value.address.octets.length * 8;
  if (value.length > bits) {
    throw new FieldFault(
      'MESSAGE_SELECTOR',
      `expected a prefix of at most ${bits} bits, found ${value.length}`,
    );
  }
  const masked = prefixOf(value.address, value.length).address.octets;
  if (!masked.every((octet, index) => octet === value.address.octets[index])) {
    throw new FieldFault('MESSAGE_SELECTOR', 'expected no bits beyond the length of the prefix');
  }
});

function range(maximum: number): Field<Range> {
  return record<Range>({ first: unsigned(0, maximum), last: unsigned(0, maximum) }, (value) => {
    if (value.first > value.last) {
      throw new FieldFault(
        'MESSAGE_SELECTOR',
        `expected first <= last, found ${value.first} > ${value.last}`,
      );
    }
  });
}

/** TCP, UDP, DCCP, SCTP, UDP-Lite (IANA protocol-numbers). */
const protocolsWithPorts: ReadonlySet<number | null> = new Set([6, 17, 33, 132, 136]);
/** ICMP and ICMPv6. */
const protocolsWithTypes: ReadonlySet<number | null> = new Set([1, 58]);

function checkUpperLayer(
  protocol: number | null,
  ports: readonly unknown[],
  types: readonly unknown[],
): void {
  if (ports.some((port) => port !== null) && !protocolsWithPorts.has(protocol)) {
    throw new FieldFault('MESSAGE_SELECTOR', `expected no ports with protocol ${protocol ?? 'ANY'}`);
  }
  if (types.some((type) => type !== null) && !protocolsWithTypes.has(protocol)) {
    throw new FieldFault(
      'MESSAGE_SELECTOR',
      `expected no ICMP type or code with protocol ${protocol ?? 'ANY'}`,
    );
  }
}

function checkFamilies(local: Address, remote: Address): void {
  if (local.family !== remote.family) {
    throw new FieldFault(
      'MESSAGE_SELECTOR',
      `expected both sides of one family, found IPv${local.family} and IPv${remote.family}`,
    );
  }
}

export const selector: Field<Selector> = record<Selector>(
  {
    local: prefix,
    remote: prefix,
    protocol: nullable(unsigned(0, 255)),
    localPorts: nullable(range(0xffff)),
    remotePorts: nullable(range(0xffff)),
    icmpType: nullable(range(255)),
    icmpCode: nullable(range(255)),
  },
  (value) => {
    checkFamilies(value.local.address, value.remote.address);
    checkUpperLayer(value.protocol, [value.localPorts, value.remotePorts], [value.icmpType, value.icmpCode]);
  },
);

/** At least one. */
export const selectors: Field<readonly Selector[]> = list(selector, 1, maximumSelectors);

export const packetSelector: Field<PacketSelector> = record<PacketSelector>(
  {
    local: address,
    remote: address,
    protocol: unsigned(0, 255),
    localPort: nullable(unsigned(0, 0xffff)),
    remotePort: nullable(unsigned(0, 0xffff)),
    icmpType: nullable(unsigned(0, 255)),
    icmpCode: nullable(unsigned(0, 255)),
  },
  (value) => {
    checkFamilies(value.local, value.remote);
    checkUpperLayer(value.protocol, [value.localPort, value.remotePort], [value.icmpType, value.icmpCode]);
  },
);
