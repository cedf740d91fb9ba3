/** Reading programs of any processor: what this machine's dynamic linker says of the running Node is the answer to agree with. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { interpreterOf, isElf, namedLibraries, stripped } from '../../../../tools/image/elf.ts';

const node = readFileSync(process.execPath);

it('finds the libraries that the dynamic linker finds', () => {
  const said = execFileSync('ldd', [process.execPath], { encoding: 'utf8' });
  const expected = [...said.matchAll(/^\s+(\S+)(?: =>.*)? \(0x/gm)]
    .map(([, name = '']) => basename(name))
    .filter((name) => !name.startsWith('linux-vdso'));
  expect(expected.length).toBeGreaterThan(3);
  const interpreter = interpreterOf(node);
  expect(said).toContain(`\t${interpreter} (0x`);
  expect(new Set([basename(interpreter ?? ''), ...namedLibraries(node)])).toEqual(new Set(expected));
});

it('cuts off what is not loaded, and leaves the rest readable', () => {
  const short = stripped(node);
  expect(short.length).toBeLessThan(node.length);
  expect(namedLibraries(short)).toEqual(namedLibraries(node));
  // No section table is pointed to any more.
  expect(short.readBigUInt64LE(40)).toBe(0n);
});

it('knows what is no program', () => {
  expect(isElf(Buffer.from('#!/bin/sh\n'.padEnd(100)))).toBe(false);
  expect(() => namedLibraries(Buffer.alloc(100))).toThrow('expected a 64-bit little-endian ELF file');
});
