/**
 * The raw sockets for ESP without UDP (IP protocol 50, RFC 4303 section 2) and for AH (51, RFC 4302 section 2), one of each for
 * each address family. Received IPv4 packets begin with their IP header, IPv6 ones with ESP or AH: `receivesIpHeader` says which.
 * The outer IP header of ESP is written by the kernel; that of AH by the engine, because AH covers it, identification included.
 */
import { formatAddress } from '../model/address.ts';
import { DatagramSocket, type DatagramSocketOptions } from './datagram-socket.ts';
import { IPPROTO_AH, IPPROTO_ESP, SOCK_RAW } from './linux-abi.ts';

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

/**
 * Opens a raw AH socket, whose packets are sent with their IP header.
 *
 * @throws HostError PLATFORM when CAP_NET_RAW is missing or the address is not ours
 */
export function openRawAhSocket(options: DatagramSocketOptions): DatagramSocket {
  const name = `raw AH socket on ${formatAddress(options.address)}`;
  return new DatagramSocket(SOCK_RAW, IPPROTO_AH, NO_PORT, name, { ...options, sendsIpHeader: true });
}
