/**
 * The TUN interface: packets that the kernel routes to IPsec come out of `read`, and what IPsec delivers goes in by `write`,
 * non-blocking. Before each packet lies a virtio_net_hdr (IFF_VNET_HDR, firmware/abi/bundle.ts), which says how many packets it
 * stands for: the kernel hands over up to 64 KiB of a TCP stream at once, and takes as much. The interface lives exactly
 * as long as this process holds it open: when the process dies, its routes die with it, and the nftables table
 * (nftables.ts) drops what would have gone there.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import type { FrameMemory } from './frame-memory.ts';
import { addressOfBuffer, check, errno, libc } from './libc.ts';
import {
  AF_INET,
  IFF_MULTI_QUEUE,
  IFF_MULTICAST,
  IFF_NO_PI,
  IFF_TUN,
  IFF_UP,
  IFF_VNET_HDR,
  IFNAMSIZ,
  IFREQ_LENGTH,
  IFREQ_VALUE,
  IOV_BASE,
  IOV_LEN,
  IOVEC_LENGTH,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  SIOCGIFFLAGS,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNSETIFF,
  TUNSETOFFLOAD,
} from './linux-abi.ts';
import { writeAddress } from './message-storage.ts';
import { ReadAhead } from './read-ahead.ts';
import { errnos, SystemCallError } from './system-call-error.ts';

const DEVICE = '/dev/net/tun';
/** Pieces of a packet that is written; no more packets are run at a time. The kernel takes 1024. */
const PIECES_MAX = 256;
/** What the TUN driver answers once its interface was deleted; node:os does not list it. */
const EBADFD = 77;

/** One octet, at offset 1. */
const tooShort = Uint32Array.of(1);

/** What may come out of a TUN that is more than one packet. */
export interface TunOffloads {
  readonly tcp: boolean;
  readonly udp: boolean;
}

export interface TunOptions {
  /** At most 15 octets, without `/` and space. */
  readonly name: string;
  /** The longest inner packet that the kernel hands over; longer ones get its "fragmentation needed". */
  readonly mtu: number;
  /** Where packets are read to and written from. */
  readonly frames: FrameMemory;
  /**
   * The interface has a queue for each of several readers, among which the kernel spreads flows: this is its first, which
   * makes it, or another. Absent where one reader has it all.
   */
  readonly queue?: 'first' | 'further';
}

export class Tun {
  readonly fd: number;
  readonly name: string;
  /** Packets that the kernel refused, and its answer to the last one (an errno). */
  writeErrorCount = 0;
  lastWriteErrno = 0;
  /** What the kernel leaves to the reader. */
  readonly offloads: TunOffloads;
  readonly #frames: FrameMemory;
  #ahead: ReadAhead | undefined;
  readonly #vectors = new Vectors();

  constructor(fd: number, name: string, frames: FrameMemory, offloads: TunOffloads) {
    this.fd = fd;
    this.name = name;
    this.offloads = offloads;
    this.#frames = frames;
    this.#ahead = ReadAhead.open(frames);
  }

  /** Whether several packets are read with one system call where they follow each other. */
  get readsAhead(): boolean {
    return this.#ahead !== undefined;
  }

  /** Whether a packet was read and not returned yet. */
  get hasPackets(): boolean {
    return this.#ahead?.hasPackets ?? false;
  }

  /**
   * Reads one packet to `offset`, its virtio_net_hdr first.
   *
   * @param room octets free there; the kernel cuts what is longer
   * @returns its octets with that header; 0 when none is waiting
   * @throws SystemCallError when the interface is gone
   */
  read(offset: number, room: number): number {
    const ahead = this.#ahead;
    if (ahead?.isWorthIt === true || ahead?.hasPackets === true) return this.#readAhead(ahead, offset, room);
    const length = libc.read(this.fd, this.#frames.base + offset, room);
    ahead?.note(length);
    if (length >= 0) return length;
    this.#refuse(errno());
    return 0;
  }

  #readAhead(ahead: ReadAhead, offset: number, room: number): number {
    if (!ahead.hasPackets) {
      if (ahead.takeShort()) return 0;
      const error = ahead.fill(this.fd);
      if (error === errnos.EOPNOTSUPP || error === errnos.EINVAL) {
        // A kernel that does not read this at once, and took nothing out of it either.
        ahead.close();
        this.#ahead = undefined;
        return this.read(offset, room);
      }
      if (error !== 0 && !ahead.hasPackets) this.#refuse(error);
      if (!ahead.hasPackets) ahead.note(0);
    }
    return ahead.take(offset, room);
  }

