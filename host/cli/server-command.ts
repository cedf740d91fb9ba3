/**
 * `sekisho server`: runs the setting server in the foreground, which is host/server/main.ts, and lets routers in and out.
 */
import type { Command } from 'commander';
import { addServerEnrolCommand } from './server-enrol-command.ts';
import { addServerRevokeCommand } from './server-revoke-command.ts';

export function addServerCommand(parent: Command): void {
  const server = parent
    .command('server')
    .summary('run the setting server, enrol and revoke routers')
    .description(
      'Runs the setting server in the foreground: holds the policies of FILE, makes every key, and hands\n' +
        'both to the routers. It needs no privileges. SIGHUP, or a change of the file, loads the policies\n' +
        'anew; a file with an error is refused whole, and what was in force stays so. SIGTERM ends it.',
    )
    .requiredOption('-c, --config <file>', 'YAML file with listen address, routers and policies')
    .option('--socket <path>', 'control socket (default: as in the file, or /run/sekisho/server.sock)')
    .addHelpText(
      'after',
      `
Examples:
  sekisho policy check server.yaml && sekisho server --config server.yaml
  kill -HUP PID                   load the policies anew
  sekisho server enrol tokyo --config server.yaml --networks 10.1.0.0/16 > tokyo.yaml
  sekisho server revoke tokyo --config server.yaml
  sekisho status                  see which routers are connected

Exit codes: 0 ended by a signal, 1 the file or the machine does not allow it, 2 wrong command line`,
    )
    .action(async (options: { config: string; socket?: string }) => {
      const { main } = await import('../server/main.ts');
      await main(options);
    });
  addServerEnrolCommand(server);
  addServerRevokeCommand(server);
}
