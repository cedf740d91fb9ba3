/** `sekisho ca`: a small certification authority in one folder, for networks that have none. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { AuthorityKey } from '../authority/authority.ts';
import { HostError } from '../model/host-error.ts';
import { nameText } from '../model/name-text.ts';
import { type OutputOptions, print } from './output.ts';

interface FolderOptions extends OutputOptions {
  readonly dir: string;
}

export function addCaCommand(parent: Command): void {
  const ca = parent
    .command('ca')
    .summary('a small certification authority')
    .description(
      'A certification authority in one folder, for networks that have none: ca.crt, ca.key (mode 600), ca.crl and\n' +
        'index.json. Keep the folder on a machine that is not the server, if you can: who has ca.key is every router.',
    )
    .addHelpText('after', '\nEach has its own examples: sekisho ca issue --help');
  addInit(ca);
  addIssue(ca);
  addRevoke(ca);
  addCrl(ca);
}

function addInit(ca: Command): void {
  ca.command('init')
    .summary('make the authority')
    .description(
      'Makes the key and the self-signed certificate of an authority, which issues to routers and servers directly.',
    )
    .option('--dir <folder>', "the authority's folder; made with mode 700", 'ca')
    .option('--name <name>', 'common name of the authority', 'Sekisho CA')
    .option('--key <kind>', 'p256, which every IKE peer knows, or ed25519', keyKind, 'p256')
    .option('--days <days>', 'for which it is valid', wholeDays, 3650)
    .option('--json', 'print {"folder", "certificateFile", "privateKeyFile"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho ca init --dir /etc/sekisho/ca
  sekisho ca issue server --dir /etc/sekisho/ca --out /etc/sekisho

Exit codes: 0 made, 1 there is one already, or it could not be written, 2 wrong command line`,
    )
    .action(async (options: FolderOptions & { name: string; key: AuthorityKey; days: number }) => {
      const { AuthorityFolder } = await import('./ca-folder.ts');
      const folder = AuthorityFolder.create(options.dir, options.name, options.key, options.days);
      const result = {
        folder: folder.path,
        certificateFile: folder.file('ca.crt'),
        privateKeyFile: folder.file('ca.key'),
      };
      print(
        result,
        options,
        () => `${result.certificateFile}: give this one to the server and to routers, never ca.key`,
      );
    });
}

function addIssue(ca: Command): void {
  ca.command('issue')
    .summary('issue a certificate')
    .description(
      'Issues a certificate for a router or server: NAME.crt, and NAME.key with mode 600. With --request the key stays\n' +
        'where it was made, and its owner proves in the request to have it; names in it are not looked at.',
    )
    .argument('<name>', "the router's name, or server.identity", name)
    .option('--dir <folder>', "the authority's folder", 'ca')
    .option('--out <folder>', 'where to write', '.')
    .option('--request <file>', 'PKCS#10 in PEM; then no key is made')
    .option('--days <days>', 'for which it is valid', wholeDays, 730)
    .option('--json', 'print {"name", "serial", "notAfter", "certificateFile", "privateKeyFile"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho ca issue server --out /etc/sekisho
  sekisho ca issue tokyo --request tokyo.csr
  openssl verify -CAfile ca/ca.crt tokyo.crt

Exit codes: 0 issued, 1 it could not be, 2 wrong command line`,
    )
    .action(
      async (owner: string, options: FolderOptions & { out: string; request?: string; days: number }) => {
        const { AuthorityFolder, readRequest } = await import('./ca-folder.ts');
        const { writeFileAtomically } = await import('../platform/files.ts');
        const request = options.request === undefined ? undefined : readRequest(options.request);
        const issued = new AuthorityFolder(options.dir).issue(owner, options.days, request);
        const certificateFile = join(options.out, `${owner}.crt`);
        const privateKeyFile = issued.privateKeyPem === undefined ? null : join(options.out, `${owner}.key`);
        if (privateKeyFile !== null) writeFileAtomically(privateKeyFile, issued.privateKeyPem ?? '', 0o600);
        writeFileAtomically(certificateFile, issued.certificatePem, 0o644);
        const { serial, notAfter } = issued;
        print({ name: owner, serial, notAfter, certificateFile, privateKeyFile }, options, () =>
          [
            `${certificateFile}: serial ${serial}, valid until ${notAfter}`,
            ...(privateKeyFile === null ? [] : [`${privateKeyFile}: its private key`]),
          ].join('\n'),
        );
      },
    );
}

function addRevoke(ca: Command): void {
  ca.command('revoke')
    .summary('take certificates back')
    .description(
      'Revokes every certificate of a name, or the one with a serial number, and writes ca.crl anew. The server sees a new\n' +
        'list with its next reload; `sekisho server revoke --ca` does both.',
    )
    .argument('<name|serial>', 'a name, or a serial number in hexadecimal')
    .option('--dir <folder>', "the authority's folder", 'ca')
    .option('--days <days>', 'for which the list is in force', wholeDays, 30)
    .option('--json', 'print {"revoked": [serial numbers], "crlFile"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho ca revoke tokyo && cp ca/ca.crl /etc/sekisho/ && kill -HUP PID

Exit codes: 0 revoked, 1 there is no such certificate, or it was revoked before, 2 wrong command line`,
    )
    .action(async (meant: string, options: FolderOptions & { days: number }) => {
      const { AuthorityFolder } = await import('./ca-folder.ts');
      const folder = new AuthorityFolder(options.dir);
      const revoked = folder.revoke(meant, options.days);
      if (revoked.length === 0) {
        throw new HostError(
          'USAGE',
          `${options.dir} has issued nothing to ${meant} that is not revoked; sekisho ca crl writes the list anew`,
        );
      }
      print(
        { revoked, crlFile: folder.file('ca.crl') },
        options,
        () => `revoked ${revoked.join(', ')}; ${folder.file('ca.crl')} is new`,
      );
    });
}

function addCrl(ca: Command): void {
  ca.command('crl')
    .summary('write the revocation list anew')
    .description(
      'Writes ca.crl anew, so that it stays in force: with crl: required an old one lets nobody in.',
    )
    .option('--dir <folder>', "the authority's folder", 'ca')
    .option('--days <days>', 'for which the list is in force', wholeDays, 30)
    .option('--json', 'print {"crlFile", "nextUpdate", "revoked": count}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho ca crl --days 7 --dir /etc/sekisho/ca        weekly, by cron or a timer

Exit codes: 0 written, 1 it could not be, 2 wrong command line`,
    )
    .action(async (options: FolderOptions & { days: number }) => {
      const { AuthorityFolder } = await import('./ca-folder.ts');
      const folder = new AuthorityFolder(options.dir);
      const nextUpdate = folder.writeList(options.days);
      const revoked = folder.index().certificates.filter((one) => one.revoked !== null).length;
      const crlFile = folder.file('ca.crl');
      print(
        { crlFile, nextUpdate, revoked },
        options,
        () => `${crlFile}: ${revoked} revoked, in force until ${nextUpdate}`,
      );
    });
}

/** A name as settings files take it. */
export function name(text: string): string {
  return checked(nameText, text);
}

/** An argument as `schema` has it. Throws InvalidArgumentError with what it expected. */
export function checked(schema: typeof nameText, text: string): string {
  const parsed = schema.safeParse(text);
  if (parsed.success) return text;
  throw new InvalidArgumentError(`${parsed.error.issues[0]?.message ?? 'expected something else'}.`);
}

function keyKind(text: string): AuthorityKey {
  if (text === 'p256' || text === 'ed25519') return text;
  throw new InvalidArgumentError('expected p256 or ed25519.');
}

export function wholeDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw new InvalidArgumentError('expected a number of days from 1 to 36500.');
}
