/** `sekisho server enrol`: makes the server know a router, and prints the one file that the router starts with. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { formatAddress, parseAddress } from '../model/address.ts';
import type { Source } from '../model/credential-sources.ts';
import { HostError } from '../model/host-error.ts';
import { interfaceText } from '../model/name-text.ts';
import { pemObjects } from '../model/pem.ts';
import type { ServerRouter } from '../server/distribution-policies/policy-file.ts';
import { checked, name, wholeDays } from './ca-command.ts';
import type { AuthorityFolder } from './ca-folder.ts';
import type { ServerFile } from './server-file.ts';

interface EnrolOptions {
  readonly config: string;
  readonly socket?: string;
  readonly address?: string;
  readonly interface: string;
  readonly networks?: readonly string[];
  readonly ca?: string;
  readonly days: number;
  readonly again?: boolean;
}

export function addServerEnrolCommand(parent: Command): void {
  parent
    .command('enrol')
    .summary('let a router in')
    .description(
      "Makes the server of FILE know a router, and prints one file to standard output: the router's whole settings with its\n" +
        'credential in them, and no policy. `sekisho router --config` starts with exactly that file, which must have mode 600.\n' +
        'The credential is a fresh pre-shared key, or with --ca a key and a certificate by that authority.',
    )
    .argument('<router>', 'its name, as policies know it', name)
    .option('--networks <prefixes...>', 'behind the router; needed unless FILE has the router already')
    .option(
      '--address <address>',
      "the server's, as the router reaches it; default: the first of server.listen",
    )
    .option('--interface <name>', "the router's, towards the Internet", interfaceName, 'eth0')
    .option('--ca <folder>', 'a folder of `sekisho ca`: certificates in both directions')
    .option('--days <days>', 'for which the certificate is valid', wholeDays, 730)
    .option('--again', 'for a router that was enrolled before: its old credential is worth nothing any more')
    .addHelpText(
      'after',
      `
First run \`umask 077\` in the shell: then nobody else can read what it saves, from the first octet on.

Examples:
  sekisho server enrol tokyo --config server.yaml --networks 10.1.0.0/16 > tokyo.yaml
  sekisho server enrol osaka --config server.yaml --networks 10.2.0.0/16 --ca ca > osaka.yaml
  sekisho server enrol tokyo --config server.yaml --again > tokyo.yaml

Exit codes: 0 enrolled; 1 it could not be, and FILE is as it was, or (with a warning, and the router's file printed) the
server that runs has not taken FILE; 2 wrong command line`,
    )
    .action(async (router: string, _, command: Command) => {
      const options: EnrolOptions = command.optsWithGlobals();
      const { ServerFile, tellServer, warnUnlessTaken } = await import('./server-file.ts');
      const file = new ServerFile(options.config);
      const address = serverAddress(file, options.address);
      const known = file.router(router);
      if (known !== undefined && options.again !== true) {
        throw new HostError(
          'USAGE',
          `${options.config} has a router ${router} already; --again gives it a new credential and ends the old one`,
        );
      }
      if (known === undefined && options.networks === undefined) {
        throw new HostError(
          'USAGE',
          `${options.config} has no router ${router}: say --networks, what is behind it`,
        );
      }
      const credential =
        options.ca === undefined
          ? await enrolByKey(file, router, options)
          : await enrolByCertificate(file, router, options);
      const lines = [...credential, ...ppkLines(known)];
      // Before the server is asked: what is in FILE now is worth nothing without this.
      process.stdout.write(routerFile(router, lines, address, options.interface, file.settings.identity));
      const told = await tellServer(options.socket ?? file.settings.controlSocket);
      const where = told.running ? 'the running server knows it' : 'no running server knows it yet';
      process.stderr.write(
        `${router} is enrolled in ${options.config}; ${where}. The file on standard output is a secret.\n`,
      );
      if (known?.ppk !== undefined) {
        process.stderr.write(
          `Its post-quantum pre-shared key is as it was: ${basename(known.ppk.file)} goes beside the router's file.\n`,
        );
      }
      warnUnlessTaken(told, options.config);
    });
}

function interfaceName(text: string): string {
  return checked(interfaceText, text);
}

/** Where the router sends to. */
function serverAddress(file: ServerFile, typed: string | undefined): string {
  const identity = JSON.stringify(file.settings.identity);
  if (typed !== undefined) {
    const parsed = parseAddress(typed);
    if (!parsed.ok) throw new HostError('USAGE', `--address: ${parsed.message}`);
    return `{ address: '${typed}', port: ${file.settings.listen[0]?.port ?? 4500}, identity: ${identity} }`;
  }
  const listen = file.settings.listen.find(({ address }) => address.octets.some((octet) => octet !== 0));
  if (listen === undefined) {
    throw new HostError(
      'USAGE',
      'the server listens on every address: say --address, where routers reach it',
    );
  }
  return `{ address: '${formatAddress(listen.address)}', port: ${listen.port}, identity: ${identity} }`;
}

