/** `sekisho release bundle`: one release with all that a router needs to judge it, as one file. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import { print } from './output.ts';
import { board, type RepositoryOptions, version } from './release-options.ts';

interface BundleOptions extends RepositoryOptions {
  readonly board: string;
  readonly version: string;
  readonly out: string;
}

export function addReleaseBundleCommand(parent: Command): void {
  parent
    .command('bundle')
    .summary('one release as one file, for a stick or scp')
    .description(
      'Writes one release, with the metadata in force, to one file: `sekisho router upgrade FILE` takes it on a router that\n' +
        'reaches no web server. It is good until the timestamp in it expires: publish with `--days timestamp=90` before, for\n' +
        'one that has to travel. It is a tar archive; `tar -tf` lists it.',
    )
    .requiredOption('--repository <folder>', 'made by `sekisho release init`')
    .requiredOption('--board <board>', 'the board', board)
    .requiredOption('--version <version>', 'a release in force', version)
    .requiredOption('--out <file>', 'the bundle')
    .option('--json', 'print {"file", "octets", "expires"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho release bundle --repository releases --board qemu-x86_64 --version 1.4.0 --out /media/stick/router-1.4.0.bundle

Exit codes: 0 written, 1 it could not be, 2 wrong command line`,
    )
    .action(async (options: BundleOptions) => {
      const { ReleaseFolder } = await import('./release-folder.ts');
      const { releasesOf } = await import('../release/targets-draft.ts');
      const { nameOf } = await import('../release/publication.ts');
      const { servedPath } = await import('../release/target.ts');
      const { writeArchive } = await import('./release-archive.ts');
      const folder = new ReleaseFolder(options.repository);
      const { timestamp, snapshot, targets } = folder.state().inForce;
      const release = releasesOf(targets).find(
        (one) => one.board === options.board && one.version === options.version,
      );
      if (
        release === undefined ||
        timestamp === undefined ||
        snapshot === undefined ||
        targets === undefined
      ) {
        throw new HostError(
          'CONFIG_INVALID',
          `${options.board}/${options.version} is not in force; \`sekisho release status\` lists what is`,
        );
      }
      const paths = [
        ...folder.rootVersions().map((root) => `metadata/${root}.root.json`),
        'metadata/timestamp.json',
        `metadata/${nameOf('snapshot', snapshot)}`,
        `metadata/${nameOf('targets', targets)}`,
        servedPath(release.chunks),
        servedPath(release.payload),
      ];
      const octets = writeArchive(options.out, folder.path, paths);
      const { expires } = timestamp.signed;
      print(
        { file: options.out, octets, expires },
        options,
        () => `${options.out}: ${octets} octets, good until ${expires}`,
      );
    });
}
