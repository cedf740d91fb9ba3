/**
 * Whether an interface came up since one last looked, told by the kernel over rtnetlink(7): one that was down in between has lost its
 * routes, and looks the same as before. Nobody is woken; what was said waits in the socket.
 */
import { addressOfBuffer, check, errno, libc } from './libc.ts';
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from './linux-abi.ts';
import { errnos, SystemCallError } from './system-call-error.ts';

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
const RTM_NEWLINK = 16;
const IFLA_IFNAME = 3;
const IFF_UP = 1;
const SOCKADDR_NL_LENGTH = 12;
/** struct nlmsghdr, struct ifinfomsg, struct rtattr; all that follows is aligned to four octets. */
const MESSAGE_HEADER = 16;
const LINK_HEADER = 16;
const LINK_FLAGS = 8;
const ATTRIBUTE_HEADER = 4;
/** A message about a link with all its statistics has about 2 KiB. */
const ROOM = 16 * 1024;

export class LinkWatch {
  readonly #name: string;
  readonly #fd: number;
  readonly #buffer = new ArrayBuffer(ROOM);
  readonly #view = new DataView(this.#buffer);
  readonly #address = addressOfBuffer(this.#buffer);

  /** Watches the interface of that name, whether there is one or not, in this thread's network namespace. Throws HostError PLATFORM. */
  constructor(name: string) {
    this.#name = name;
    this.#fd = check(
      libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE),
      'open a netlink socket',
    );
    const groups = new DataView(new ArrayBuffer(SOCKADDR_NL_LENGTH));
    groups.setUint16(0, AF_NETLINK, true);
    groups.setUint32(8, RTMGRP_LINK, true);
    try {
      check(libc.bind(this.#fd, addressOfBuffer(groups.buffer), SOCKADDR_NL_LENGTH), 'watch the interfaces');
    } catch (error) {
      libc.close(this.#fd);
      throw error;
    }
  }

  /** Whether the kernel has said since the last call that the interface is up; also true where it said more than there was room for. */
  takeUps(): boolean {
    let isUp = false;
    for (;;) {
      const length = libc.read(this.#fd, this.#address, ROOM);
      if (length > 0) {
        isUp = this.#saysUp(length) || isUp;
        continue;
      }
      const error = errno();
      if (error === errnos.EAGAIN) return isUp;
      if (error === errnos.ENOBUFS) isUp = true;
      else if (error !== errnos.EINTR)
        throw new SystemCallError('read what netlink says of interfaces', error);
    }
  }

  close(): void {
    libc.close(this.#fd);
  }

  /** Goes through the messages in the first `length` octets. */
  #saysUp(length: number): boolean {
    for (let at = 0; at + MESSAGE_HEADER + LINK_HEADER <= length; ) {
      const octets = this.#view.getUint32(at, true);
      if (octets < MESSAGE_HEADER) return false;
      const end = Math.min(at + octets, length);
      const isUp = (this.#view.getUint32(at + MESSAGE_HEADER + LINK_FLAGS, true) & IFF_UP) !== 0;
      if (this.#view.getUint16(at + 4, true) === RTM_NEWLINK && isUp && this.#nameIn(at, end) === this.#name)
        return true;
      at += (octets + 3) & ~3;
    }
    return false;
  }

  #nameIn(message: number, end: number): string {
    for (let at = message + MESSAGE_HEADER + LINK_HEADER; at + ATTRIBUTE_HEADER <= end; ) {
      const octets = this.#view.getUint16(at, true);
      if (octets < ATTRIBUTE_HEADER || at + octets > end) return '';
      if (this.#view.getUint16(at + 2, true) === IFLA_IFNAME) {
        // It ends with a zero.
        return Buffer.from(this.#buffer, at + ATTRIBUTE_HEADER, octets - ATTRIBUTE_HEADER - 1).toString(
          'utf8',
        );
      }
      at += (octets + 3) & ~3;
    }
    return '';
  }
}
