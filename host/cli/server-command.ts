/**
 * `sekisho server`: runs the setting server in the foreground, which is host/server/main.ts, and lets routers in and out.
 */
import type { Command } from 'commander';
import { addServerEnrolCommand } from './server-enrol-command.ts';
import { addServerRevokeCommand } from './server-revoke-command.ts';
import { addServerRolloutCommand } from './server-rollout-command.ts';

export function addServerCommand(parent: Command): void {
  const server = parent
    .command('server')
    .summary('run the setting server, enrol and revoke routers, bring them to another version')
    .description(
      'Runs the setting server in the foreground: holds the policies of FILE, makes every key, and hands\n' +
        'both to the routers. It needs no privileges. SIGHUP, or a change of the file, loads the policies\n' +
        'anew; a file with an error is refused whole, and what was in force stays so. SIGTERM ends it.',
    )
    .option('-c, --config <file>', 'YAML file with listen address, routers and policies')
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
    // Routers are rolled out by the server that runs; all else begins with its file.
    .hook('preSubcommand', (self, subcommand) => {
      if (subcommand.name() !== 'rollout') configOf(self);
    })
    .action(async (options: { socket?: string }, self: Command) => {
      const config = configOf(self);
      const { main } = await import('../server/main.ts');
      await main({ ...options, config });
    });
  addServerEnrolCommand(server);
  addServerRevokeCommand(server);
  addServerRolloutCommand(server);
}

/** The server's file; without one the command line is wrong. */
function configOf(command: Command): string {
  const { config }: { config?: string } = command.opts();
  return config ?? command.error("error: required option '-c, --config <file>' not specified");
}
