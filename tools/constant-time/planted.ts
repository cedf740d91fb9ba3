/**
 * The planted leaks as subjects: compiles `planted/leaks.ts` as the firmware is compiled, so that the same instrument meets the
 * same kind of code. Decides nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stretch, type Subject } from './subject.ts';

interface PlantedExports {
  early_exit_equal(a: number, b: number, length: number): number;
  early_exit_padding(end: number): number;
  bitwise_ghash(h: number, block: number): void;
  table_ghash(tables: number, block: number): void;
  square_and_multiply(exponent: number): void;
}

const sources = fileURLToPath(new URL('planted', import.meta.url));
const compiler = fileURLToPath(new URL('../../node_modules/assemblyscript/bin/asc.js', import.meta.url));
/** Above the module's own memory, which is empty; and behind all inputs, tables of products, whose contents do not matter. */
const start = 1024;
const tables = 65_536;
const pages = 2;

/** Takes a second or two: compiles. */
export function plantedSubjects(): Subject[] {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(compile(), { env: { memory } });
  // The module exports numbers only; its signatures are those of planted/leaks.ts.
  const leaks = exports as unknown as PlantedExports;
  const octets = new Uint8Array(memory.buffer);
  return [earlyExitEqual, earlyExitPadding, bitwiseGhash, tableGhash, squareAndMultiply].map((plant) =>
    plant(leaks, octets),
  );
}

function compile(): WebAssembly.Module {
  const folder = mkdtempSync(join(tmpdir(), 'planted-leaks-'));
  try {
    const file = join(folder, 'leaks.wasm');
    const options =
      '--runtime stub --importMemory --zeroFilledMemory --optimizeLevel 3 --enable simd --use abort= --noColors';
    // Where the sources are: beside asconfig.json the compiler would take the firmware in too.
    execFileSync(process.execPath, [compiler, 'leaks.ts', '--outFile', file, ...options.split(' ')], {
      cwd: sources,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return new WebAssembly.Module(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function earlyExitEqual(leaks: PlantedExports, memory: Uint8Array): Subject {
  const stretch = new Stretch(start);
  const [received, computed] = [stretch.part(16), stretch.part(16)];
  return {
    name: 'planted: comparison that ends early',
    classes: ['first octet differs', 'last octet differs'],
    memory,
    stretch,
    calls: 32,
    prepare(second) {
      memory.copyWithin(computed, received, received + 16);
      const octet = computed + (second ? 15 : 0);
      memory[octet] = (memory[octet] ?? 0) ^ 1;
    },
    call: () => leaks.early_exit_equal(received, computed, 16),
  };
}

function earlyExitPadding(leaks: PlantedExports, memory: Uint8Array): Subject {
  const stretch = new Stretch(start);
  const padLength = 30;
  const padding = stretch.part(padLength + 2);
  return {
    name: 'planted: padding check that ends early',
    classes: ['first octet wrong', 'last octet wrong'],
    memory,
    stretch,
    calls: 32,
    prepare(second) {
      for (let index = 0; index < padLength; index++) memory[padding + index] = index + 1;
      memory[padding + padLength] = padLength;
      memory[padding + (second ? padLength - 1 : 0)] = 0;
    },
    call: () => leaks.early_exit_padding(padding + padLength + 2),
  };
}

function bitwiseGhash(leaks: PlantedExports, memory: Uint8Array): Subject {
  const stretch = new Stretch(start);
  const [h, block] = [stretch.part(16), stretch.part(16)];
  return {
    name: 'planted: GHASH that skips zeros',
    classes: ['H and block zero', 'random'],
    memory,
    stretch,
    calls: 4,
    prepare(second) {
      if (!second) memory.fill(0, h, block + 16);
    },
    call: () => leaks.bitwise_ghash(h, block),
  };
}

function tableGhash(leaks: PlantedExports, memory: Uint8Array): Subject {
  const stretch = new Stretch(start);
  const [block, product] = [stretch.part(16), stretch.part(16)];
  return {
    name: 'planted: GHASH by tables of 64 KiB',
    classes: ['block zero', 'random'],
    memory,
    stretch,
    calls: 4,
    prepare(second) {
      if (!second) memory.fill(0, block, product);
    },
    call: () => leaks.table_ghash(tables, block),
  };
}

function squareAndMultiply(leaks: PlantedExports, memory: Uint8Array): Subject {
  const stretch = new Stretch(start);
  const exponent = stretch.part(16);
  return {
    name: 'planted: power that branches on key bits',
    classes: ['exponent zero', 'random'],
    memory,
    stretch,
    calls: 4,
    prepare(second) {
      if (!second) memory.fill(0, exponent, exponent + 8);
    },
    call: () => leaks.square_and_multiply(exponent),
  };
}
