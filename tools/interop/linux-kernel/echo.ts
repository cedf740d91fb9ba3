/** Echo requests and what has to come back (RFC 792, RFC 4443), octet by octet; the witness's view, independent of the engine. */
import { parseAddress } from '../../../host/model/address.ts';
import { onesComplementSum } from '../../fuzz/packets/inner-packet.ts';

const ICMP = 1;
const ICMPV6 = 58;

/** ICMP types by family. */
export const echoRequest = { 4: 8, 6: 128 } as const;
export const echoReply = { 4: 0, 6: 129 } as const;

export interface Echo {
  readonly family: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly type: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** The whole IP packet. */
export function echoPacket(echo: Echo): Uint8Array {
  const [source, destination] = [addressOctets(echo.source), addressOctets(echo.destination)];
  const message = Buffer.concat([
    Buffer.from([echo.type, 0, 0, 0, 0x5e, 0x15, echo.sequence >> 8, echo.sequence & 255]),
    echo.payload,
  ]);
  if (echo.family === 4) {
    message.writeUInt16BE(checksum(message), 2);
    const header = Buffer.alloc(20);
    header.set([0x45, 0]);
    header.writeUInt16BE(header.length + message.length, 2);
    header.set([64, ICMP], 8);
    header.set(source, 12);
    header.set(destination, 16);
    header.writeUInt16BE(checksum(header), 10);
    return Buffer.concat([header, message]);
  }
  const pseudo = Buffer.alloc(40);
  pseudo.set(source);
  pseudo.set(destination, 16);
  pseudo.writeUInt32BE(message.length, 32);
  pseudo[39] = ICMPV6;
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(message.length, 4);
  header.set([ICMPV6, 64], 6);
  header.set(source, 8);
  header.set(destination, 24);
  return Buffer.concat([header, message]);
}

/** What an ICMP packet of a host says, and nothing of how it was routed: addresses, and the message from its type on. */
export function saidIn(packet: Uint8Array): string {
  const ipv6 = (packet[0] ?? 0) >> 4 === 6;
  const [addressesAt, headerLength] = ipv6 ? [8, 40] : [12, ((packet[0] ?? 0) & 15) * 4];
  const addressesLength = ipv6 ? 32 : 8;
  return Buffer.concat([
    packet.subarray(addressesAt, addressesAt + addressesLength),
    packet.subarray(headerLength),
  ]).toString('hex');
}

function addressOctets(text: string): Uint8Array {
  const address = parseAddress(text);
  if (!address.ok) throw new Error(address.message);
  return address.value.octets;
}

/** RFC 1071. */
function checksum(octets: Uint8Array): number {
  return ~onesComplementSum(octets, 0, octets.length) & 0xffff;
}
