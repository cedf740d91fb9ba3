/**
 * The raw socket for ESP without UDP (IP protocol 50, RFC 4303 section 2), one for each address family. The kernel writes
 * the outer IP header when sending. Received IPv4 packets begin with their IP header, IPv6 ones with the ESP header:
 * `receivesIpHeader` says which.
 */
import { formatAddress } from '../model/address.ts';
import { DatagramSocket, type DatagramSocketOptions } from './datagram-socket.ts';
import { IPPROTO_ESP, SOCK_RAW } from './linux-abi.ts';

const NO_PORT = 0;

/**
 * Opens a raw ESP socket.
 *
 * @throws HostError PLATFORM when CAP_NET_RAW is missing or the address is not ours
 */
export function openRawEspSocket(options: DatagramSocketOptions): DatagramSocket {
  const name = `raw ESP socket on ${formatAddress(options.address)}`;
  return new DatagramSocket(SOCK_RAW, IPPROTO_ESP, NO_PORT, name, options);
}
