/**
 * Combined modes: one algorithm encrypts a text and covers it, with SPI and sequence number as additional data (RFC 4106
 * section 5, RFC 7634 section 2.1, RFC 4309 section 5). GMAC covers the IV too and leaves the text as it is (RFC 4543 section 3.3).
 */
import { ENCRYPTION_AES_CCM, ENCRYPTION_AES_GCM, ENCRYPTION_CHACHA20_POLY1305 } from '../../abi/algorithm.ts';
import { GCM_ICV_SIZE } from '../../abi/crypto-context.ts';
import { ccmOpen, ccmSeal } from '../crypto/aes-modes/ccm.ts';
import { gcmOpen, gcmSeal } from '../crypto/aes-modes/gcm.ts';
import { gmacAdd, gmacBegin, gmacEnd } from '../crypto/aes-modes/gmac.ts';
import { chachaPolyOpen, chachaPolySeal } from '../crypto/chacha20-poly1305/chacha20-poly1305.ts';
import { equal } from '../crypto/equal.ts';
import { ESP_HEADER } from '../packet/ip.ts';
import { icvLength } from './geometry.ts';
import { AAD, NONCE, writeAad, writeCcmNonce, writeNonce } from './nonce.ts';

/** Scratch; not reentrant. */
const COMPUTED_ICV: usize = memory.data(16, 16);

/** Encrypts `length` octets at `textPtr` in place and writes the ICV behind them. The IV is written. */
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
  const ivPtr = espPtr + ESP_HEADER;
  const icvPtr = textPtr + length;
  const icv = <i32>icvLength(slotPtr);
  if (encryption === ENCRYPTION_CHACHA20_POLY1305) {
    writeNonce(slotPtr, ivPtr);
    chachaPolySeal(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr);
  } else if (encryption === ENCRYPTION_AES_GCM) {
    writeNonce(slotPtr, ivPtr);
    gcmSeal(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr, icv);
  } else if (encryption === ENCRYPTION_AES_CCM) {
    writeCcmNonce(slotPtr, ivPtr);
    ccmSeal(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr, icv);
  } else {
    writeNonce(slotPtr, ivPtr);
    coverReadable(cipherPtr, aadLength, ivPtr, icvPtr, icvPtr);
  }
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
  const ivPtr = espPtr + ESP_HEADER;
  const icvPtr = textPtr + length;
  const icv = <i32>icvLength(slotPtr);
  if (encryption === ENCRYPTION_CHACHA20_POLY1305) {
    writeNonce(slotPtr, ivPtr);
    return chachaPolyOpen(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr);
  }
  if (encryption === ENCRYPTION_AES_GCM) {
    writeNonce(slotPtr, ivPtr);
    return gcmOpen(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr, icv);
  }
  if (encryption === ENCRYPTION_AES_CCM) {
    writeCcmNonce(slotPtr, ivPtr);
    return ccmOpen(cipherPtr, NONCE, AAD, aadLength, textPtr, <i32>length, icvPtr, icv);
  }
  writeNonce(slotPtr, ivPtr);
  coverReadable(cipherPtr, aadLength, ivPtr, icvPtr, COMPUTED_ICV);
  return equal(COMPUTED_ICV, icvPtr, GCM_ICV_SIZE);
}

/** RFC 4543 section 3.3: SPI, sequence number, then everything from the IV on, none of it encrypted. */
function coverReadable(cipherPtr: usize, aadLength: i32, ivPtr: usize, endPtr: usize, outPtr: usize): void {
  gmacBegin(NONCE);
  gmacAdd(cipherPtr, AAD, aadLength);
  gmacAdd(cipherPtr, ivPtr, <i32>(endPtr - ivPtr));
  gmacEnd(cipherPtr, outPtr);
}
