/** The two WebAssembly modules under one interface: the shipped firmware, and the plain scalar version of it. */
import { aesCbcEncryptLanes } from '../../primitives/aes-cbc.ts';
import { memory } from '../../primitives/firmware.ts';
import { hmacSha1Lanes, hmacSha256Lanes } from '../../primitives/hmac.ts';
import { registry } from '../../primitives/registry.ts';
import type { Aead, Mac, Primitive } from '../../primitives/shapes.ts';
import { buildScalar } from '../scalar/build.ts';

export interface Engine {
  readonly find: (algorithm: string) => Primitive | undefined;
  /** Encrypts up to eight texts side by side; not there in an engine that takes one at a time. */
  readonly cbcLanes?: (jobs: number, count: number) => void;
  /** Computes up to eight MACs side by side, where the engine does that. */
  readonly hmacLanes?: (algorithm: string) => ((jobs: number, count: number) => void) | undefined;
}

export const firmwareEngine: Engine = {
  find: (algorithm) => registry.get(algorithm),
  cbcLanes: aesCbcEncryptLanes,
  hmacLanes: (algorithm) =>
    algorithm === 'HMAC-SHA-1' ? hmacSha1Lanes : algorithm === 'HMAC-SHA-256' ? hmacSha256Lanes : undefined,
};

/** As tools/bench/scalar/assembly exports them. */
interface ScalarExports {
  aesExpand(key: number, keyLength: number, context: number): void;
  cbcSetup(context: number, key: number, keyLength: number): void;
  cbcEncrypt(context: number, iv: number, text: number, textLength: number): void;
  cbcDecrypt(context: number, iv: number, text: number, textLength: number): void;
  ctrEncrypt(context: number, nonce: number, text: number, textLength: number): void;
  ccmSeal: Aead['seal'];
  ccmOpen: Aead['open'];
  gcmSetup(context: number, key: number, keyLength: number): void;
  gcmSeal: Aead['seal'];
  gcmOpen: Aead['open'];
  gmac(context: number, nonce: number, message: number, length: number, out: number): void;
  cmacSetup(context: number, key: number, keyLength: number): void;
  cmac: Mac['compute'];
  chachaPolySetup(context: number, key: number): void;
  chachaPolySeal: Aead['seal'];
  chachaPolyOpen: Aead['open'];
  desSetup(context: number, key: number, keyLength: number): void;
  desCbcEncrypt(context: number, iv: number, text: number, textLength: number): void;
  desCbcDecrypt(context: number, iv: number, text: number, textLength: number): void;
  hash(digestSize: number, message: number, length: number, out: number): void;
  hmacSetup(digestSize: number, context: number, key: number, keyLength: number): void;
  hmac(digestSize: number, context: number, message: number, length: number, out: number): void;
}

/**
 * The scalar module over the firmware's memory. It has no MD5: the firmware's own is scalar. Its sizes of contexts
 * are at most those of the firmware but for HMAC, which has 64 octets for each value.
 */
export function scalarEngine(): Engine {
  // Its exports are those of the sources beside it.
  const scalar = new WebAssembly.Instance(buildScalar(), { env: { memory } })
    .exports as unknown as ScalarExports;
  const expand = (context: number, key: number, keyLength: number) =>
    scalar.aesExpand(key, keyLength, context);
  const found = new Map<string, Primitive>();
  const like = <Kind extends Primitive['kind']>(
    algorithm: string,
    kind: Kind,
    functions: Partial<Extract<Primitive, { kind: Kind }>>,
  ): void => {
    const ours = registry.get(algorithm);
    if (ours?.kind !== kind) throw new Error(`expected a ${kind} called ${algorithm} in the registry`);
    found.set(algorithm, { ...ours, ...functions });
  };
  const { cbcSetup, cbcEncrypt, cbcDecrypt, ctrEncrypt, gcmSetup, cmacSetup } = scalar;
  like('AES-CBC', 'block-mode', { setup: cbcSetup, encrypt: cbcEncrypt, decrypt: cbcDecrypt });
  const des = { setup: scalar.desSetup, encrypt: scalar.desCbcEncrypt, decrypt: scalar.desCbcDecrypt };
  like('DES-CBC', 'block-mode', des);
  like('3DES-CBC', 'block-mode', des);
  like('AES-CTR', 'block-mode', { setup: expand, encrypt: ctrEncrypt, decrypt: ctrEncrypt });
  like('AES-CCM', 'aead', { setup: expand, seal: scalar.ccmSeal, open: scalar.ccmOpen });
  like('AES-GCM', 'aead', { setup: gcmSetup, seal: scalar.gcmSeal, open: scalar.gcmOpen });
  like('AES-GMAC', 'nonce-mac', { setup: gcmSetup, compute: scalar.gmac });
  like('AES-CMAC', 'mac', { setup: cmacSetup, compute: scalar.cmac });
  like('ChaCha20-Poly1305', 'aead', {
    setup: scalar.chachaPolySetup,
    seal: scalar.chachaPolySeal,
    open: scalar.chachaPolyOpen,
  });
  for (const [name, size] of [
    ['SHA-1', 20],
    ['SHA-256', 32],
    ['SHA-384', 48],
    ['SHA-512', 64],
  ] as const) {
    like(name, 'hash', {
      digest: (message: number, length: number, out: number) => scalar.hash(size, message, length, out),
    });
    like(`HMAC-${name}`, 'mac', {
      contextOctets: 128,
      setup: (context: number, key: number, keyLength: number) =>
        scalar.hmacSetup(size, context, key, keyLength),
      compute: (context: number, message: number, length: number, out: number) =>
        scalar.hmac(size, context, message, length, out),
    });
  }
  return { find: (algorithm) => found.get(algorithm) };
}
