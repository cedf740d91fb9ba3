/** Opening a socket of the packet loop: UDP, raw ESP or raw AH, with what all of them have in common. */
import type { Address } from '../model/address.ts';
import type { Encapsulation, SaProtocol } from '../model/security-association.ts';
import type { DatagramSocket, DatagramSocketOptions } from './datagram-socket.ts';
import { openRawAhSocket, openRawEspSocket } from './raw-socket.ts';
import { openUdpSocket } from './udp-socket.ts';

export interface LoopSocketKind {
  readonly address: Address;
  readonly protocol: SaProtocol;
  readonly encapsulation: Encapsulation;
}

export interface LoopSocketOptions {
  readonly localPort: number;
  /** Mark of everything that our sockets send; undefined: none, for a program without privileges. */
  readonly mark?: number;
  /** Octets wanted for the buffers of each socket; 8 MiB unless given (datagram-socket.ts). */
  readonly socketBufferOctets?: number;
}

/** Throws HostError PLATFORM as `openUdpSocket` and `openRawEspSocket` do. */
export function openLoopSocket(
  { address, protocol, encapsulation }: LoopSocketKind,
  { localPort, mark, socketBufferOctets }: LoopSocketOptions,
  more: Pick<DatagramSocketOptions, 'share' | 'fd'> = {},
): DatagramSocket {
  const options: DatagramSocketOptions = {
    address,
    receivesBundles: true,
    ...(mark === undefined ? {} : { mark }),
    ...(socketBufferOctets === undefined ? {} : { bufferOctets: socketBufferOctets }),
    ...more,
  };
  if (encapsulation === 'udp') return openUdpSocket(localPort, options);
  return protocol === 'ah' ? openRawAhSocket(options) : openRawEspSocket(options);
}
