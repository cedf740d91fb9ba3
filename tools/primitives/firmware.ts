/**
 * The shipped module over a memory of its own, for programs that call its ciphers alone: tests, vectors, measurements. One
 * instance a process; who calls lays out its memory, above the module's own constants (fields.ts). No packet engine here.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HostError } from '../../host/model/host-error.ts';

const pages = 256;
/** First octet above the module's constants and scratch, which end well below. */
export const fieldsStart = 2 ** 20;

const file = fileURLToPath(new URL('../../build/firmware.wasm', import.meta.url));
/** Shared with the plain version that measurements compare with. */
export const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
const found = new WebAssembly.Instance(loadModule(), { env: { memory } }).exports;

/** The whole memory, live. */
export const octets = new Uint8Array(memory.buffer);

/**
 * The exports named in `names`, with the signatures of `Signatures`: addresses and lengths, 32-bit integers.
 *
 * @throws HostError FIRMWARE_MISSING naming the export that is not there
 */
export function firmwareExports<Signatures>(...names: readonly (keyof Signatures & string)[]): Signatures {
  for (const name of names) {
    if (typeof found[name] !== 'function') {
      throw new HostError('FIRMWARE_MISSING', `${file} does not export ${name}: run npm run build`);
    }
  }
  // The module exports numbers only; its signatures are those of firmware/assembly/crypto/primitives/.
  return found as unknown as Signatures;
}

function loadModule(): WebAssembly.Module {
  try {
    return new WebAssembly.Module(readFileSync(file));
  } catch (error) {
    throw new HostError('FIRMWARE_MISSING', `cannot load ${file}: run npm run build`, { cause: error });
  }
}
