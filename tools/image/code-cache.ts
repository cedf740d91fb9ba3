/**
 * V8's code cache of the router's code, made by the image's own Node: V8 takes it from the same version for the same processor
 * alone. Images are built on amd64 (docs/image.md): an Arm image's Node is run by QEMU.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../../boards/board.ts';
import { runCommand } from '../lab/namespaces.ts';
import { FileTree } from './file-tree.ts';
import type { UnpackedPackage } from './package-pins.ts';
import { Programs } from './programs.ts';

/** What runs a program whose libraries are below `root`. */
const runners: Readonly<Record<Architecture, (root: string) => readonly string[]>> = {
  x86_64: () => [],
  aarch64: (root) => ['qemu-aarch64', '-cpu', 'cortex-a72', '-L', root],
};

export interface CodeCacheOptions {
  readonly architecture: Architecture;
  /** Node's binary as the image has it. */
  readonly node: Buffer;
  /** In which its libraries are. */
  readonly packages: readonly UnpackedPackage[];
  /** Text of program/make-cache.ts as one file. */
  readonly maker: string;
  /** Text of the router's code. */
  readonly code: string;
  readonly scratch: string;
}

/** The cache's octets: the same for the same options. Throws HostError PLATFORM when Node cannot be run. */
export function codeCache({ architecture, node, packages, maker, code, scratch }: CodeCacheOptions): Buffer {
  const tree = new FileTree();
  new Programs(tree, packages).add('usr/bin/node', node);
  const root = join(scratch, 'node');
  tree.writeTo(root);
  const file = (name: string): string => join(root, name);
  writeFileSync(file('make-cache.mjs'), maker);
  writeFileSync(file('code'), code);
  runCommand([
    ...['env', '-u', 'NODE_OPTIONS', ...runners[architecture](root), file('usr/bin/node')],
    ...['--random-seed=1', file('make-cache.mjs'), file('code'), file('cache')],
  ]);
  return readFileSync(file('cache'));
}
