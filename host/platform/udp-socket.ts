/**
 * The UDP socket that carries IKE, the channel and UDP-encapsulated ESP (RFC 3948), one for each address family. Telling
 * the three apart (non-ESP marker, keepalive) is the receiver's business.
 */
import { formatEndpoint } from '../model/address.ts';
import { DatagramSocket, type DatagramSocketOptions } from './datagram-socket.ts';
import { SOCK_DGRAM } from './linux-abi.ts';

/**
 * Opens a UDP socket on `port` (4500 for IPsec; 0: any free one, see `localPort`). An IPv6 socket takes no IPv4.
 *
 * @throws HostError PLATFORM: the port is taken, the address is not ours, a capability is missing
 */
export function openUdpSocket(port: number, options: DatagramSocketOptions): DatagramSocket {
  const name = `UDP socket on ${formatEndpoint({ address: options.address, port })}`;
  return new DatagramSocket(SOCK_DGRAM, 0, port, name, options);
}
