/** `sekisho server revoke`: cuts a router off, now and after every restart. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import { name, wholeDays } from './ca-command.ts';
import { type OutputOptions, print } from './output.ts';

export function addServerRevokeCommand(parent: Command): void {
  parent
    .command('revoke')
    .summary('cut a router off')
    .description(
      'Cuts a router off: writes `revoked` to its entry in FILE, so that it holds across restarts, and lets the running server\n' +
        'take it at once. That deletes the IKE SA, withdraws the SAs at the peers, and lets the router in no more,\n' +
        'by key or certificate. Policies may go on naming it. `server enrol --again` is the way back.',
    )
    .argument('<router>', 'its name', name)
    .option(
      '--ca <folder>',
      "also revoke its certificates in this authority, and write the list to the file's crlFile",
    )
    .option('--days <days>', 'for which that list is in force', wholeDays, 30)
    .option('--json', 'print {"router", "revoked", "running", "certificates"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho server revoke tokyo --config /etc/sekisho/server.yaml
  sekisho server revoke tokyo --config server.yaml --ca ca

Exit codes: 0 revoked, also when no server runs; 1 no such router, the file cannot be written, or the server that runs
has not taken it; 2 wrong command line`,
    )
    .action(async (router: string, _, command: Command) => {
      const options: OutputOptions & { config: string; socket?: string; ca?: string; days: number } =
        command.optsWithGlobals();
      const { ServerFile, tellServer, warnUnlessTaken } = await import('./server-file.ts');
      const { isoSecond, thisSecond } = await import('./ca-folder.ts');
      const { withTime } = await import('../server/distribution-policies/file-edit.ts');
      const file = new ServerFile(options.config);
      if (file.router(router) === undefined) {
        throw new HostError('CONFIG_INVALID', `${options.config} has no router ${router}`);
      }
      const before = file.router(router)?.revokedUtcMs;
      const revoked = isoSecond(before ?? thisSecond());
      if (before === undefined) {
        file.replace(file.check(withTime(file.text, router, 'revoked', revoked, ['certificatesSince'])));
      }
      const socket = options.socket ?? file.settings.controlSocket;
      // At once: whatever the authority has to say, this router is cut off.
      let told = await tellServer(socket);
      let certificates: readonly string[] = [];
      try {
        if (options.ca !== undefined) {
          const taken = await revokeCertificates(file, router, options.ca, options.days);
          certificates = taken.serials;
          if (taken.isListWritten) told = await tellServer(socket);
        }
      } finally {
        warnUnlessTaken(told, options.config);
      }
      const { running, problem } = told;
      print({ router, revoked, running, certificates }, options, () =>
        [
          `${router} is revoked since ${revoked}`,
          running ? 'the running server has cut it off' : notCutOff(problem),
          ...certificates.map((serial) => `certificate ${serial} is revoked`),
        ].join('\n'),
      );
    });
}

function notCutOff(problem: string | null): string {
  return problem === null
    ? 'no server runs here: it holds from the next start'
    : 'the server that runs has not taken it yet';
}

/** In the authority, and in the list that the server reads. */
async function revokeCertificates(
  file: InstanceType<typeof import('./server-file.ts')['ServerFile']>,
  router: string,
  folder: string,
  days: number,
): Promise<{ readonly serials: readonly string[]; readonly isListWritten: boolean }> {
  const { AuthorityFolder } = await import('./ca-folder.ts');
  const { readTrusted, writeFileAtomically } = await import('../platform/files.ts');
  const authority = new AuthorityFolder(folder);
  const serials = authority.revoke(router, days);
  if (serials.length === 0) authority.writeList(days);
  const list = file.settings.certificate?.revocationLists;
  if (list?.kind !== 'file') return { serials, isListWritten: false };
  writeFileAtomically(file.beside(list.path), readTrusted(authority.file('ca.crl')), 0o644);
  return { serials, isListWritten: true };
}
