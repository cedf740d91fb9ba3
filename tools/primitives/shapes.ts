/**
 * The shapes that the firmware's ciphers have in common, so that one program can run them all. Functions take addresses and
 * lengths in octets, as the module's exports do; a context is set up from a key once and read by every call after.
 */

/** Key lengths in octets that `setup` takes; 'any' where the algorithm has no list. */
export type KeyOctets = readonly number[] | 'any';

interface Keyed {
  /** As the registry finds it. */
  readonly name: string;
  readonly keyOctets: KeyOctets;
  readonly contextOctets: number;
  readonly setup: (context: number, key: number, keyLength: number) => void;
}

/** Seals a text in place and writes its ICV; `open` undoes it, or returns 0 and leaves the text alone. */
export interface Aead extends Keyed {
  readonly kind: 'aead';
  readonly nonceOctets: number;
  /** Lengths of the ICV that `open` takes. */
  readonly icvOctets: readonly number[];
  /** A shorter ICV is the beginning of the longest. */
  readonly icvTruncates: boolean;
  readonly seal: (
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
    icvLength: number,
  ) => void;
  readonly open: (
    context: number,
    nonce: number,
    aad: number,
    aadLength: number,
    text: number,
    textLength: number,
    icv: number,
    icvLength: number,
  ) => number;
}

/** Encrypts and decrypts a text in place, without padding and without integrity. */
export interface BlockMode extends Keyed {
  readonly kind: 'block-mode';
  /** 0 for a mode without an IV. */
  readonly ivOctets: number;
  /** What a text's length is a multiple of. */
  readonly blockOctets: number;
  readonly encrypt: (context: number, iv: number, text: number, textLength: number) => void;
  readonly decrypt: (context: number, iv: number, text: number, textLength: number) => void;
}

/** Writes the whole MAC of a message; protocols take the beginning of it. */
export interface Mac extends Keyed {
  readonly kind: 'mac';
  readonly macOctets: number;
  readonly compute: (context: number, message: number, length: number, out: number) => void;
}

/** A MAC that needs a nonce, used once under a key. */
export interface NonceMac extends Keyed {
  readonly kind: 'nonce-mac';
  readonly nonceOctets: number;
  readonly macOctets: number;
  readonly compute: (context: number, nonce: number, message: number, length: number, out: number) => void;
}

export interface Hash {
  readonly kind: 'hash';
  readonly name: string;
  readonly digestOctets: number;
  readonly digest: (message: number, length: number, out: number) => void;
}

/** Those that are set up from a key. */
export type KeyedPrimitive = Aead | BlockMode | Mac | NonceMac;

export type Primitive = KeyedPrimitive | Hash;
