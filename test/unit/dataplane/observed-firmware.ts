/**
 * The firmware compiled so that every load and store of memory is told to the test (Binaryen's instrumentation; memory.copy and
 * memory.fill become loops before). It runs on a copy of an engine's memory, so it has the engine's tables and SAs. The loads
 * that spread one value over all lanes are not told; the sources use them for constants, keys and nonces alone.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MemoryLayout } from '../../../host/dataplane/memory-layout.ts';
import { writeConfiguration } from '../../../host/dataplane/memory-layout.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Compiles the sources once more; takes some seconds. */
export function compileObserved(): WebAssembly.Module {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-observed-'));
  try {
    const file = join(folder, 'firmware.wasm');
    const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
    const passes = 'llvm-memory-copy-fill-lowering,instrument-memory';
    const settings = ['--config', 'asconfig.json', '--target', 'release'];
    const outputs = ['--outFile', file, '--textFile', join(folder, 'firmware.wat')];
    execFileSync(process.execPath, [asc, ...settings, ...outputs, '--runPasses', passes], { cwd: root });
    return new WebAssembly.Module(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Told of each access before it happens: first octet, octets, whether it writes. */
export type Observer = (address: number, octets: number, writes: boolean) => void;

type Exports = Readonly<Record<string, (...parameters: number[]) => number>>;

export class ObservedFirmware {
  readonly buffer: ArrayBuffer;
  readonly memory: Uint8Array;
  readonly #exports: Exports;
  #observer: Observer | undefined;

  constructor(module: WebAssembly.Module, layout: MemoryLayout) {
    const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages });
    const told =
      (writes: boolean) =>
      (_place: number, octets: number, offset: number, address: number): number => {
        this.#observer?.((address >>> 0) + (offset >>> 0), octets, writes);
        return address;
      };
    const value = <Value>(_place: number, one: Value): Value => one;
    const types = ['i32', 'i64', 'f32', 'f64'];
    const values = types.flatMap((type) => [
      [`load_val_${type}`, value],
      [`store_val_${type}`, value],
    ]);
    const instance = new WebAssembly.Instance(module, {
      env: {
        memory,
        load_ptr: told(false),
        store_ptr: told(true),
        memory_grow_pre: value,
        memory_grow_post: value,
        ...Object.fromEntries(values),
      },
    });
    // The module exports functions of numbers alone.
    this.#exports = instance.exports as Exports;
    this.buffer = memory.buffer;
    this.memory = new Uint8Array(memory.buffer);
    writeConfiguration(memory.buffer, layout, new Uint8Array(16));
    if (this.call('configure') !== 0 || this.call('self_test') !== 0) throw new Error('not opened');
  }

  /** Takes over an engine's memory and generation. */
  become(engine: ArrayBuffer, generation: number): void {
    while (this.call('generation') < generation) this.call('commit');
    this.memory.set(new Uint8Array(engine));
  }

  call(name: string, ...parameters: number[]): number {
    return this.#exports[name]?.(...parameters) ?? -1;
  }

  /** Calls an export under observation. */
  observe(observer: Observer, name: string, ...parameters: number[]): void {
    this.#observer = observer;
    try {
      this.call(name, ...parameters);
    } finally {
      this.#observer = undefined;
    }
  }
}
