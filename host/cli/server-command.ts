/** `sekisho server`: runs the setting server in the foreground. All it does is in host/server/main.ts. */
import type { Command } from 'commander';

export function addServerCommand(parent: Command): void {
  parent
    .command('server')
    .summary('run the setting server')
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
  sekisho status                  see which routers are connected

Exit codes: 0 ended by a signal, 1 the file or the machine does not allow it, 2 wrong command line`,
    )
    .action(async (options: { config: string; socket?: string }) => {
      const { main } = await import('../server/main.ts');
      await main(options);
    });
}
