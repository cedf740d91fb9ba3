/**
 * One instance of the firmware: compiled once per process, with memory of its own, configured and self-tested before
 * anything else may be asked of it. A trap is a bug of ours: the instance is closed for good, nothing passes any more, and
 * whoever owns it starts another and asks for every SA anew.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ABI_VERSION, CONFIGURE_OK } from '../../firmware/abi/layout.ts';
import { HostError } from '../model/host-error.ts';
import { type Capacities, layOutMemory, type MemoryLayout, writeConfiguration } from './memory-layout.ts';

/** The firmware trapped or refused what the host staged: this instance passes nothing any more. */
export class EngineLostError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineLostError';
  }
}

/** The exports of firmware/assembly/index.ts that the dataplane calls; integers of 32 bits. */
const exportNames = [
  'abi_version',
  'configure',
  'self_test',
  'run_outbound',
  'run_inbound',
  'open_bundle',
  'take_segments',
  'coalesce',
  'install_sa',
  'wipe_sa',
  'stage_bindings',
  'stage_sad',
  'staged_spd_rows',
  'stage_spd',
  'commit',
  'generation',
  'oldest_held',
  'next_arrival',
  'take_held',
  'abandon_held',
  'held_count',
] as const;

export type FirmwareExport = (typeof exportNames)[number];
type FirmwareFunction = (...parameters: number[]) => number;

export class FirmwareInstance {
  readonly layout: MemoryLayout;
  readonly buffer: ArrayBuffer;
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly #functions: Readonly<Record<FirmwareExport, FirmwareFunction>>;
  #lost: EngineLostError | undefined;

  /**
   * Instantiates, configures and tests the firmware.
   *
   * @param flowKey 16 random octets
   * @throws HostError FIRMWARE_MISSING, FIRMWARE_SELF_TEST, CAPACITY
   */
  constructor(capacities: Capacities, flowKey: Uint8Array, file: string = defaultFile) {
    this.layout = layOutMemory(capacities);
    const module = loadModule(file);
    const memory = new WebAssembly.Memory({ initial: this.layout.pages, maximum: this.layout.pages });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    this.buffer = memory.buffer;
    this.octets = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.#functions = bindExports(instance.exports, file);
    if (this.call('abi_version') !== ABI_VERSION) {
      throw new HostError('FIRMWARE_MISSING', `${file} has another ABI than this host: run npm run build`);
    }
    writeConfiguration(memory.buffer, this.layout, flowKey);
    const problem = this.call('configure');
    if (problem !== CONFIGURE_OK) {
      throw new HostError('CAPACITY', `the firmware refused its memory layout (problem ${problem})`);
    }
    const failed = this.call('self_test');
    if (failed !== 0) {
      throw new HostError('FIRMWARE_SELF_TEST', `known-answer test ${failed} of the ciphers failed`);
    }
  }

  /** Why the instance is closed, or undefined. */
  get lost(): EngineLostError | undefined {
    return this.#lost;
  }

  /** Calls an export. Throws EngineLostError if it traps, and from then on always. */
  call(name: FirmwareExport, a = 0, b = 0, c = 0, d = 0): number {
    if (this.#lost !== undefined) throw this.#lost;
    try {
      return this.#functions[name](a, b, c, d) >>> 0;
    } catch (error) {
      throw this.close(`the firmware trapped in ${name}`, { cause: error });
    }
  }

  /** Closes the instance for good and wipes its memory, keys included. Returns the error to throw. */
  close(reason: string, options?: ErrorOptions): EngineLostError {
    if (this.#lost === undefined) {
      this.#lost = new EngineLostError(reason, options);
      this.octets.fill(0);
    }
    return this.#lost;
  }
}

const defaultFile = fileURLToPath(new URL('../../build/firmware.wasm', import.meta.url));
const modules = new Map<string, WebAssembly.Module>();

function loadModule(file: string): WebAssembly.Module {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(readFirmware(file));
  modules.set(file, module);
  return module;
}

function readFirmware(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new HostError('FIRMWARE_MISSING', `cannot read ${file}: run npm run build`, { cause: error });
  }
}

function bindExports(
  found: Record<string, unknown>,
  file: string,
): Readonly<Record<FirmwareExport, FirmwareFunction>> {
  const bound: Partial<Record<FirmwareExport, FirmwareFunction>> = {};
  for (const name of exportNames) {
    const value = found[name];
    if (typeof value !== 'function') {
      throw new HostError('FIRMWARE_MISSING', `${file} does not export ${name}: run npm run build`);
    }
    // A WebAssembly export is typed as Function; its parameters are the 32-bit integers of index.ts.
    bound[name] = value as FirmwareFunction;
  }
  return bound as Record<FirmwareExport, FirmwareFunction>;
}
