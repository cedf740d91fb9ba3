/**
 * Classic BPF programs (Documentation/networking/filter.rst of Linux) by which the kernel sorts what arrives by the worker that an
 * SPI names in its two highest bits: UDP sockets that share a port are chosen so, and raw sockets, which all get every packet,
 * leave out what is another worker's. It needs no privilege, and no eBPF.
 */
import { spiWorkerShift } from '../model/security-association.ts';
import { addressOfBuffer, check, libc } from './libc.ts';
import { SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF, SOL_SOCKET } from './linux-abi.ts';

/** Codes of instructions: loads from the packet, arithmetic with a constant, and returns. */
const LOAD_WORD = 0x20;
const LOAD_WORD_BEHIND_X = 0x40;
/** X is the length of the IPv4 header that begins at the constant. */
const LOAD_HEADER_LENGTH_INTO_X = 0xb1;
const SHIFT_RIGHT = 0x74;
const MODULO = 0x94;
const SKIP_UNLESS_EQUAL = 0x15;
const RETURN = 0x06;
const RETURN_A = 0x16;

const wholePacket = 0xffff_ffff;
/** struct sock_filter: code (2), jump if true (1), jump if false (1), constant (4). struct sock_fprog: length (2), address at 8. */
const INSTRUCTION_LENGTH = 8;
const PROGRAM_LENGTH = 16;
const PROGRAM_ADDRESS = 8;

type Instruction = readonly [code: number, constant: number, ifFalse?: number];

/**
 * Lets the kernel choose among the UDP sockets that share an address and port with `fd`: the one that was bound as that
 * worker's, counted from 0. What is shorter than an SPI, or is IKE, goes to the first. Call once the first is bound.
 *
 * @throws SystemCallError
 */
export function chooseSocketBySpi(fd: number, workers: number, description: string): void {
  const program: Instruction[] = [
    [LOAD_WORD, 0],
    [SHIFT_RIGHT, spiWorkerShift],
    [MODULO, workers],
    [RETURN_A, 0],
  ];
  attach(fd, SO_ATTACH_REUSEPORT_CBPF, program, `sort what arrives at the ${description}`);
}

/**
 * Lets a raw socket take the packets of one worker alone.
 *
 * @param hasIpHeader whether what it receives begins with an IPv4 header
 * @param spiAt octets from the beginning of ESP or AH to the SPI
 * @throws SystemCallError
 */
export function takeOwnSpis(
  fd: number,
  { hasIpHeader, spiAt }: { readonly hasIpHeader: boolean; readonly spiAt: number },
  { worker, workers }: { readonly worker: number; readonly workers: number },
  description: string,
): void {
  const load: Instruction[] = hasIpHeader
    ? [
        [LOAD_HEADER_LENGTH_INTO_X, 0],
        [LOAD_WORD_BEHIND_X, spiAt],
      ]
    : [[LOAD_WORD, spiAt]];
  const program: Instruction[] = [
    ...load,
    [SHIFT_RIGHT, spiWorkerShift],
    [MODULO, workers],
    [SKIP_UNLESS_EQUAL, worker, 1],
    [RETURN, wholePacket],
    [RETURN, 0],
  ];
  attach(fd, SO_ATTACH_FILTER, program, `sort what arrives at the ${description}`);
}

function attach(fd: number, option: number, program: readonly Instruction[], tried: string): void {
  const instructions = new DataView(new ArrayBuffer(program.length * INSTRUCTION_LENGTH));
  program.forEach(([code, constant, ifFalse = 0], index) => {
    const at = index * INSTRUCTION_LENGTH;
    instructions.setUint16(at, code, true);
    instructions.setUint8(at + 3, ifFalse);
    instructions.setUint32(at + 4, constant, true);
  });
  const header = new DataView(new ArrayBuffer(PROGRAM_LENGTH));
  header.setUint16(0, program.length, true);
  header.setBigUint64(PROGRAM_ADDRESS, BigInt(addressOfBuffer(instructions.buffer)), true);
  check(libc.setsockopt(fd, SOL_SOCKET, option, addressOfBuffer(header.buffer), PROGRAM_LENGTH), tried);
}
