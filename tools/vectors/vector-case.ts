/** Test vectors in one form, whatever file they came from. Octets are as the file has them; nothing is run here. */

/** `acceptable`: may be refused, but if it is accepted the result must be the right one (Wycheproof). */
export type Expectation = 'valid' | 'invalid' | 'acceptable';

interface CaseHead {
  /** As the file numbers it, such as "tcId 12". */
  readonly id: string;
  readonly comment: string;
  readonly expectation: Expectation;
}

export interface AeadCase extends CaseHead {
  readonly kind: 'aead';
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  /** Undefined where a file of cases to be opened leaves it out of one that must be refused. */
  readonly text: Uint8Array | undefined;
  readonly sealed: Uint8Array;
  readonly icv: Uint8Array;
  readonly directions: 'both' | 'seal' | 'open';
}

export interface BlockModeCase extends CaseHead {
  readonly kind: 'block-mode';
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly text: Uint8Array;
  readonly encrypted: Uint8Array;
  /** How the file pads the text before encryption. */
  readonly padding: 'none' | 'pkcs5';
}

export interface MacCase extends CaseHead {
  readonly kind: 'mac';
  readonly key: Uint8Array;
  readonly message: Uint8Array;
  readonly mac: Uint8Array;
}

/** The MAC of a message under a key and a nonce. */
export interface NonceMacCase extends CaseHead {
  readonly kind: 'nonce-mac';
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly message: Uint8Array;
  readonly mac: Uint8Array;
}

export interface HashCase extends CaseHead {
  readonly kind: 'hash';
  readonly message: Uint8Array;
  readonly digest: Uint8Array;
}

export type VectorCase = AeadCase | BlockModeCase | MacCase | NonceMacCase | HashCase;

/** Cases that a file keeps together. */
export interface VectorGroup {
  readonly name: string;
  /** Name in tools/primitives/registry.ts; a name that is not there is a reason to skip. */
  readonly algorithm: string;
  readonly cases: readonly VectorCase[];
  /** Why none of its cases can be read, although the file is sound. */
  readonly unsupported?: string;
  /** With `unsupported`: how many cases there are, where the file's form tells. */
  readonly count?: number;
}

/** The file cannot be used: `message` names it, the field, and what was expected there. */
export class VectorFileError extends Error {
  constructor(file: string, where: string, expected: string, found: string) {
    super(`${file}: ${where === '' ? '' : `${where}: `}expected ${expected}, found ${found}`);
    this.name = 'VectorFileError';
  }
}

/** Octets of hexadecimal digits; undefined if they are none. */
export function octetsOfHex(digits: string): Uint8Array | undefined {
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return undefined;
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}
