/** `sekisho release publish`: a release goes into the repository, and what is signed enough goes into force. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import type { RoleName } from '../release/role.ts';
import { print } from './output.ts';
import { board, days, daysWith, type RepositoryOptions, version } from './release-options.ts';
import { collect } from './release-root-command.ts';

interface PublishOptions extends RepositoryOptions {
  readonly board?: string;
  readonly version?: string;
  readonly image?: string;
  readonly withdraw?: readonly string[];
  readonly key?: readonly string[];
  readonly days?: Partial<Record<RoleName, number>>;
}

export function addReleasePublishCommand(parent: Command): void {
  parent
    .command('publish')
    .summary('add a release, and put in force what is signed')
    .description(
      'Adds an image to the repository, signs what the given keys can sign, and puts in force what has enough signatures;\n' +
        'what has not waits in drafts/, and routers see the release before. Without --board it does only the latter: with the\n' +
        'timestamp key, daily, it is what keeps the repository from expiring.',
    )
    .requiredOption('--repository <folder>', 'made by `sekisho release init`')
    .option('--board <board>', 'the board that the image is for', board)
    .option('--version <version>', 'of the release, as in 1.4.0', version)
    .option('--image <folder>', 'what `npm run image` wrote: slot.squashfs and manifest.json')
    .option(
      '--withdraw <board/version>',
      'a release that routers shall not find any more; repeatable',
      collect,
    )
    .option('--key <file>', 'private key to sign with; repeatable', collect)
    .option(
      '--passphrase-file <file>',
      'its first line is the passphrase of the keys; without, it is asked for',
    )
    .option(
      '--days <role=n>',
      'until what is signed expires (default: 365, 365, 30, timestamp=14); repeatable',
      days,
    )
    .option(
      '--json',
      'print {"published", "files", "missing": [{"role", "version", "signatures", "threshold", "keys"}]}',
    )
    .addHelpText(
      'after',
      `
Examples:
  sekisho release publish --repository releases --board qemu-x86_64 --version 1.4.0 --image build/image/qemu-x86_64
  sekisho release publish --repository releases --key snapshot.pem --key timestamp.pem
  sekisho release publish --repository releases --withdraw qemu-x86_64/1.4.0

Exit codes: 0 in force, or waiting for signatures as it says; 1 it could not be done; 2 wrong command line`,
    )
    .action(publish);
}

async function publish(options: PublishOptions): Promise<void> {
  const { ReleaseFolder } = await import('./release-folder.ts');
  const { openKeys } = await import('./release-keys.ts');
  const { expiresIn, publication } = await import('../release/publication.ts');
  const { targetsDraft } = await import('../release/targets-draft.ts');
  const { missingText } = await import('./release-text.ts');
  const folder = new ReleaseFolder(options.repository);
  const { inForce, drafts } = folder.state();
  const wholeDays = daysWith(options.days);
  const nowUtcMs = Date.now();
  const add = await newTargets(folder, options);
  const withdraw = options.withdraw ?? [];
  const changed =
    add.length === 0 && withdraw.length === 0
      ? drafts
      : {
          ...drafts,
          targets: targetsDraft(inForce.targets, drafts.targets, {
            ...{ add, withdraw, expires: expiresIn(wholeDays.targets, nowUtcMs) },
          }),
        };
  const keys = await openKeys(options.key ?? [], options);
  const done = publication({ inForce, drafts: changed }, keys, { nowUtcMs, days: wholeDays });
  folder.write(done);
  const files = [...done.files.keys()];
  print({ published: files.length > 0, files, missing: done.missing }, options, () =>
    [
      ...(files.length > 0 ? [`in force: ${files.join(', ')}`] : ['nothing new is in force yet']),
      ...missingText(done.missing, (role) => folder.draftFile(role)),
    ].join('\n'),
  );
}

async function newTargets(
  folder: import('./release-folder.ts').ReleaseFolder,
  { board: boardName, version: release, image }: PublishOptions,
) {
  if (boardName === undefined && release === undefined && image === undefined) return [];
  if (boardName === undefined || release === undefined || image === undefined) {
    throw new HostError(
      'USAGE',
      'a release is --board BOARD, --version VERSION and --image FOLDER, all three',
    );
  }
  const { join } = await import('node:path');
  const { readFileSync } = await import('node:fs');
  const { routerForms } = await import('../router/flash-document.ts');
  let manifest: { readonly board?: unknown; readonly version?: unknown };
  try {
    manifest = JSON.parse(readFileSync(join(image, 'manifest.json'), 'utf8')) as typeof manifest;
  } catch (cause) {
    throw new HostError(
      'CONFIG_INVALID',
      `${image}: expected a folder of \`npm run image\`: ${String(cause)}`,
      { cause },
    );
  }
  if (manifest.board !== boardName || manifest.version !== release) {
    throw new HostError(
      'CONFIG_INVALID',
      `${image} is the image of ${String(manifest.board)} ${String(manifest.version)}, not of ${boardName} ${release}`,
    );
  }
  return folder.addPayload(
    { board: boardName, version: release, settingsSchema: routerForms.version },
    join(image, 'slot.squashfs'),
  );
}
