/** What a row of the cipher bench is: which algorithm, which way, how many packets of how many octets. Data only. */

export type Direction = 'encrypt' | 'decrypt' | 'compute';

/** Names are those of tools/primitives/registry.ts. */
export type Method =
  | {
      readonly kind: 'aead';
      readonly algorithm: 'ChaCha20-Poly1305' | 'AES-GCM' | 'AES-CCM';
      readonly keyOctets: number;
    }
  | {
      readonly kind: 'block-mode';
      readonly algorithm: BlockModeName;
      readonly keyOctets: number;
      readonly lanes: boolean;
    }
  | { readonly kind: 'mac'; readonly algorithm: MacName; readonly keyOctets: number; readonly lanes: boolean }
  | { readonly kind: 'nonce-mac'; readonly algorithm: 'AES-GMAC'; readonly keyOctets: number }
  | { readonly kind: 'hash'; readonly algorithm: HashName }
  /** Encrypt, then MAC; where there are several packets, side by side. */
  | { readonly kind: 'cbc-hmac'; readonly keyOctets: number; readonly mac: 'HMAC-SHA-1' | 'HMAC-SHA-256' };

export type BlockModeName = 'AES-CBC' | 'AES-CTR' | '3DES-CBC' | 'DES-CBC';
export type HashName = 'MD5' | 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
export type MacName = `HMAC-${HashName}` | 'AES-CMAC';

export interface Row {
  readonly name: string;
  readonly method: Method;
  readonly direction: Direction;
  /** Packets that are there at once. */
  readonly batch: number;
  /** Of each packet's text; the mean where lengths differ. */
  readonly octets: number;
  /** Of the texts in turn, where they differ. */
  readonly lengths?: readonly number[];
  /** The least ratio to node:crypto without AES instructions that is aimed at. */
  readonly target?: number;
}

/** "AES-128-GCM decrypt, 32 x 1400 octets": names the row in messages, and finds it in another process. */
export function titleOf({ name, direction, batch, octets }: Row): string {
  return `${name} ${direction}, ${batch} x ${octets} octets`;
}
