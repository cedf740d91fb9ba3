/** `sekisho release init` and `root`: which keys a repository trusts, at first and from then on. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import type { RoleName } from '../release/role.ts';
import { print } from './output.ts';
import { days, daysWith, type RepositoryOptions, threshold } from './release-options.ts';

interface RootOptions extends RepositoryOptions {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly threshold?: Partial<Record<RoleName, number>>;
  readonly days?: Partial<Record<RoleName, number>>;
}

export function addReleaseInitCommand(parent: Command): void {
  parent
    .command('init')
    .summary('make a repository')
    .description(
      'Makes the folder of a repository, with a first root that names the keys in the .pub files. The root waits for its\n' +
        'signatures then: `sign` it with root keys, and `publish`.',
    )
    .argument('<keys...>', '.pub files: at least one for each of root, targets, snapshot, timestamp')
    .requiredOption('--repository <folder>', 'where; it must not be one already')
    .option('--threshold <role=n>', 'signatures that a role needs (default: 1); repeatable', threshold)
    .option('--days <role=n>', 'for which the root is good (default: root=365)', days)
    .option('--json', 'print {"draft", "version", "expires"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho release init --repository releases root-1.pub root-2.pub root-3.pub targets.pub snapshot.pub timestamp.pub \\
    --threshold root=2
  sekisho release sign releases/drafts/root.json --key root-1.pem

Exit codes: 0 made, 1 it could not be, 2 wrong command line`,
    )
    .action(async (keys: readonly string[], options: RootOptions) => {
      const { ReleaseFolder } = await import('./release-folder.ts');
      const folder = new ReleaseFolder(options.repository);
      if (folder.exists) {
        throw new HostError(
          'CONFIG_INVALID',
          `${options.repository} is a repository already; \`sekisho release root\` changes its keys`,
        );
      }
      await writeRoot(options, keys);
    });
}

export function addReleaseRootCommand(parent: Command): void {
  parent
    .command('root')
    .summary('change keys and thresholds, or renew the root')
    .description(
      'Makes the next root: other keys, other thresholds, or the same for another year. It waits for signatures then: as many\n' +
        'as the root before it asks for, of its keys, and as many as it asks for itself. Routers follow from root to root, so\n' +
        'every one of them stays in metadata/.',
    )
    .requiredOption('--repository <folder>', 'made by `sekisho release init`')
    .option('--add <file>', '.pub file of a key to trust; repeatable', collect)
    .option(
      '--remove <key>',
      'identifier of a key to trust no more, or its first 8 digits or more; repeatable',
      collect,
    )
    .option('--threshold <role=n>', 'signatures that a role needs; repeatable', threshold)
    .option('--days <role=n>', 'for which the root is good (default: root=365)', days)
    .option('--json', 'print {"draft", "version", "expires"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho release root --repository releases --add timestamp-2.pub --remove 3f9a2b10
  sekisho release root --repository releases                  the same keys for another year

Exit codes: 0 made, 1 it could not be, 2 wrong command line`,
    )
    .action(async (options: RootOptions) => writeRoot(options, options.add ?? []));
}

async function writeRoot(options: RootOptions, publicKeys: readonly string[]): Promise<void> {
  const { ReleaseFolder } = await import('./release-folder.ts');
  const { readPublicKeys } = await import('./release-keys.ts');
  const { rootDraft } = await import('../release/root-draft.ts');
  const { expiresIn } = await import('../release/publication.ts');
  const folder = new ReleaseFolder(options.repository);
  const { inForce, drafts } = folder.exists ? folder.state() : { inForce: {}, drafts: {} };
  const draft = rootDraft(inForce.root?.signed, {
    addKeys: readPublicKeys(publicKeys),
    removeKeys: options.remove ?? [],
    thresholds: options.threshold ?? {},
    expires: expiresIn(daysWith(options.days).root, Date.now()),
  });
  folder.write({ files: new Map(), drafts: { ...drafts, root: draft } });
  const { version, expires } = draft.signed;
  const file = folder.draftFile('root');
  print({ draft: file, version, expires }, options, () =>
    [
      `${file}: root version ${version}, expires ${expires}`,
      `now sign it: sekisho release sign ${file} --key FILE; then: sekisho release publish --repository ${folder.path}`,
    ].join('\n'),
  );
}

export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
