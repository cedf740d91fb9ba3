/** Drafts of targets metadata: releases that are added to those in force, and withdrawn from them. */
import type { TargetFile } from '@tufjs/models';
import { HostError } from '../model/host-error.ts';
import { type MetadataOf, unsignedMetadata } from './metadata.ts';
import { chunksPath, payloadPath, type Release, releasesIn } from './target.ts';

export interface TargetsChange {
  readonly add: readonly TargetFile[];
  /** `BOARD/VERSION` of releases that routers shall not find any more. */
  readonly withdraw: readonly string[];
  readonly expires: string;
}

/**
 * What is in force with `change`, unsigned; on top of a draft that was not in force yet, which loses its signatures.
 *
 * @throws HostError CONFIG_INVALID for a release that is there already with other content, or one to withdraw that is not
 */
export function targetsDraft(
  inForce: MetadataOf<'targets'> | undefined,
  draft: MetadataOf<'targets'> | undefined,
  change: TargetsChange,
): MetadataOf<'targets'> {
  const targets: Record<string, TargetFile> = { ...(draft ?? inForce)?.signed.targets };
  for (const release of change.withdraw) {
    const [board = '', version = ''] = release.split('/');
    if (targets[payloadPath(board, version)] === undefined) {
      throw new HostError(
        'CONFIG_INVALID',
        `${release}: there is no such release to withdraw; expected BOARD/VERSION`,
      );
    }
    delete targets[payloadPath(board, version)];
    delete targets[chunksPath(board, version)];
  }
  for (const target of change.add) {
    const before = targets[target.path];
    if (before !== undefined && !before.equals(target)) {
      throw new HostError(
        'CONFIG_INVALID',
        `${target.path} is published already with other content: a version means one image; build it with a new version`,
      );
    }
    targets[target.path] = target;
  }
  return unsignedMetadata('targets', {
    version: (inForce?.signed.version ?? 0) + 1,
    expires: change.expires,
    targets: Object.fromEntries(Object.entries(targets).map(([path, target]) => [path, target.toJSON()])),
  });
}

/** Releases of a targets metadata. */
export function releasesOf(targets: MetadataOf<'targets'> | undefined): Release[] {
  return releasesIn(targets?.signed.targets ?? {});
}
