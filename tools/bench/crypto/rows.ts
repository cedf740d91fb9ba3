/**
 * The rows of the cipher bench: every cipher, MAC and hash of the registry, for a batch of packets of an Ethernet's size, and those
 * that a packet alone can have for a short one too. AES-ECB is left out: it is there for vectors, and no packet is encrypted so.
 */
import type { BlockModeName, Direction, HashName, MacName, Method, Row } from './row.ts';

const batch = 32;
const long = 1400;
const short = 64;
const bothWays: readonly Direction[] = ['encrypt', 'decrypt'];

const aeads: readonly [name: string, method: Method, target?: number][] = [
  ['ChaCha20-Poly1305', { kind: 'aead', algorithm: 'ChaCha20-Poly1305', keyOctets: 32 }, 2.9],
  ['AES-128-GCM', { kind: 'aead', algorithm: 'AES-GCM', keyOctets: 16 }, 2.7],
  ['AES-256-GCM', { kind: 'aead', algorithm: 'AES-GCM', keyOctets: 32 }, 2.3],
  ['AES-128-CCM', { kind: 'aead', algorithm: 'AES-CCM', keyOctets: 16 }],
  ['AES-256-CCM', { kind: 'aead', algorithm: 'AES-CCM', keyOctets: 32 }],
  ['AES-128-CBC + HMAC-SHA-256', { kind: 'cbc-hmac', keyOctets: 16, mac: 'HMAC-SHA-256' }, 3],
  ['AES-128-CBC + HMAC-SHA-1', { kind: 'cbc-hmac', keyOctets: 16, mac: 'HMAC-SHA-1' }],
];

const blockModes: readonly [
  name: string,
  algorithm: BlockModeName,
  keyOctets: number,
  blockOctets: number,
][] = [
  ['AES-128-CBC', 'AES-CBC', 16, 16],
  ['AES-256-CBC', 'AES-CBC', 32, 16],
  ['AES-128-CTR', 'AES-CTR', 16, 1],
  ['AES-256-CTR', 'AES-CTR', 32, 1],
  ['3DES-CBC', '3DES-CBC', 24, 8],
  ['DES-CBC', 'DES-CBC', 8, 8],
];

/** Keys as long as the digest, as ESP has them. */
const macs: readonly [algorithm: MacName, keyOctets: number][] = [
  ['HMAC-MD5', 16],
  ['HMAC-SHA-1', 20],
  ['HMAC-SHA-256', 32],
  ['HMAC-SHA-384', 48],
  ['HMAC-SHA-512', 64],
  ['AES-CMAC', 16],
];

const hashes: readonly HashName[] = ['MD5', 'SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];

/** ESP pads a text to whole blocks. */
function padded(octets: number, blockOctets: number): number {
  return Math.ceil(octets / blockOctets) * blockOctets;
}

function aeadRows([name, method, target]: (typeof aeads)[number]): Row[] {
  const blockOctets = method.kind === 'cbc-hmac' ? 16 : 1;
  const octets = padded(long, blockOctets);
  return [
    ...bothWays.map((direction) => ({
      name,
      method,
      direction,
      batch,
      octets,
      ...(target === undefined ? {} : { target }),
    })),
    ...bothWays.map((direction) => ({ name, method, direction, batch: 1, octets: short })),
  ];
}

function blockModeRows([name, algorithm, keyOctets, blockOctets]: (typeof blockModes)[number]): Row[] {
  const method: Method = { kind: 'block-mode', algorithm, keyOctets, lanes: false };
  const octets = padded(long, blockOctets);
  const alone = bothWays.map((direction): Row => ({ name, method, direction, batch, octets }));
  if (algorithm !== 'AES-CBC') return alone;
  const lanes: Method = { ...method, lanes: true };
  return [...alone, { name: `${name} x8`, method: lanes, direction: 'encrypt', batch, octets }];
}

function macRows([algorithm, keyOctets]: (typeof macs)[number]): Row[] {
  const row = (name: string, lanes: boolean): Row => ({
    name,
    method: { kind: 'mac', algorithm, keyOctets, lanes },
    direction: 'compute',
    batch,
    octets: long,
  });
  const name = algorithm === 'AES-CMAC' ? 'AES-128-CMAC' : algorithm;
  const inLanes = algorithm === 'HMAC-SHA-1' || algorithm === 'HMAC-SHA-256';
  return inLanes ? [row(name, false), row(`${name} x8`, true)] : [row(name, false)];
}

export const rows: readonly Row[] = [
  ...aeads.flatMap(aeadRows),
  ...blockModes.flatMap(blockModeRows),
  ...macs.flatMap(macRows),
  ...[16, 32].map((keyOctets): Row => {
    const method: Method = { kind: 'nonce-mac', algorithm: 'AES-GMAC', keyOctets };
    return { name: `AES-${keyOctets * 8}-GMAC`, method, direction: 'compute', batch, octets: long };
  }),
  ...hashes.map((algorithm): Row => {
    return {
      name: algorithm,
      method: { kind: 'hash', algorithm },
      direction: 'compute',
      batch,
      octets: long,
    };
  }),
];
