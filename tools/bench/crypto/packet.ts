/** What contestants of the cipher bench work on. Data only. */

/** All of a row that a key holds for. */
export interface Workload {
  readonly key: Uint8Array;
  /** Of the MAC beside an encryption. */
  readonly macKey: Uint8Array;
  readonly packets: readonly Packet[];
}

/** To be decrypted, `text` is the ciphertext and `icv` belongs to it; otherwise `icv` is empty. */
export interface Packet {
  readonly nonce: Uint8Array;
  /** SPI and sequence number. */
  readonly aad: Uint8Array;
  readonly text: Uint8Array;
  readonly icv: Uint8Array;
}
