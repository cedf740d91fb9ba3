/**
 * What the UDP socket and the raw sockets for ESP and AH have in common: opening with our mark, large buffers and the information
 * about each packet that IPsec needs, and moving batches. A datagram that the kernel refuses never stops the others.
 */
import { type Address, formatAddress } from '../model/address.ts';
import { addressOfBuffer, check, errno, libc } from './libc.ts';
import {
  AF_INET,
  AF_INET6,
  IP_HDRINCL,
  IP_MTU_DISCOVER,
  IP_PKTINFO,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  IP_PMTUDISC_PROBE,
  IP_RECVTOS,
  IPPROTO_AH,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HDRINCL,
  IPV6_MTU_DISCOVER,
  IPV6_RECVERR,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_V6ONLY,
  MMSGHDR_LENGTH,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  SO_MARK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_IN_ADDRESS,
  SOCKADDR_IN_LENGTH,
  SOCKADDR_IN6_ADDRESS,
  SOCKADDR_IN6_LENGTH,
  SOCKADDR_PORT,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from './linux-abi.ts';
import type { ReceiveBatch } from './receive-batch.ts';
import type { SendBatch } from './send-batch.ts';
import { chooseSocketBySpi, takeOwnSpis } from './spi-filter.ts';
import { errnos, SystemCallError } from './system-call-error.ts';

/** RFC 4302 section 2: octets to the SPI. */
const AH_SPI = 4;

export interface DatagramSocketOptions {
  /** Our address; all zero octets: any of this family. */
  readonly address: Address;
  /**
   * Mark on everything that the socket sends, by which nftables tells it from traffic that wants IPsec. Needs
   * CAP_NET_ADMIN; undefined: none, for a program without privileges.
   */
  readonly mark?: number;
  /** Octets wanted for waiting packets, in each direction. 8 MiB carried full load without loss (measured). */
  readonly bufferOctets?: number;
  /**
   * What DF means for a datagram that is longer than the path MTU: `known` refuses what does not fit the MTU that the
   * kernel learnt from ICMP; `interface` ignores ICMP, for a caller that finds the path MTU itself.
   */
  readonly pathMtu?: 'known' | 'interface';
  /** UDP: datagrams in a row may arrive as one entry of a batch, if the kernel can; each needs room for 64 KiB then. */
  readonly receivesBundles?: boolean;
  /** One of several sockets of this kind on the address, one for each worker, which are to be opened in their order. */
  readonly share?: SocketShare;
  /** A socket of this kind that is open and bound, in place of a new one: another thread opened it for this one. */
  readonly fd?: number;
  /** Raw sockets: what is sent starts with its IP header, which goes as it is. The kernel then never fragments. */
  readonly sendsIpHeader?: boolean;
}

/** Which of the packets for an address come to one of its sockets: those whose SPI is that worker's (spi-filter.ts). */
export interface SocketShare {
  readonly worker: number;
  readonly workers: number;
}

const BUFFER_OCTETS_DEFAULT = 8 * 1024 * 1024;

export class DatagramSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** What it is, for messages: `UDP socket on 0.0.0.0:4500`. */
  readonly description: string;
  /** Bound UDP port; 0 on a raw socket. */
  readonly localPort: number;
  /** Octets of receive buffer that the kernel granted. */
  readonly receiveBufferOctets: number;
  /** True when a received packet begins with its IP header (raw IPv4), false when with the payload (UDP, raw IPv6). */
  readonly receivesIpHeader: boolean;
  /** Whether datagrams in a row may arrive as one (UDP_GRO). */
  readonly receivesBundles: boolean;
  /** Datagrams that the kernel refused to send, since the start. */
  sendErrorCount = 0;
  /** The last `send` ended early for want of memory, which no poll waits for. */
  isShortOfMemory = false;
  /** Of the last `send`: the first datagram refused because it is too long for DF (EMSGSIZE); -1: none. */
  firstTooLong = -1;
  readonly #queuesErrors: boolean;
  readonly #mtuDiscoveryWithDf: number;
  #dontFragment = -1;
  #bundles = false;

  /** Opens a socket of `type` and `protocol` and binds it. Throws HostError PLATFORM. */
  constructor(type: number, protocol: number, port: number, name: string, options: DatagramSocketOptions) {
    this.family = options.address.family;
    this.description = name;
    this.receivesIpHeader = type === SOCK_RAW && this.family === 4;
    this.#queuesErrors = type === SOCK_RAW && this.family === 6;
    this.#mtuDiscoveryWithDf = options.pathMtu === 'interface' ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DO;
    const domain = this.family === 4 ? AF_INET : AF_INET6;
    this.fd = options.fd ?? libc.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (this.fd < 0) throw new SystemCallError(`open a ${name}`, errno(), explainOpen(errno()));
    try {
      if (options.share !== undefined && options.fd === undefined) this.#share(type, protocol, options.share);
      if (options.mark !== undefined) this.#setMark(options.mark);
      const octets = options.bufferOctets ?? BUFFER_OCTETS_DEFAULT;
      this.#setBuffer(SO_SNDBUFFORCE, SO_SNDBUF, octets);
      this.receiveBufferOctets = this.#setBuffer(SO_RCVBUFFORCE, SO_RCVBUF, octets);
      this.#askForPacketInformation(type === SOCK_RAW, options.fd !== undefined);
      if (options.sendsIpHeader === true) this.#takeIpHeader();
      this.#setDontFragment(0);
      if (type === SOCK_DGRAM) this.#bundles = setInteger(this.fd, SOL_UDP, UDP_SEGMENT, 0) === 0;
      this.receivesBundles =
        options.receivesBundles === true && setInteger(this.fd, SOL_UDP, UDP_GRO, 1) === 0;
      if (options.fd === undefined) bindSocket(this.fd, options.address, port, name);
      this.localPort = boundPort(this.fd, options.address, name);
      if (type === SOCK_DGRAM && options.fd === undefined && options.share?.worker === 0)
        chooseSocketBySpi(this.fd, options.share.workers, name);
    } catch (error) {
      libc.close(this.fd);
      throw error;
    }
  }

  /**
   * Receives what is waiting, at most `batch.capacity` datagrams, into `batch`.
   *
   * @returns how many; 0 when none is waiting
   * @throws SystemCallError when the socket is unusable
   */
  receive(batch: ReceiveBatch): number {
    const received = batch.receiveFrom(this.fd, batch.capacity);
    if (received >= 0) return received;
    const error = errno();
    if (this.#queuesErrors) this.#forgetErrors();
    if (isTransient(error)) return 0;
    throw new SystemCallError(`receive on ${this.description}`, error);
  }

  /**
   * Sends datagrams `first` to `end - 1` of `batch`, in bundles where the kernel takes them. One that it refuses (no route, too long
   * for DF, dropped by a firewall) is counted, its errno noted in `batch.errnos`, and the next is tried.
   *
   * @returns the first that was not dealt with: `end`, or before it when the socket's buffer is full (poll for output, then try the
   *   rest again) or, see `isShortOfMemory`, the kernel has no memory for it (wait a little)
   */
  send(batch: SendBatch, first: number, end: number): number {
    this.isShortOfMemory = false;
    this.firstTooLong = -1;
    let messages = batch.prepare(first, end, this.#bundles);
    let next = 0;
    while (next < messages) {
      const dontFragment = batch.dontFragment[batch.firstOf(next)] ?? 0;
      let run = next + 1;
      while (run < messages && (batch.dontFragment[batch.firstOf(run)] ?? 0) === dontFragment) run++;
      if (dontFragment !== this.#dontFragment) this.#setDontFragment(dontFragment);
      const sent = batch.sendTo(this.fd, next, run - next);
      if (sent > 0) {
        next += sent;
        continue;
      }
      const error = errno();
      this.isShortOfMemory = error === errnos.ENOBUFS || error === errnos.ENOMEM;
      if (error === errnos.EAGAIN || this.isShortOfMemory) return batch.firstOf(next);
      if (error === errnos.EINTR) continue;
      if (error === errnos.EBADF || error === errnos.ENOTSOCK || error === errnos.EFAULT) {
        throw new SystemCallError(`send on ${this.description}`, error);
      }
      const refused = batch.firstOf(next);
      if (batch.firstOf(next + 1) - refused > 1 && this.#isAboutBundle(error)) {
        messages = batch.prepare(refused, end, false);
        next = 0;
        continue;
      }
      this.#refuse(batch, refused, batch.firstOf(next + 1), error);
      next++;
    }
    return end;
  }

  /**
   * Whether datagrams may pass one by one that were refused as a bundle. A device that does no checksums takes no bundles at all
   * (EIO); datagrams that do not fit the path unfragmented cannot be cut from one (EINVAL, EMSGSIZE).
   */
  #isAboutBundle(error: number): boolean {
    if (error === errnos.EIO) this.#bundles = false;
    return error === errnos.EIO || error === errnos.EINVAL || error === errnos.EMSGSIZE;
  }

  #refuse(batch: SendBatch, first: number, end: number, error: number): void {
    batch.errnos.fill(error, first, end);
    if (error === errnos.EMSGSIZE && this.firstTooLong < 0) this.firstTooLong = first;
    this.sendErrorCount += end - first;
  }

  /** Whether datagrams that differ in their content alone are sent as bundles (UDP_SEGMENT). */
  get sendsBundles(): boolean {
    return this.#bundles;
  }

  close(): void {
    libc.close(this.fd);
  }

  /** What ICMP said of packets that were sent: the kernel has drawn its conclusions, and would wake us until it is read. */
  #forgetErrors(): void {
    for (let read = 0; read < errorsAtOnce; read++) {
      if (libc.recvmmsg(this.fd, emptyMessageAddress, 1, MSG_ERRQUEUE | MSG_DONTWAIT, 0) <= 0) return;
      emptyMessage.fill(0);
    }
  }

  #share(type: number, protocol: number, share: SocketShare): void {
    if (type === SOCK_DGRAM) {
      check(setInteger(this.fd, SOL_SOCKET, SO_REUSEPORT, 1), `share the address of the ${this.description}`);
      return;
    }
    const packet = { hasIpHeader: this.receivesIpHeader, spiAt: protocol === IPPROTO_AH ? AH_SPI : 0 };
    takeOwnSpis(this.fd, packet, share, this.description);
    // What came in before the filter was there is of no use here: the same came to the socket that it is for.
    while (libc.recvmmsg(this.fd, emptyMessageAddress, 1, MSG_DONTWAIT, 0) > 0) emptyMessage.fill(0);
  }

  #setMark(mark: number): void {
    check(
      setInteger(this.fd, SOL_SOCKET, SO_MARK, mark),
      `set the mark of the ${this.description}`,
      'The capability CAP_NET_ADMIN is missing: run as root',
    );
  }

  /** Beyond net.core.rmem_max where we may (CAP_NET_ADMIN), up to it where not. Returns what the kernel granted. */
  #setBuffer(forced: number, limited: number, octets: number): number {
    if (setInteger(this.fd, SOL_SOCKET, forced, octets) < 0) setInteger(this.fd, SOL_SOCKET, limited, octets);
    return readInteger(this.fd, SOL_SOCKET, limited);
  }

  #askForPacketInformation(isRaw: boolean, isBound: boolean): void {
    const what = `prepare the ${this.description}`;
    if (this.family === 4) {
      check(setInteger(this.fd, IPPROTO_IP, IP_PKTINFO, 1), what);
      check(setInteger(this.fd, IPPROTO_IP, IP_RECVTOS, 1), what);
    } else {
      // A raw IPv6 socket never sees IPv4, and refuses to be told; one that is bound has been told.
      if (!isRaw && !isBound) check(setInteger(this.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), what);
      check(setInteger(this.fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1), what);
      check(setInteger(this.fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1), what);
      // Without it the kernel learns no path MTU from ICMPv6 about packets of an unconnected raw socket.
      if (isRaw) check(setInteger(this.fd, IPPROTO_IPV6, IPV6_RECVERR, 1), what);
    }
  }

  #takeIpHeader(): void {
    const what = `include IP headers in what the ${this.description} sends`;
    if (this.family === 4) check(setInteger(this.fd, IPPROTO_IP, IP_HDRINCL, 1), what);
    else check(setInteger(this.fd, IPPROTO_IPV6, IPV6_HDRINCL, 1), what, 'Linux has it since 4.15');
  }

  /** DF is a property of the socket, not of a datagram; a run of equal ones costs one call. */
  #setDontFragment(dontFragment: number): void {
    const level = this.family === 4 ? IPPROTO_IP : IPPROTO_IPV6;
    const option = this.family === 4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
    const value = dontFragment === 0 ? IP_PMTUDISC_DONT : this.#mtuDiscoveryWithDf;
    check(setInteger(this.fd, level, option, value), `set DF of the ${this.description}`);
    this.#dontFragment = dontFragment;
  }
}

