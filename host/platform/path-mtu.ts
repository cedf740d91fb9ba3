/**
 * What the kernel knows about the path MTU to a peer: the interface's MTU, or less where a router on the way said so by
 * ICMP (RFC 1191, RFC 8201). Asked now and then by the control side, never for each packet.
 */
import type { Address } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import { readInteger, socketAddress } from './datagram-socket.ts';
import { addressOfBuffer, check, libc } from './libc.ts';
import {
  AF_INET,
  AF_INET6,
  IFREQ_LENGTH,
  IFREQ_VALUE,
  IP_MTU,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU,
  SIOCGIFMTU,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from './linux-abi.ts';

/**
 * Octets of the longest IP packet to `peer` that needs no fragmentation. Sends nothing.
 *
 * @throws HostError PLATFORM when there is no route
 */
export function pathMtu(peer: Address): number {
  const domain = peer.family === 4 ? AF_INET : AF_INET6;
  const fd = check(
    libc.socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0),
    'open a socket to ask for the path MTU',
  );
  try {
    const target = socketAddress(peer, 9);
    check(libc.connect(fd, addressOfBuffer(target), target.byteLength), 'find the route to the peer');
    return peer.family === 4 ? readInteger(fd, IPPROTO_IP, IP_MTU) : readInteger(fd, IPPROTO_IPV6, IPV6_MTU);
  } finally {
    libc.close(fd);
  }
}

/**
 * MTU of an interface: the longest packet that leaves it in one piece, whatever is further on the way. Asked by ioctl
 * (netdevice(7)): /sys shows the interfaces of the namespace that it was mounted in, which need not be this process's.
 *
 * @throws HostError PLATFORM when there is no such interface
 */
export function interfaceMtu(name: string): number {
  const request = new Uint8Array(IFREQ_LENGTH);
  // The name is terminated by a zero.
  request.set(Buffer.from(name).subarray(0, IFREQ_VALUE - 1));
  const fd = check(libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open a socket to ask for an MTU');
  try {
    if (libc.ioctl(fd, SIOCGIFMTU, addressOfBuffer(request.buffer)) < 0) {
      throw new HostError('PLATFORM', `there is no interface ${name}: check unprotected.interface`);
    }
  } finally {
    libc.close(fd);
  }
  return new DataView(request.buffer).getInt32(IFREQ_VALUE, true);
}
