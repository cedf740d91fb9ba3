/**
 * A repository of releases on disk: `metadata/` and `targets/`, which any web server can serve as they are, and `drafts/`, which
 * holds what waits for signatures and carries no secret either.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { TargetFile } from '@tufjs/models';
import { HostError } from '../model/host-error.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { type ChunkList, chunkListText, chunkOctets, sha256Hex } from '../release/chunk-list.ts';
import { type MetadataOf, metadataOctets, parseMetadata } from '../release/metadata.ts';
import { documentsOf, type Publication, type RepositoryState } from '../release/publication.ts';
import { type RoleName, roleNames } from '../release/role.ts';
import { releaseTargets, servedPath } from '../release/target.ts';

export class ReleaseFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  file(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  draftFile(role: RoleName): string {
    return this.file('drafts', `${role}.json`);
  }

  get exists(): boolean {
    return existsSync(this.file('drafts')) || existsSync(this.file('metadata'));
  }

  /** What is in force, and what waits. @throws HostError CONFIG_INVALID for a folder that is no repository, or is damaged */
  state(): RepositoryState {
    if (!this.exists) {
      throw new HostError(
        'CONFIG_INVALID',
        `${this.path} is no repository; make one with: sekisho release init`,
      );
    }
    const drafts = Object.fromEntries(
      roleNames.flatMap((role) => {
        const document = this.#read(role, 'drafts', `${role}.json`);
        return document === undefined ? [] : [[role, document]];
      }),
    ) as RepositoryState['drafts'];
    const rootVersion = this.rootVersions().at(-1);
    const timestamp = this.#read('timestamp', 'metadata', 'timestamp.json');
    const root =
      rootVersion === undefined ? undefined : this.#read('root', 'metadata', `${rootVersion}.root.json`);
    if (root === undefined || timestamp === undefined) return { inForce: {}, drafts };
    const snapshotVersion = timestamp.signed.snapshotMeta.version;
    const snapshot = this.#needed('snapshot', snapshotVersion);
    const targets = this.#needed('targets', snapshot.signed.meta['targets.json']?.version ?? 0);
    return { inForce: { root, timestamp, snapshot, targets }, drafts };
  }

  /** Versions of root that are served, oldest first. */
  rootVersions(): number[] {
    if (!existsSync(this.file('metadata'))) return [];
    return readdirSync(this.file('metadata'))
      .flatMap((name) => /^([1-9]\d*)\.root\.json$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** Writes what a publication came to; the file that puts it in force is the last. */
  write({ files, drafts }: Pick<Publication, 'files' | 'drafts'>): void {
    for (const folder of ['metadata', 'targets', 'drafts']) mkdirSync(this.file(folder), { recursive: true });
    for (const [name, octets] of files) writeFileAtomically(this.file('metadata', name), octets, 0o644);
    for (const [role, document] of documentsOf(drafts)) {
      writeFileAtomically(this.draftFile(role), metadataOctets(document), 0o644);
    }
    for (const role of roleNames)
      if (drafts[role] === undefined) rmSync(this.draftFile(role), { force: true });
  }

  /**
   * Copies a payload to where it is served, with the list of its chunks.
   *
   * @returns the targets of the release, for the draft
   */
  addPayload(
    release: { readonly board: string; readonly version: string; readonly settingsSchema: number },
    payload: string,
  ): TargetFile[] {
    const drop = this.file('targets', `.new.${process.pid}`);
    mkdirSync(dirname(drop), { recursive: true });
    try {
      const { list, sha256 } = copyHashed(payload, drop);
      const text = chunkListText(list);
      const targets = releaseTargets(
        release,
        { length: list.length, sha256 },
        { length: Buffer.byteLength(text), sha256: sha256Hex(Buffer.from(text)) },
      );
      const [content, chunks] = targets.map((target) => this.file(servedPath(target)));
      mkdirSync(dirname(content ?? ''), { recursive: true });
      renameSync(drop, content ?? '');
      writeFileAtomically(chunks ?? '', text, 0o644);
      return targets;
    } finally {
      rmSync(drop, { force: true });
    }
  }

  #needed<Name extends RoleName>(role: Name, version: number): MetadataOf<Name> {
    const document = this.#read(role, 'metadata', `${version}.${role}.json`);
    if (document !== undefined) return document;
    throw new HostError(
      'CONFIG_INVALID',
      `${this.file('metadata')}: ${version}.${role}.json is missing, which timestamp.json leads to`,
    );
  }

  #read<Name extends RoleName>(role: Name, ...names: readonly string[]): MetadataOf<Name> | undefined {
    const path = this.file(...names);
    if (!existsSync(path)) return undefined;
    return readMetadata(role, path);
  }
}

/** A metadata file of a role. @throws HostError CONFIG_INVALID for anything else */
export function readMetadata<Name extends RoleName>(role: Name, path: string): MetadataOf<Name> {
  try {
    return parseMetadata(role, readFileSync(path));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HostError('CONFIG_INVALID', `${path}: expected ${role} metadata: ${why}`, { cause });
  }
}

/** Copies `from` to `to` and makes the hashes on the way, a chunk in memory at a time. */
function copyHashed(from: string, to: string): { readonly list: ChunkList; readonly sha256: string } {
  const source = openSync(from, 'r');
  try {
    const copy = openSync(to, 'wx', 0o644);
    try {
      const whole = createHash('sha256');
      const sha256: string[] = [];
      const chunk = new Uint8Array(chunkOctets);
      const length = statSync(from).size;
      for (let at = 0; at < length; at += chunkOctets) {
        const part = chunk.subarray(0, Math.min(chunkOctets, length - at));
        fill(source, part, at, from);
        whole.update(part);
        sha256.push(sha256Hex(part));
        if (writeSync(copy, part) !== part.length) throw new HostError('PLATFORM', `${to}: the disk is full`);
      }
      fsyncSync(copy);
      return { list: { length, sha256 }, sha256: whole.digest('hex') };
    } finally {
      closeSync(copy);
    }
  } finally {
    closeSync(source);
  }
}

function fill(fd: number, part: Uint8Array, at: number, path: string): void {
  for (let done = 0; done < part.length; ) {
    const count = readSync(fd, part, done, part.length - done, at + done);
    if (count === 0) throw new HostError('PLATFORM', `${path} became shorter while it was read`);
    done += count;
  }
}