/** A fresh key, beside the server's file and in the router's. Returns lines of YAML. */
async function enrolByKey(file: ServerFile, router: string, options: EnrolOptions): Promise<string[]> {
  const known = file.router(router);
  refuseMixture(file, known);
  if (known?.routerProves === 'certificate') {
    throw new HostError(
      'USAGE',
      `${router} proves itself by a certificate in ${file.path}: say --ca, or take that out first`,
    );
  }
  const keyFile = known?.preSharedKeyFile ?? `${router}.psk`;
  if (known === undefined && existsSync(file.beside(keyFile))) {
    throw new HostError(
      'CONFIG_INVALID',
      `${file.beside(keyFile)} is there, and ${file.path} does not name it for ${router}: move it away, or remove it`,
    );
  }
  const credential = `{ preSharedKeyFile: ${JSON.stringify(keyFile)} }`;
  const text = file.check(await editedText(file, router, credential, options));
  const key = randomBytes(32).toString('base64');
  file.writeSecret(keyFile, `${key}\n`);
  try {
    file.replace(text);
  } catch (error) {
    if (known === undefined) rmSync(file.beside(keyFile), { force: true });
    throw error;
  }
  return [`  preSharedKey: ${key}`];
}

/** A key and certificate by the small authority, which the server's file must trust. Returns lines of YAML. */
async function enrolByCertificate(
  file: ServerFile,
  router: string,
  options: EnrolOptions,
): Promise<string[]> {
  const { AuthorityFolder } = await import('./ca-folder.ts');
  const { authorities } = file.settings.certificate ?? {};
  if (authorities === undefined) {
    throw new HostError(
      'CONFIG_INVALID',
      `${file.path} has no server.certificate with caFile, so its server trusts no authority`,
    );
  }
  const known = file.router(router);
  refuseMixture(file, known);
  if (known?.routerProves === 'preSharedKey') {
    throw new HostError(
      'USAGE',
      `${router} has a pre-shared key in ${file.path}: take that out first, or leave --ca out`,
    );
  }
  const authority: AuthorityFolder = new AuthorityFolder(options.ca ?? '');
  refuseUntrusted(file, authorities, authority);
  const credential = '{ router: certificate, server: certificate }';
  const text = file.check(await editedText(file, router, credential, options));
  const issued = authority.issue(router, options.days);
  file.replace(text);
  return [
    ...block('certificate', issued.certificatePem),
    ...block('privateKey', issued.privateKeyPem ?? ''),
    ...block('ca', authority.pem),
  ];
}

/** One end by key and the other by certificate is made by hand. */
function refuseMixture(file: ServerFile, known: ServerRouter | undefined): void {
  if (known === undefined || known.routerProves === known.serverProves) return;
  throw new HostError(
    'USAGE',
    `${known.name} has a mixture of key and certificate in ${file.path}, which this command does not make: change it by hand`,
  );
}

/** A certificate by an authority that the server does not trust would be worth nothing. */
function refuseUntrusted(file: ServerFile, trusted: Source, authority: AuthorityFolder): void {
  const path = trusted.kind === 'file' ? file.beside(trusted.path) : undefined;
  if (path === undefined) return;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new HostError('CREDENTIAL_UNREADABLE', `cannot read ${path}: ${String(cause)}`, { cause });
  }
  const [own] = pemObjects(authority.pem, 'CERTIFICATE', authority.file('ca.crt'));
  const isTrusted = pemObjects(text, 'CERTIFICATE', path).some(
    (der) => own !== undefined && Buffer.compare(der, own) === 0,
  );
  if (isTrusted) return;
  throw new HostError(
    'CONFIG_INVALID',
    `${path} has not the certificate of ${authority.file('ca.crt')}: the server would not trust what that authority issues`,
  );
}

/** The router's part of its post-quantum pre-shared key, which stays what it was. */
function ppkLines(known: ServerRouter | undefined): string[] {
  if (known?.ppk === undefined) return [];
  const { id, file, required } = known.ppk;
  const [name, path] = [JSON.stringify(id), JSON.stringify(basename(file))];
  return [`  ppk: { id: ${name}, file: ${path}, required: ${required} }`];
}

/** The server's file with the router, or with the router let in again. */
async function editedText(
  file: ServerFile,
  router: string,
  credential: string,
  options: EnrolOptions,
): Promise<string | undefined> {
  const { withRouter, withTime } = await import('../server/distribution-policies/file-edit.ts');
  const { isoSecond, thisSecond } = await import('./ca-folder.ts');
  if (file.router(router) === undefined) {
    return withRouter(file.text, { name: router, credential, networks: options.networks ?? [] });
  }
  return withTime(file.text, router, 'certificatesSince', isoSecond(thisSecond()), ['revoked']);
}

function block(field: string, pem: string): string[] {
  return [
    `  ${field}: |`,
    ...pem
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
  ];
}

function routerFile(
  router: string,
  credential: readonly string[],
  server: string,
  interfaceName: string,
  identity: string,
): string {
  return [
    `# Settings of router ${router}, made by its setting server ${identity}. A secret: mode 600.`,
    'version: 1',
    `name: ${JSON.stringify(router)}`,
    'credential:',
    ...credential,
    `server: ${server}`,
    `unprotected: { interface: ${JSON.stringify(interfaceName)} }`,
    '# Which packets want IPsec, and whom to ask for: docs/configuration.md, "The SPD".',
    'spd: []',
    '',
  ].join('\n');
}
