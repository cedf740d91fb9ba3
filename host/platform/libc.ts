/**
 * The C library's system calls, bound with koffi. Addresses are plain numbers (`FrameMemory.base + offset`), so a call
 * costs no object. Calls return what libc returns; `errno()` is valid until the next call of this thread.
 *
 * 64-bit little-endian Linux only: the layouts of linux-abi.ts hold nowhere else.
 */
import { arch, endianness, platform } from 'node:os';
import koffi from 'koffi';
import { HostError } from '../model/host-error.ts';
import { SystemCallError } from './system-call-error.ts';

type Fd = number;
type Address = number;

interface SystemCalls {
  open(path: string, flags: number, mode: number): number;
  close(fd: Fd): number;
  read(fd: Fd, buffer: Address, length: number): number;
  write(fd: Fd, buffer: Address, length: number): number;
  writev(fd: Fd, vectors: Address, count: number): number;
  lockRange(fd: Fd, command: number, range: Address): number;
  ioctl(fd: Fd, request: number, argument: Address): number;
  fcntl(fd: Fd, command: number, argument: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: Fd, name: Address, length: number): number;
  connect(fd: Fd, name: Address, length: number): number;
  getsockname(fd: Fd, name: Address, length: Address): number;
  setsockopt(fd: Fd, level: number, option: number, value: Address, length: number): number;
  getsockopt(fd: Fd, level: number, option: number, value: Address, length: Address): number;
  recvmmsg(fd: Fd, messages: Address, count: number, flags: number, timeout: Address): number;
  sendmmsg(fd: Fd, messages: Address, count: number, flags: number): number;
  poll(fds: Address, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  clock_gettime(clock: number, time: Address): number;
  /** One that has no name in the C library; arguments beyond the last are 0. */
  syscall(
    number: number,
    first: number,
    second: Address,
    third: number,
    fourth: number,
    fifth: Address,
  ): number;
}

export const libc: SystemCalls = bindSystemCalls();

/** The error number of this thread's last failed call. */
export function errno(): number {
  return koffi.errno();
}

/**
 * Passes a successful `result` through.
 *
 * @throws SystemCallError with `tried` and `advice` when `result` is negative
 */
export function check(result: number, tried: string, advice = ''): number {
  if (result < 0) throw new SystemCallError(tried, errno(), advice);
  return result;
}

/** The address of a buffer that lives outside the JavaScript heap and does not move: an ArrayBuffer or a memory's. */
export function addressOfBuffer(buffer: ArrayBufferLike): Address {
  return Number(koffi.address(buffer));
}

function bindSystemCalls(): SystemCalls {
  if (platform() !== 'linux' || endianness() !== 'LE' || !['x64', 'arm64', 'riscv64'].includes(arch())) {
    throw new HostError(
      'PLATFORM',
      `a packet interface needs Linux on x64, arm64 or riscv64; this is ${platform()} on ${arch()}`,
    );
  }
  // The process itself: Node is linked to the C library, whatever its file is called here.
  const library = koffi.load(null);
  return {
    open: library.func('open', 'int', ['str', 'int', 'int']),
    close: library.func('close', 'int', ['int']),
    // These return ssize_t, whose lower half says all: nothing here moves 2 GiB. A number of 32 bits costs V8 no object a call.
    read: library.func('read', 'int', ['int', 'uint64', 'uint64']),
    write: library.func('write', 'int', ['int', 'uint64', 'uint64']),
    writev: library.func('writev', 'int', ['int', 'uint64', 'int']),
    lockRange: library.func('fcntl', 'int', ['int', 'int', 'uint64']),
    ioctl: library.func('ioctl', 'int', ['int', 'uint64', 'uint64']),
    fcntl: library.func('fcntl', 'int', ['int', 'int', 'int']),
    socket: library.func('socket', 'int', ['int', 'int', 'int']),
    bind: library.func('bind', 'int', ['int', 'uint64', 'uint32']),
    connect: library.func('connect', 'int', ['int', 'uint64', 'uint32']),
    getsockname: library.func('getsockname', 'int', ['int', 'uint64', 'uint64']),
    setsockopt: library.func('setsockopt', 'int', ['int', 'int', 'int', 'uint64', 'uint32']),
    getsockopt: library.func('getsockopt', 'int', ['int', 'int', 'int', 'uint64', 'uint64']),
    recvmmsg: library.func('recvmmsg', 'int', ['int', 'uint64', 'uint32', 'int', 'uint64']),
    sendmmsg: library.func('sendmmsg', 'int', ['int', 'uint64', 'uint32', 'int']),
    poll: library.func('poll', 'int', ['uint64', 'uint64', 'int']),
    eventfd: library.func('eventfd', 'int', ['uint32', 'int']),
    clock_gettime: library.func('clock_gettime', 'int', ['int', 'uint64']),
    syscall: library.func('syscall', 'int', ['int64', 'int64', 'uint64', 'int64', 'int64', 'uint64']),
  };
}