/** Nothing to receive now: empty, interrupted, or an ICMP error about an earlier packet, which is no authentic news. */
function isTransient(error: number): boolean {
  return (
    error === errnos.EAGAIN ||
    error === errnos.EINTR ||
    error === errnos.EMSGSIZE ||
    error === errnos.EACCES ||
    error === errnos.EPROTO ||
    error === errnos.ECONNREFUSED ||
    error === errnos.EHOSTUNREACH ||
    error === errnos.ENETUNREACH
  );
}

/** A message without room for anything: what is read into it is forgotten. */
const emptyMessage = new Uint8Array(new ArrayBuffer(MMSGHDR_LENGTH));
const emptyMessageAddress = addressOfBuffer(emptyMessage.buffer);
/** More wait for the next time: a flood of ICMP must not keep the loop. */
const errorsAtOnce = 64;

const integer = new Int32Array(new ArrayBuffer(8));
const integerAddress = addressOfBuffer(integer.buffer);

/** Sets an option that is an int. Returns what setsockopt returned. */
function setInteger(fd: number, level: number, option: number, value: number): number {
  integer[0] = value;
  return libc.setsockopt(fd, level, option, integerAddress, 4);
}

/** Reads an option that is an int. Throws SystemCallError. */
export function readInteger(fd: number, level: number, option: number): number {
  integer[1] = 4;
  check(
    libc.getsockopt(fd, level, option, integerAddress, integerAddress + 4),
    `read socket option ${option}`,
  );
  return integer[0] ?? 0;
}

