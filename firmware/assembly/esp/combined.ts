/**
 * Combined modes: one algorithm encrypts a text and covers it, with SPI and sequence number as additional data (RFC 4106
 * section 5, RFC 7634 section 2.1). Their IV is the sequence number, which never repeats under a key (RFC 4106 section 3.1).
 */
import { COMBINED_ICV_LENGTH, ENCRYPTION_AES_GCM } from '../../abi/algorithm.ts';
import { SA_SALT } from '../../abi/sa-slot.ts';
import { gcmOpen, gcmSeal } from '../crypto/aes-modes/gcm.ts';
import { chachaPolyOpen, chachaPolySeal } from '../crypto/chacha20-poly1305/chacha20-poly1305.ts';
import { ESP_HEADER, ESP_SEQUENCE } from '../packet/ip.ts';

/** Filled for each packet; not reentrant. */
const NONCE: usize = memory.data(16, 16);
const AAD: usize = memory.data(16, 16);

export function writeCounterIv(ivPtr: usize, sequence: u64): void {
  store<u64>(ivPtr, bswap<u64>(sequence));
}

/** Encrypts `length` octets at `textPtr` in place and writes the ICV behind them. */
export function sealCombined(
  slotPtr: usize,
  encryption: u32,
  cipherPtr: usize,
  espPtr: usize,
  textPtr: usize,
  length: u32,
  sequence: u64,
  extended: bool,
): void {
  const aadLength = writeAad(espPtr, sequence, extended);
  writeNonce(slotPtr, espPtr + ESP_HEADER);
  const icvPtr = textPtr + length;
  if (encryption === ENCRYPTION_AES_GCM)
    gcmSeal(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr, COMBINED_ICV_LENGTH);
  else chachaPolySeal(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr);
}

/** Verifies the ICV behind `length` octets at `textPtr` and decrypts them in place. Returns false, and leaves them, if it is wrong. */
export function openCombined(
  slotPtr: usize,
  encryption: u32,
  cipherPtr: usize,
  espPtr: usize,
  textPtr: usize,
  length: u32,
  sequence: u64,
  extended: bool,
): bool {
  const aadLength = writeAad(espPtr, sequence, extended);
  writeNonce(slotPtr, espPtr + ESP_HEADER);
  const icvPtr = textPtr + length;
  return encryption === ENCRYPTION_AES_GCM
    ? gcmOpen(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr, COMBINED_ICV_LENGTH)
    : chachaPolyOpen(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr);
}

/** SPI and sequence number, the extended one in 64 bits. Returns the octets of both. */
function writeAad(espPtr: usize, sequence: u64, extended: bool): i32 {
  store<u32>(AAD, load<u32>(espPtr));
  if (!extended) {
    store<u32>(AAD, load<u32>(espPtr + ESP_SEQUENCE), 4);
    return 8;
  }
  store<u64>(AAD + 4, bswap<u64>(sequence));
  return 12;
}

/** RFC 4106 section 4, RFC 7634 section 2: salt, then the IV. */
function writeNonce(slotPtr: usize, ivPtr: usize): void {
  store<u32>(NONCE, load<u32>(slotPtr, SA_SALT));
  store<u64>(NONCE, load<u64>(ivPtr), 4);
}
