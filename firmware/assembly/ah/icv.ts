/**
 * The ICV of AH: over the IP header as it will be known at the other end, AH with an empty ICV field, the payload, and the unsent
 * half of an extended sequence number (RFC 4302 section 3.3.3). All of it lies in one run in the packet's slot, so the MACs
 * take it as one message: the headers are changed there for the time of the computation and put back from a copy.
 */
import { ENCRYPTION_AES_GMAC, ICV_MAXIMUM } from '../../abi/algorithm.ts';
import { SA_ENCRYPTION, SA_FLAG_ESN, SA_INTEGRITY } from '../../abi/sa-slot.ts';
import { gmac } from '../crypto/aes-modes/gmac.ts';
import { computeIcv, DIGEST } from '../esp/integrity.ts';
import { NONCE, writeNonce } from '../esp/nonce.ts';
import { AH_HEADER, storeNetwork32 } from '../packet/ip.ts';
import { hasFlag } from '../sad/slot.ts';
import { icvFieldLength } from './geometry.ts';
import { coverIpv4 } from './ipv4-header.ts';
import { coverIpv6 } from './ipv6-header.ts';

/** Octets before AH that are looked through: the longest IPv4 header, and IPv6 extension headers of any use. */
const HEADERS_MAXIMUM: u32 = 512;

/** What is put back: headers, ICV field, and the octets behind the packet. Not reentrant. */
const HEADERS: usize = memory.data(512, 16);
const ICV_FIELD: usize = memory.data(ICV_MAXIMUM, 16);

/** True when AH can stand behind these headers. Reads them only. */
export function isCoverable(headerPtr: usize, headerLength: u32): bool {
  return headerLength <= HEADERS_MAXIMUM && cover(headerPtr, headerLength, false);
}

function cover(headerPtr: usize, headerLength: u32, write: bool): bool {
  return <u32>load<u8>(headerPtr) >> 4 === 6
    ? coverIpv6(headerPtr, headerLength, write)
    : coverIpv4(headerPtr, headerLength, write);
}

/**
 * Computes the ICV of a packet, leaving it in DIGEST; the packet is afterwards as it was.
 *
 * @param headerPtr the IP header; `isCoverable` has accepted it and what is between it and AH
 * @param ahPtr     AH; with GMAC its ICV field starts with the IV
 * @param endPtr    end of the packet; 4 octets behind it must be writable
 * @param sequence  the full number
 * @constantTime but for lengths and headers, which are public
 */
export function computeAhIcv(
  slotPtr: usize,
  cipherPtr: usize,
  headerPtr: usize,
  ahPtr: usize,
  endPtr: usize,
  sequence: u64,
): void {
  const headerLength = <u32>(ahPtr - headerPtr);
  const fieldPtr = ahPtr + AH_HEADER;
  const fieldLength = icvFieldLength(slotPtr);
  const behind = load<u32>(endPtr);
  memory.copy(HEADERS, headerPtr, headerLength);
  memory.copy(ICV_FIELD, fieldPtr, fieldLength);
  cover(headerPtr, headerLength, true);
  memory.fill(fieldPtr, 0, fieldLength);
  const extended = hasFlag(slotPtr, SA_FLAG_ESN);
  if (load<u32>(slotPtr, SA_ENCRYPTION) === ENCRYPTION_AES_GMAC) {
    writeNonce(slotPtr, ICV_FIELD);
    if (extended) storeNetwork32(endPtr, <u32>(sequence >> 32));
    gmac(cipherPtr, NONCE, headerPtr, <i32>(endPtr - headerPtr) + (extended ? 4 : 0), DIGEST);
  } else {
    computeIcv(load<u32>(slotPtr, SA_INTEGRITY), cipherPtr, headerPtr, endPtr, sequence, extended);
  }
  memory.copy(headerPtr, HEADERS, headerLength);
  memory.copy(fieldPtr, ICV_FIELD, fieldLength);
  store<u32>(endPtr, behind);
}
