/**
 * The TUN interface: packets that the kernel routes to IPsec come out of `read`, and what IPsec delivers goes in by
 * `write`. One packet a call, bare IP without a header in front (IFF_NO_PI), non-blocking. The interface lives exactly
 * as long as this process holds it open: when the process dies, its routes die with it, and the nftables table
 * (nftables.ts) drops what would have gone there.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import type { FrameMemory } from './frame-memory.ts';
import { addressOfBuffer, check, errno, libc } from './libc.ts';
import {
  AF_INET,
  IFF_MULTICAST,
  IFF_NO_PI,
  IFF_TUN,
  IFF_UP,
  IFNAMSIZ,
  IFREQ_LENGTH,
  IFREQ_VALUE,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  SIOCGIFFLAGS,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  TUNSETIFF,
} from './linux-abi.ts';
import { errnos, SystemCallError } from './system-call-error.ts';

const DEVICE = '/dev/net/tun';
/** What the TUN driver answers once its interface was deleted; node:os does not list it. */
const EBADFD = 77;

export interface TunOptions {
  /** At most 15 octets, without `/` and space. */
  readonly name: string;
  /** The longest inner packet that the kernel hands over; longer ones get its "fragmentation needed". */
  readonly mtu: number;
  /** Where packets are read to and written from. */
  readonly frames: FrameMemory;
}

export class Tun {
  readonly fd: number;
  readonly name: string;
  /** Packets that the kernel refused, and its answer to the last one (an errno). */
  writeErrorCount = 0;
  lastWriteErrno = 0;
  readonly #frames: FrameMemory;

  constructor(fd: number, name: string, frames: FrameMemory) {
    this.fd = fd;
    this.name = name;
    this.#frames = frames;
  }

  /**
   * Reads up to `count` packets: packet i to `offsets[i]`, its length to `lengths[i]`.
   *
   * @param room octets free at each offset; must be at least the MTU, the kernel cuts what is longer
   * @returns how many were read; less than `count` when no more are waiting
   * @throws SystemCallError when the interface is gone
   */
  readBatch(offsets: Uint32Array, lengths: Uint32Array, room: number, count: number): number {
    for (let index = 0; index < count; index++) {
      const length = libc.read(this.fd, this.#frames.base + (offsets[index] ?? 0), room);
      if (length < 0) {
        const error = errno();
        if (error === errnos.EAGAIN || error === errnos.EINTR) return index;
        throw new SystemCallError(`read a packet from ${this.name}`, error, explainRead(error));
      }
      lengths[index] = length;
    }
    return count;
  }

  /**
   * Writes `count` packets: packet i is `lengths[i]` octets at `offsets[i]`. What the kernel refuses (no IP packet,
   * interface down, no memory) is counted and left out.
   *
   * @returns how many the kernel took
   */
  writeBatch(offsets: Uint32Array, lengths: Uint32Array, count: number): number {
    let written = 0;
    for (let index = 0; index < count; index++) {
      if (libc.write(this.fd, this.#frames.base + (offsets[index] ?? 0), lengths[index] ?? 0) >= 0) {
        written++;
      } else {
        this.writeErrorCount++;
        this.lastWriteErrno = errno();
      }
    }
    return written;
  }

  /** Removes the interface, with its routes. */
  close(): void {
    libc.close(this.fd);
  }
}

/**
 * Creates the interface, sets its MTU, and brings it up.
 *
 * @throws HostError PLATFORM saying which permission or kernel feature is missing
 */
export function openTun(options: TunOptions): Tun {
  checkInterfaceName(options.name);
  const fd = libc.open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) throw new SystemCallError(`open ${DEVICE}`, errno(), explainOpen(errno()));
  try {
    const request = new InterfaceRequest(options.name);
    request.writeShort(IFF_TUN | IFF_NO_PI);
    const created = libc.ioctl(fd, TUNSETIFF, request.address);
    if (created < 0) {
      throw new SystemCallError(`create TUN interface ${options.name}`, errno(), explainCreate(errno()));
    }
    bringUp(options.name, options.mtu);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return new Tun(fd, options.name, options.frames);
}

/** Refuses what Linux would cut or a shell-like tool would misread. Throws HostError CONFIG_INVALID. */
export function checkInterfaceName(name: string): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}$/.test(name)) {
    throw new HostError(
      'CONFIG_INVALID',
      `expected an interface name of 1 to 15 letters, digits, "_", ".", "-", found ${JSON.stringify(name)}`,
    );
  }
}

function bringUp(name: string, mtu: number): void {
  refuseLinkLocalAddress(name);
  const control = check(libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open a control socket');
  try {
    const request = new InterfaceRequest(name);
    request.writeInteger(mtu);
    check(libc.ioctl(control, SIOCSIFMTU, request.address), `set the MTU of ${name} to ${mtu}`);
    check(libc.ioctl(control, SIOCGIFFLAGS, request.address), `read the flags of ${name}`);
    // No multicast: the kernel's own group reports would only be noise for the engine.
    request.writeShort((request.readShort() | IFF_UP) & ~IFF_MULTICAST);
    check(libc.ioctl(control, SIOCSIFFLAGS, request.address), `bring ${name} up`);
  } finally {
    libc.close(control);
  }
}

/** Keeps the kernel from giving the TUN an address of its own, and from soliciting routers through it. */
function refuseLinkLocalAddress(name: string): void {
  const path = `/proc/sys/net/ipv6/conf/${name}/addr_gen_mode`;
  try {
    if (existsSync(path)) writeFileSync(path, '1');
  } catch {
    // Only noise: the engine drops and counts what the kernel then sends.
  }
}

/** struct ifreq: the interface's name and one value. */
class InterfaceRequest {
  readonly address: number;
  readonly #view: DataView;

  constructor(name: string) {
    const buffer = new ArrayBuffer(IFREQ_LENGTH);
    this.#view = new DataView(buffer);
    new TextEncoder().encodeInto(name, new Uint8Array(buffer, 0, IFNAMSIZ - 1));
    this.address = addressOfBuffer(buffer);
  }

  writeShort(value: number): void {
    this.#view.setUint16(IFREQ_VALUE, value, true);
  }

  readShort(): number {
    return this.#view.getUint16(IFREQ_VALUE, true);
  }

  writeInteger(value: number): void {
    this.#view.setInt32(IFREQ_VALUE, value, true);
  }
}

function explainOpen(error: number): string {
  if (error === errnos.EACCES || error === errnos.EPERM) {
    return `Run as root, or let this user read and write it: chmod 0666 ${DEVICE}`;
  }
  if (error === errnos.ENOENT || error === errnos.ENODEV || error === errnos.ENXIO) {
    return 'Load the kernel module: modprobe tun (in a container: pass the device through, --device /dev/net/tun)';
  }
  return '';
}

function explainCreate(error: number): string {
  if (error === errnos.EPERM)
    return 'The capability CAP_NET_ADMIN is missing: run as root or in a user namespace';
  if (error === errnos.EBUSY) return 'Another process holds it: stop the router that is running here';
  if (error === errnos.EINVAL) return 'An interface of that name exists and is no TUN: choose another name';
  return '';
}

function explainRead(error: number): string {
  return error === EBADFD || error === errnos.EIO ? 'The interface was deleted: restart the router' : '';
}