/** A sockaddr_in or sockaddr_in6 of `address` and `port`. */
export function socketAddress(address: Address, port: number): ArrayBuffer {
  const buffer = new ArrayBuffer(address.family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH);
  const view = new DataView(buffer);
  view.setUint16(0, address.family === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(SOCKADDR_PORT, port, false);
  new Uint8Array(buffer).set(
    address.octets,
    address.family === 4 ? SOCKADDR_IN_ADDRESS : SOCKADDR_IN6_ADDRESS,
  );
  return buffer;
}

function bindSocket(fd: number, address: Address, port: number, name: string): void {
  const wanted = socketAddress(address, port);
  if (libc.bind(fd, addressOfBuffer(wanted), wanted.byteLength) < 0) {
    throw new SystemCallError(`bind the ${name}`, errno(), explainBind(errno(), address, port));
  }
}

/** The port that the kernel gave (which matters when 0 was asked for). */
function boundPort(fd: number, address: Address, name: string): number {
  const wanted = socketAddress(address, 0);
  const length = new Uint32Array([wanted.byteLength, 0]);
  const lengthBuffer = new ArrayBuffer(8);
  new Uint32Array(lengthBuffer).set(length);
  check(
    libc.getsockname(fd, addressOfBuffer(wanted), addressOfBuffer(lengthBuffer)),
    `read the address of the ${name}`,
  );
  return new DataView(wanted).getUint16(SOCKADDR_PORT, false);
}

function explainOpen(error: number): string {
  if (error === errnos.EPERM || error === errnos.EACCES) {
    return 'The capability CAP_NET_RAW is missing: run as root, or use UDP encapsulation only';
  }
  if (error === errnos.EAFNOSUPPORT) return 'This kernel has IPv6 turned off: leave the IPv6 address out';
  return '';
}

function explainBind(error: number, address: Address, port: number): string {
  if (error === errnos.EADDRINUSE) {
    return `Another program has port ${port}: stop it (often another IKE daemon), or choose another port`;
  }
  if (error === errnos.EADDRNOTAVAIL) return `No interface of this machine has ${formatAddress(address)}`;
  if (error === errnos.EACCES) return `Ports below 1024 need the capability CAP_NET_BIND_SERVICE`;
  return '';
}