  /** Nothing there is no failure. Throws SystemCallError for what is. */
  #refuse(error: number): void {
    if (error === errnos.EAGAIN || error === errnos.EINTR) return;
    throw new SystemCallError(`read a packet from ${this.name}`, error, explainRead(error));
  }

  /**
   * Writes one packet made of `count` pieces, `lengths[i]` octets at `offsets[i]`, the first of which begins with a virtio_net_hdr.
   * What the kernel refuses (no IP packet, interface down, no memory) is counted and left out.
   */
  write(offsets: Uint32Array, lengths: Uint32Array, first: number, count: number): void {
    if (count > PIECES_MAX) throw new RangeError(`a packet has at most ${PIECES_MAX} pieces, not ${count}`);
    const base = this.#frames.base;
    const written =
      count === 1
        ? libc.write(this.fd, base + (offsets[first] ?? 0), lengths[first] ?? 0)
        : libc.writev(this.fd, this.#vectors.place(base, offsets, lengths, first, count), count);
    if (written >= 0) return;
    this.writeErrorCount++;
    this.lastWriteErrno = errno();
  }

  /** Writes what is too short for a packet, which the kernel refuses. Counts nothing. */
  rehearseWrite(): void {
    const { writeErrorCount, lastWriteErrno } = this;
    this.write(tooShort, tooShort, 0, 1);
    this.writeErrorCount = writeErrorCount;
    this.lastWriteErrno = lastWriteErrno;
  }

  /** Removes the interface, with its routes, unless it has another queue. */
  close(): void {
    this.#ahead?.close();
    libc.close(this.fd);
  }
}

/**
 * Creates the interface, sets its MTU, and brings it up; or adds a queue to it.
 *
 * @throws HostError PLATFORM saying which permission or kernel feature is missing
 */
export function openTun(options: TunOptions): Tun {
  checkInterfaceName(options.name);
  const fd = libc.open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) throw new SystemCallError(`open ${DEVICE}`, errno(), explainOpen(errno()));
  let offloads: TunOffloads;
  try {
    const request = new InterfaceRequest(options.name);
    const several = options.queue === undefined ? 0 : IFF_MULTI_QUEUE;
    request.writeShort(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | several);
    const created = libc.ioctl(fd, TUNSETIFF, request.address);
    if (created < 0) {
      throw new SystemCallError(`create TUN interface ${options.name}`, errno(), explainCreate(errno()));
    }
    offloads = takeOffloads(fd);
    if (options.queue !== 'further') bringUp(options.name, options.mtu);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return new Tun(fd, options.name, options.frames, offloads);
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

/** Asks for the largest bundles that this kernel knows, and for less where it refuses: Linux has USO since 6.2. */
function takeOffloads(fd: number): TunOffloads {
  const tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (libc.ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) >= 0) return { tcp: true, udp: true };
  return { tcp: libc.ioctl(fd, TUNSETOFFLOAD, tcp) >= 0, udp: false };
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

/** Room for the pieces of one packet, as writev wants them. */
class Vectors {
  readonly #view: DataView;
  readonly #address: number;

  constructor() {
    const buffer = new ArrayBuffer(PIECES_MAX * IOVEC_LENGTH);
    this.#view = new DataView(buffer);
    this.#address = addressOfBuffer(buffer);
  }

  /** Fills in `count` pieces, at most PIECES_MAX. Returns the address of the first. */
  place(base: number, offsets: Uint32Array, lengths: Uint32Array, first: number, count: number): number {
    for (let index = 0; index < count; index++) {
      const at = index * IOVEC_LENGTH;
      writeAddress(this.#view, at + IOV_BASE, base + (offsets[first + index] ?? 0));
      this.#view.setUint32(at + IOV_LEN, lengths[first + index] ?? 0, true);
    }
    return this.#address;
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
