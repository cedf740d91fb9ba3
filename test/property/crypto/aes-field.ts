/**
 * Derives the firmware's AES tables from the field arithmetic alone: the slow, obvious model for `aes-tables.ts`.
 *
 * GF(2^8) is seen as GF(2^4) in a normal basis: x = i*alpha + j*beta with i, j in the subfield of 16 elements and
 * beta = alpha^16. A register holds i in the high and k = i + j in the low nibble of each byte. With
 * a = (alpha^2 + beta^2) / (alpha * beta) and N = k^2 + a*i*j (the norm of x over alpha*beta),
 *   io = 1/(1/i + a/k) + j = N / (k + a*i)      jo = 1/(1/j + a/k) + i = N / (k + a*j)
 * so 1/io and 1/jo are two linearly independent combinations of i/N and j/N, and 1/x is linear in both: each output
 * of the S-box, times any constant, through any basis, is one 16-entry table of io plus one of jo.
 * M. Hamburg, "Accelerating AES with Vector Permute Instructions", CHES 2009. Does no AES itself.
 */

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (FIPS 197 §4.2). */
export function multiply(x: number, y: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    if ((y >> bit) & 1) product ^= x << bit;
  }
  for (let bit = 14; bit >= 8; bit--) {
    if ((product >> bit) & 1) product ^= 0x11b << (bit - 8);
  }
  return product;
}

export function power(x: number, exponent: number): number {
  let result = 1;
  for (let n = 0; n < exponent; n++) result = multiply(result, x);
  return result;
}

/** 1/x, and 0 for 0, as FIPS 197 §5.1.1 wants it. */
export function inverse(x: number): number {
  return power(x, 254);
}

function rotateLeft8(x: number, count: number): number {
  return ((x << count) | (x >> (8 - count))) & 0xff;
}

/** The linear part of the S-box's affine map (FIPS 197 §5.1.1), without the constant 0x63. */
export function affineLinear(x: number): number {
  return x ^ rotateLeft8(x, 1) ^ rotateLeft8(x, 2) ^ rotateLeft8(x, 3) ^ rotateLeft8(x, 4);
}

/** Its inverse (FIPS 197 §5.3.2), without the constant 0x05. */
export function affineLinearInverse(x: number): number {
  return rotateLeft8(x, 1) ^ rotateLeft8(x, 3) ^ rotateLeft8(x, 6);
}

export function sbox(x: number): number {
  return affineLinear(inverse(x)) ^ 0x63;
}

/** Index 0x80: a swizzle answers 0, which is 1/infinity. */
const INFINITY = 0x80;

/** The smallest generator of the subfield's multiplicative group gives its basis 1, g, g^2, g^3. */
const generator = smallest((x) => x > 1 && power(x, 15) === 1 && power(x, 5) !== 1 && power(x, 3) !== 1);
const alpha = smallest((x) => power(x, 16) !== x);
const beta = power(alpha, 16);
const ratio = multiply(multiply(alpha, alpha) ^ multiply(beta, beta), inverse(multiply(alpha, beta)));

function smallest(accepts: (x: number) => boolean): number {
  for (let x = 1; x < 256; x++) if (accepts(x)) return x;
  throw new Error('no such field element');
}

function smallestOrZero(accepts: (x: number) => boolean): number {
  return accepts(0) ? 0 : smallest(accepts);
}

/** The subfield element that a nibble stands for. */
function element(nibble: number): number {
  let sum = 0;
  for (let bit = 0; bit < 4; bit++) if ((nibble >> bit) & 1) sum ^= power(generator, bit);
  return sum;
}

const nibbleOf = new Map(Array.from({ length: 16 }, (_, nibble) => [element(nibble), nibble]));

function nibble(x: number): number {
  const found = nibbleOf.get(x);
  if (found === undefined) throw new Error(`${x} is not in the subfield`);
  return found;
}

/** Field element to register byte: i in the high nibble, i + j in the low one. Linear. */
export function toRegister(x: number): number {
  for (let i = 0; i < 16; i++) {
    for (let j = 0; j < 16; j++) {
      if ((multiply(element(i), alpha) ^ multiply(element(j), beta)) === x) return (i << 4) | (i ^ j);
    }
  }
  throw new Error('alpha and beta are not a basis');
}

/** 1/x = weightIo * (1/io) + weightJo * (1/jo), solved for the two weights by trying them all on every x. */
const [weightIo, weightJo] = outputWeights();

function outputWeights(): [number, number] {
  // From 1/x = (i*beta + j*alpha) / (alpha*beta*N): (1+a)u + t = 1/alpha and u + (1+a)t = 1/beta.
  const onePlus = 1 ^ ratio;
  const scale = inverse(multiply(ratio, ratio));
  const u = multiply(scale, multiply(onePlus, inverse(alpha)) ^ inverse(beta));
  const t = multiply(scale, multiply(onePlus, inverse(beta)) ^ inverse(alpha));
  return [u, t];
}

/** The two tables that read a linear function of 1/x out of io and jo. */
function outputTables(linear: (x: number) => number): number[][] {
  return [weightIo, weightJo].map((weight) =>
    Array.from({ length: 16 }, (_, n) => linear(multiply(weight, inverse(element(n))))),
  );
}

/** The two tables that bring a byte into the register's basis, by low and high nibble. */
function inputTables(linear: (x: number) => number): number[][] {
  return [0, 4].map((shift) => Array.from({ length: 16 }, (_, n) => linear(n << shift)));
}

const encryptIn = (x: number): number => toRegister(x);
// The decrypting state is kept behind the inverse affine map, so that the inversion is the next step.
const decryptIn = (x: number): number => toRegister(affineLinearInverse(x));
const fromDecryptIn = (register: number): number => smallestOrZero((x) => decryptIn(x) === register);

/** Every table of `firmware/assembly/crypto/aes/tables.ts`, by name, in the order they lie in memory. */
export const aesTables: Record<string, number[]> = Object.fromEntries([
  ['INVERSE', Array.from({ length: 16 }, (_, n) => (n === 0 ? INFINITY : nibble(inverse(element(n)))))],
  [
    'INVERSE_TIMES_A',
    Array.from({ length: 16 }, (_, n) => (n === 0 ? INFINITY : nibble(multiply(ratio, inverse(element(n)))))),
  ],
  ...named('ENCRYPT_IN', ['LOW', 'HIGH'], inputTables(encryptIn)),
  ...[1, 2, 3].flatMap((m) =>
    named(
      `ENCRYPT_${m}`,
      ['IO', 'JO'],
      outputTables((x) => encryptIn(multiply(m, affineLinear(x)))),
    ),
  ),
  ...named('ENCRYPT_OUT', ['IO', 'JO'], outputTables(affineLinear)),
  ...named('DECRYPT_IN', ['LOW', 'HIGH'], inputTables(decryptIn)),
  ...[2, 3].flatMap((m) =>
    named(
      `DECRYPT_${m}`,
      ['IO', 'JO'],
      outputTables((x) => decryptIn(multiply(m, x))),
    ),
  ),
  ...named(
    'DECRYPT_5',
    ['LOW', 'HIGH'],
    inputTables((x) => decryptIn(multiply(5, fromDecryptIn(x)))),
  ),
  ...named(
    'DECRYPT_OUT',
    ['IO', 'JO'],
    outputTables((x) => x),
  ),
]);

function named(prefix: string, suffixes: string[], tables: number[][]): [string, number[]][] {
  return tables.map((table, index) => [`${prefix}_${suffixes[index]}`, table]);
}
