/**
 * Numbers and layouts of the Linux system-call interface, as 64-bit little-endian machines have them (x86-64, arm64,
 * riscv64: the generic table of include/uapi/asm-generic). Nothing here is ours; names are the kernel's own.
 *
 * ```
 * struct mmsghdr (64 octets)                              struct cmsghdr (16 octets, then data, padded to 8)
 *  0 msg_name        8 msg_namelen (4)  16 msg_iov         0 cmsg_len (8)   8 cmsg_level (4)  12 cmsg_type (4)
 * 24 msg_iovlen     32 msg_control      40 msg_controllen
 * 48 msg_flags (4)  56 msg_len (4)                        struct iovec (16): 0 iov_base (8)   8 iov_len (8)
 *
 * struct sockaddr_in  (16): 0 family  2 port (network order)  4 address
 * struct sockaddr_in6 (28): 0 family  2 port (network order)  4 flow label  8 address  24 scope
 * ```
 */

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;

export const O_RDWR = 2;
export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;
export const F_DUPFD_CLOEXEC = 1030;

/** Locks of a range that belong to the open file (fcntl_locking(2)). `struct flock`: 0 type (2)  2 whence (2)  8 start (8)  16 length (8)  24 pid (4) */
export const F_OFD_SETLK = 37;
export const F_WRLCK = 1;
export const FLOCK_LENGTH = 32;
export const FLOCK_TYPE = 0;
export const FLOCK_START = 8;
export const FLOCK_LEN = 16;

/** `_IOR(0x12, 114, size_t)` */
export const BLKGETSIZE64 = 0x80081272;

export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;

export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_REUSEPORT = 15;
export const SO_ATTACH_FILTER = 26;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_MARK = 36;
export const SO_ATTACH_REUSEPORT_CBPF = 51;

export const IPPROTO_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVTOS = 13;
export const IP_MTU = 14;
export const IP_HDRINCL = 3;

export const IPPROTO_IPV6 = 41;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_V6ONLY = 26;
export const IPV6_HDRINCL = 36;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_HOPLIMIT = 52;
export const IPV6_RECVTCLASS = 66;
export const IPV6_RECVERR = 25;
export const IPV6_TCLASS = 67;

/** IP_MTU_DISCOVER and IPV6_MTU_DISCOVER: fragment where the path asks for it, DF clear. */
export const IP_PMTUDISC_DONT = 0;
/** DF set; what is longer than the path MTU known to the kernel is refused with EMSGSIZE. */
export const IP_PMTUDISC_DO = 2;
/** DF set; only what is longer than the interface's MTU is refused. */
export const IP_PMTUDISC_PROBE = 3;

export const SOL_UDP = 17;
/** Option and control message: octets after which the kernel cuts what is sent into datagrams. */
export const UDP_SEGMENT = 103;
/** Option: datagrams in a row may arrive as one. Control message: after how many octets they are to be cut. */
export const UDP_GRO = 104;

export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;
export const POLLNVAL = 32;

export const CLOCK_BOOTTIME = 7;

export const IFNAMSIZ = 16;
export const IFREQ_LENGTH = 40;
export const IFREQ_VALUE = 16;
export const TUNSETIFF = 0x400454ca;
export const IFF_TUN = 0x0001;
/** Several files may be queues of one interface. */
export const IFF_MULTI_QUEUE = 0x0100;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;
export const TUNSETOFFLOAD = 0x400454d0;
/** What TUNSETOFFLOAD says that the reader can do: make checksums, cut TCP over IPv4 and IPv6, cut UDP (Linux 6.2). */
export const TUN_F_CSUM = 0x01;
export const TUN_F_TSO4 = 0x02;
export const TUN_F_TSO6 = 0x04;
export const TUN_F_USO4 = 0x20;
export const TUN_F_USO6 = 0x40;
export const IFF_UP = 0x1;
export const IFF_MULTICAST = 0x1000;
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;

export const MMSGHDR_LENGTH = 64;
export const MSG_NAME = 0;
export const MSG_NAMELEN = 8;
export const MSG_IOV = 16;
export const MSG_IOVLEN = 24;
export const MSG_CONTROL = 32;
export const MSG_CONTROLLEN = 40;
export const MSG_FLAGS = 48;
export const MSG_LEN = 56;

export const IOVEC_LENGTH = 16;
export const IOV_BASE = 0;
export const IOV_LEN = 8;

export const CMSG_HEADER_LENGTH = 16;
export const CMSG_LEN = 0;
export const CMSG_LEVEL = 8;
export const CMSG_TYPE = 12;

export const SOCKADDR_PORT = 2;
export const SOCKADDR_IN_ADDRESS = 4;
export const SOCKADDR_IN_LENGTH = 16;
export const SOCKADDR_IN6_ADDRESS = 8;
export const SOCKADDR_IN6_LENGTH = 28;

/** in_pktinfo: interface index (4), local address of the packet (4), destination in its header (4). */
export const IN_PKTINFO_LENGTH = 12;
export const IN_PKTINFO_LOCAL = 4;
export const IN_PKTINFO_DESTINATION = 8;
/** in6_pktinfo: address (16), interface index (4). */
export const IN6_PKTINFO_LENGTH = 20;

/** Octets from one control message to the next (CMSG_SPACE). */
export function cmsgSpace(dataLength: number): number {
  return CMSG_HEADER_LENGTH + ((dataLength + 7) & ~7);
}
