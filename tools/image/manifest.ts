/** What is in an image, file by file with its hash, and what it was made with: to compare two images, or a flash with its image. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type FileTree, modeOf, type TreeEntry } from './file-tree.ts';

/** Tools whose version shows in the octets. */
const tools: Readonly<Record<string, readonly string[]>> = {
  mksquashfs: ['-version'],
  'grub-mkimage': ['--version'],
  mformat: ['--version'],
  sgdisk: ['--version'],
};

export interface ManifestOptions {
  readonly boardName: string;
  readonly version: string;
  readonly epoch: number;
  readonly tree: FileTree;
  /** Finished files, by what they are. */
  readonly artifacts: Readonly<Record<string, string>>;
}

export function manifestOf({ boardName, version, epoch, tree, artifacts }: ManifestOptions): string {
  const files = tree.entries().map(([path, entry]) => ({ path: `/${path}`, ...describe(entry) }));
  const finished = Object.entries(artifacts).map(([name, file]) => {
    const content = readFileSync(file);
    return [name, { octets: content.length, sha256: sha256(content) }];
  });
  const manifest = {
    board: boardName,
    version,
    sourceDate: new Date(epoch * 1000).toISOString(),
    tools: Object.fromEntries(Object.entries(tools).map(([tool, args]) => [tool, firstLine(tool, args)])),
    artifacts: Object.fromEntries(finished),
    files,
  };
  return `${JSON.stringify(manifest, null, 1)}\n`;
}

function describe(entry: TreeEntry) {
  const mode = modeOf(entry).toString(8).padStart(4, '0');
  switch (entry.kind) {
    case 'link':
      return { kind: entry.kind, target: entry.target };
    case 'folder':
      return { kind: entry.kind, mode };
    case 'file':
      return { kind: entry.kind, mode, octets: entry.content.length, sha256: sha256(entry.content) };
  }
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function firstLine(tool: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim().split('\n')[0] ?? '';
}
