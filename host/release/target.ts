/** How a release is named among the targets of the repository, and what its metadata says of it. */
import { TargetFile } from '@tufjs/models';
import { isBoardName } from './board-name.ts';
import { isVersion } from './version.ts';

/** A release of one board, as `targets.json` has it. */
export interface Release {
  readonly board: string;
  readonly version: string;
  /** Version of the settings' form that it writes. */
  readonly settingsSchema: number;
  readonly payload: TargetFile;
  readonly chunks: TargetFile;
}

export function payloadPath(board: string, version: string): string {
  return `${board}/${version}/slot.squashfs`;
}

export function chunksPath(board: string, version: string): string {
  return `${board}/${version}/chunks.json`;
}

/** Where a target lies below `targets/` of a repository with consistent snapshots (specification section 6.2). */
export function servedPath(target: TargetFile): string {
  const cut = target.path.lastIndexOf('/') + 1;
  return `targets/${target.path.slice(0, cut)}${sha256Of(target)}.${target.path.slice(cut)}`;
}

/** The SHA-256 of a target in hexadecimal; a target without one is of no use to us. */
export function sha256Of(target: TargetFile): string {
  const { sha256 } = target.hashes;
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new TypeError(`target ${target.path} has no SHA-256`);
  }
  return sha256;
}

/** Targets of one release. */
export function releaseTargets(
  release: { readonly board: string; readonly version: string; readonly settingsSchema: number },
  payload: { readonly length: number; readonly sha256: string },
  chunks: { readonly length: number; readonly sha256: string },
): TargetFile[] {
  const { board, version, settingsSchema } = release;
  const target = (path: string, { length, sha256 }: { length: number; sha256: string }): TargetFile =>
    new TargetFile({
      path,
      length,
      hashes: { sha256 },
      unrecognizedFields: { custom: { board, version, settingsSchema } },
    });
  return [target(payloadPath(board, version), payload), target(chunksPath(board, version), chunks)];
}

/** The releases among the targets; a target that is named or described in another way is not one. */
export function releasesIn(targets: Readonly<Record<string, TargetFile>>): Release[] {
  return Object.values(targets).flatMap((payload) => {
    const { board, version, settingsSchema } = payload.custom;
    if (typeof board !== 'string' || typeof version !== 'string' || !Number.isSafeInteger(settingsSchema))
      return [];
    if (!isBoardName(board) || !isVersion(version) || payload.path !== payloadPath(board, version)) return [];
    const chunks = targets[chunksPath(board, version)];
    return chunks === undefined
      ? []
      : [{ board, version, settingsSchema: Number(settingsSchema), payload, chunks }];
  });
}
