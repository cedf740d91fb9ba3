/**
 * A packet as people type it behind `sekisho policy explain A B`, seen from A: `tcp 443`, `udp 5000:53`, `icmp 8/0`,
 * `10.1.0.5 10.2.0.9 tcp 443`. What is left out is filled in with something that is in the networks of A and B.
 */
import { type Address, addressOf, formatAddress, parseAddress } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import type { Prefix } from '../model/prefix.ts';
import { formatProtocol, type PacketSelector, protocolNumbers } from '../model/selector.ts';

/** First of the ports that a client takes for itself (RFC 6335 section 6). */
const clientPort = 49152;

const icmpProtocols = [protocolNumbers.icmp, protocolNumbers.icmpv6];
const portProtocols = ['tcp', 'udp', 'sctp', 'dccp', 'udplite'].map((name) => protocolNumbers[name]);

/** Words: `[LOCAL REMOTE] [PROTOCOL [REMOTE-PORT | LOCAL-PORT:REMOTE-PORT | TYPE | TYPE/CODE]]`. Throws HostError USAGE. */
export function parsePacket(
  words: readonly string[],
  localNetworks: readonly Prefix[],
  remoteNetworks: readonly Prefix[],
): PacketSelector {
  const rest = [...words];
  const addresses = takeAddresses(rest) ?? someAddresses(localNetworks, remoteNetworks);
  const protocol = takeProtocol(rest.shift());
  const detail = rest.shift();
  if (rest.length > 0)
    throw usage(`nothing behind ${JSON.stringify(detail)}, found ${JSON.stringify(rest[0])}`);
  const none = { localPort: null, remotePort: null, icmpType: null, icmpCode: null };
  if (icmpProtocols.includes(protocol)) {
    const [icmpType = null, icmpCode = 0] = numbers(detail, '/', 255, 'an ICMP type, or type/code');
    return { ...addresses, ...none, protocol, icmpType, icmpCode: icmpType === null ? null : icmpCode };
  }
  if (!portProtocols.includes(protocol)) {
    if (detail !== undefined)
      throw usage(`nothing behind a protocol without ports, found ${JSON.stringify(detail)}`);
    return { ...addresses, ...none, protocol };
  }
  const ports = numbers(detail, ':', 65535, 'a port, or local:remote');
  const [localPort, remotePort] = ports.length === 2 ? ports : [clientPort, ports[0]];
  return {
    ...addresses,
    ...none,
    protocol,
    localPort: localPort ?? null,
    remotePort: remotePort ?? clientPort,
  };
}

/** The packet on one line, with everything that was filled in. */
export function formatPacket(packet: PacketSelector): string {
  const port = (value: number | null): string => (value === null ? '' : ` port ${value}`);
  const icmp = packet.icmpType === null ? '' : ` type ${packet.icmpType} code ${packet.icmpCode}`;
  return (
    `${formatProtocol(packet.protocol)}${icmp} from ${formatAddress(packet.local)}${port(packet.localPort)} ` +
    `to ${formatAddress(packet.remote)}${port(packet.remotePort)}`
  );
}

type Addresses = Pick<PacketSelector, 'local' | 'remote'>;

function takeAddresses(words: string[]): Addresses | undefined {
  const local = parseAddress(words[0] ?? '');
  if (!local.ok) return undefined;
  const remote = parseAddress(words[1] ?? '');
  if (!remote.ok) throw usage(`the address of B behind that of A, found ${JSON.stringify(words[1] ?? '')}`);
  if (local.value.family !== remote.value.family) throw usage('two addresses of one family');
  words.splice(0, 2);
  return { local: local.value, remote: remote.value };
}

/** The first hosts of the first networks that have one family. */
function someAddresses(localNetworks: readonly Prefix[], remoteNetworks: readonly Prefix[]): Addresses {
  for (const local of localNetworks) {
    const remote = remoteNetworks.find((one) => one.address.family === local.address.family);
    if (remote !== undefined) return { local: firstHost(local), remote: firstHost(remote) };
  }
  throw usage('the addresses of A and B too, because their networks have no family in common');
}

function firstHost(prefix: Prefix): Address {
  const octets = Uint8Array.from(prefix.address.octets);
  const last = octets.length - 1;
  if (prefix.length < octets.length * 8) octets[last] = (octets[last] ?? 0) | 1;
  return addressOf(octets);
}

function takeProtocol(word: string | undefined): number {
  if (word === undefined) throw usage('a protocol, such as tcp, udp, icmp or a number');
  const found = protocolNumbers[word.toLowerCase()] ?? (/^\d{1,3}$/.test(word) ? Number(word) : 256);
  if (found > 255) {
    throw usage(
      `a protocol from 0 to 255 or one of ${Object.keys(protocolNumbers).join(', ')}, found ${word}`,
    );
  }
  return found;
}

function numbers(word: string | undefined, separator: string, largest: number, what: string): number[] {
  if (word === undefined) return [];
  const parts = word.split(separator);
  const values = parts.map((part) => (/^\d{1,5}$/.test(part) ? Number(part) : Number.NaN));
  if (parts.length > 2 || values.some((value) => !(value <= largest))) {
    throw usage(`${what} (0 to ${largest}), found ${JSON.stringify(word)}`);
  }
  return values;
}

function usage(expected: string): HostError {
  return new HostError('USAGE', `selector: expected ${expected}`);
}
