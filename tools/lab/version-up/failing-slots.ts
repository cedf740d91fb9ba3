/** Slots of versions that are no good, each made of a good one's image: one that panics, one that hangs, one that never reaches its server. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Image } from '../../image/build.ts';
import { runCommand } from '../namespaces.ts';

/** A slot whose kernel finds no program to start with: it panics. */
export function panickingSlot(image: Image): Buffer {
  return slotOf((folder) => {
    copyFileSync(image.kernel, join(folder, 'vmlinuz'));
    writeFileSync(join(folder, 'first-file-system'), 'no archive');
  });
}

/** A slot that starts, and whose router never says that it is well: `run-router` does nothing. */
export function hangingSlot(image: Image): Buffer {
  return changedSlot(image, (root) =>
    writeFileSync(join(root, runRouter), '#!/bin/sh\nwhile :; do sleep 60; done\n'),
  );
}

/** A slot of another version, from which nothing gets to the server: its router starts, and waits for a channel in vain. */
export function unreachingSlot(image: Image, version: string, server: string): Buffer {
  return changedSlot(image, (root) => {
    const file = join(root, runRouter);
    const lines = readFileSync(file, 'utf8').split('\n');
    // By its path: busybox's shell takes its own `ip` for that name, which knows no such rule.
    lines.splice(1, 0, `/sbin/ip rule add to ${server} prohibit`);
    writeFileSync(file, lines.join('\n'));
    writeFileSync(join(root, 'etc/sekisho-version'), `${version}\n`);
    const manifest = join(root, 'usr/lib/sekisho/package.json');
    const text = JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version });
    rmSync(manifest);
    writeFileSync(manifest, text);
  });
}

const runRouter = 'usr/lib/sekisho/bin/run-router';

/** A slot with the same kernel, whose root file system was changed in its folder. */
function changedSlot(image: Image, change: (root: string) => void): Buffer {
  return slotOf((folder) => {
    const parts = join(folder, 'parts');
    runCommand(['unsquashfs', '-quiet', '-no-progress', '-dest', parts, image.slot]);
    const root = join(folder, 'root-files');
    runCommand(['unsquashfs', '-quiet', '-no-progress', '-dest', root, join(parts, 'root')]);
    change(root);
    for (const file of ['vmlinuz', 'first-file-system']) copyFileSync(join(parts, file), join(folder, file));
    // Fast: nobody keeps it.
    const fast = ['-comp', 'zstd', '-Xcompression-level', '3'];
    runCommand(['mksquashfs', root, join(folder, 'root'), '-quiet', '-no-progress', '-all-root', ...fast]);
    for (const one of [parts, root]) rmSync(one, { recursive: true });
  });
}

function slotOf(fill: (folder: string) => void): Buffer {
  const scratch = mkdtempSync(join(tmpdir(), 'sekisho-slot-'));
  try {
    const folder = join(scratch, 'slot');
    mkdirSync(folder);
    fill(folder);
    const file = join(scratch, 'slot.squashfs');
    const plain = ['-comp', 'gzip', '-noD', '-noI', '-noF', '-noappend'];
    runCommand(['mksquashfs', folder, file, '-quiet', '-no-progress', '-all-root', ...plain]);
    return readFileSync(file);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
