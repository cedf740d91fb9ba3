/** `sekisho release`: keys, signatures and publication of releases by The Update Framework. docs/version-up.md has the whole way. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import type { RoleName } from '../release/role.ts';
import { print } from './output.ts';
import { addReleaseBundleCommand } from './release-bundle-command.ts';
import { type RepositoryOptions, role } from './release-options.ts';
import { addReleasePublishCommand } from './release-publish-command.ts';
import { addReleaseInitCommand, addReleaseRootCommand } from './release-root-command.ts';

export function addReleaseCommand(parent: Command): void {
  const release = parent
    .command('release')
    .summary('sign and publish what routers are upgraded to')
    .description(
      'Makes the repository from which routers are upgraded, by The Update Framework: four roles sign it, each with keys\n' +
        'of its own. Root and targets keys belong on a machine without a network; snapshot and timestamp keys on the one\n' +
        'that publishes. Any web server can serve the folder.',
    )
    .addHelpText(
      'after',
      `
Examples:
  sekisho release keygen --role root --out root-1.pem
  sekisho release init --repository releases keys/*.pub --threshold root=2
  sekisho release publish --repository releases --board qemu-x86_64 --version 1.4.0 --image build/image/qemu-x86_64 \\
    --key snapshot.pem --key timestamp.pem
  sekisho release sign releases/drafts/targets.json --key targets.pem

Exit codes: as its commands explain`,
    );
  addKeygen(release);
  addReleaseInitCommand(release);
  addReleaseRootCommand(release);
  addSign(release);
  addReleasePublishCommand(release);
  addStatus(release);
  addReleaseBundleCommand(release);
}

interface KeygenOptions extends RepositoryOptions {
  readonly role: RoleName;
  readonly out: string;
  readonly passphrase: boolean;
}

function addKeygen(parent: Command): void {
  parent
    .command('keygen')
    .summary('make a signing key')
    .description(
      'Makes an Ed25519 key for one role: FILE with mode 600, encrypted under a passphrase, and beside it FILE.pub, which\n' +
        '`init` and `root` take. Make the keys of root and targets where they stay: on a machine without a network.',
    )
    .requiredOption('--role <role>', 'root, targets, snapshot or timestamp', role)
    .requiredOption('--out <file>', 'where the private key goes, as in root-1.pem')
    .option('--passphrase-file <file>', 'its first line is the passphrase; without, it is asked for')
    .option('--no-passphrase', 'for a key that a machine uses by itself, such as timestamp')
    .option('--json', 'print {"role", "keyId", "privateKeyFile", "publicKeyFile"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho release keygen --role root --out root-1.pem
  sekisho release keygen --role timestamp --out timestamp.pem --no-passphrase

Exit codes: 0 made, 1 it could not be, 2 wrong command line, or no passphrase`,
    )
    .action(async (options: KeygenOptions) => {
      const { writeNewKey } = await import('./release-keys.ts');
      const written = await writeNewKey(options.role, options.out, options);
      print(written, options, () =>
        [
          `${written.privateKeyFile}: the private key; keep a copy where fire and thieves do not reach both`,
          `${written.publicKeyFile}: for \`sekisho release init\` or \`root\`; key ${written.keyId}`,
        ].join('\n'),
      );
    });
}

function addSign(parent: Command): void {
  parent
    .command('sign')
    .summary('add a signature to one metadata file')
    .description(
      'Adds one signature to a draft, and shows what is signed. Needs nothing but the file and the key: take the draft to\n' +
        'the machine with the key, sign, and bring it back into drafts/ of the repository; then `publish`.',
    )
    .argument('<file>', 'a draft, as in releases/drafts/targets.json')
    .requiredOption('--key <file>', 'private key of the role')
    .option('--passphrase-file <file>', 'its first line is the passphrase; without, it is asked for')
    .option('--json', 'print {"file", "role", "version", "expires", "keyId", "signatures": key identifiers}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho release sign targets.json --key /media/drawer/targets.pem

Exit codes: 0 signed, 1 it could not be, 2 wrong command line, or no passphrase`,
    )
    .action(async (file: string, options: RepositoryOptions & { readonly key: string }) => {
      const { signFile } = await import('./release-sign.ts');
      const signed = await signFile(file, options.key, options);
      print(signed.result, options, () =>
        [
          signed.content,
          `signed by ${signed.result.keyId.slice(0, 8)}; signatures: ${signed.result.signatures.length}`,
        ].join('\n'),
      );
    });
}

function addStatus(parent: Command): void {
  parent
    .command('status')
    .summary('what is published, what waits, what expires')
    .description(
      'Shows what is in force in a repository, its keys and releases, and what waits for signatures.',
    )
    .requiredOption('--repository <folder>', 'made by `sekisho release init`')
    .option('--json', 'print {"inForce": roles, "drafts": roles, "keys", "releases"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho release status --repository releases

Exit codes: 0 all is in force, 1 something has expired or nothing is published yet, 2 wrong command line`,
    )
    .action(async (options: RepositoryOptions) => {
      const { ReleaseFolder } = await import('./release-folder.ts');
      const { keyStates, releaseNames, roleStates, statusText } = await import('./release-text.ts');
      const state = new ReleaseFolder(options.repository).state();
      const nowUtcMs = Date.now();
      const inForce = roleStates(state.inForce, nowUtcMs);
      const drafts = roleStates(state.drafts, nowUtcMs);
      print({ inForce, drafts, keys: keyStates(state), releases: releaseNames(state) }, options, (_, width) =>
        statusText(state, nowUtcMs, width),
      );
      const expired = inForce.filter(({ daysLeft }) => daysLeft < 0).map(({ role: name }) => name);
      if (expired.length > 0) {
        throw new HostError(
          'CONFIG_INVALID',
          `${expired.join(', ')} expired: routers refuse this repository; sign anew with \`sekisho release publish\``,
        );
      }
      if (inForce.length === 0)
        throw new HostError('CONFIG_INVALID', 'nothing is published yet: sekisho release publish');
    });
}
