/**
 * The `sekisho` command. It knows the subcommands and how they end; what each does is in a file of its own, and loaded
 * code is kept to what the command needs: nothing of the platform before a command asks for it.
 */
import { Command } from 'commander';
import { softwareVersion } from '../model/software-version.ts';
import { addCaCommand } from './ca-command.ts';
import { addEspCommand } from './esp-command.ts';
import { describeError, exitCodeOf } from './exit-code.ts';
import { addPolicyCommand } from './policy-command.ts';
import { addReleaseCommand } from './release-command.ts';
import { addRouterCommand } from './router-command.ts';
import { addSadCommand } from './sad-command.ts';
import { addServerCommand } from './server-command.ts';
import { addSpdCommand } from './spd-command.ts';
import { addStatusCommand } from './status-command.ts';
import { addTableCommand } from './table-command.ts';

/** The whole command tree; parsing errors are thrown instead of ending the process. */
export function sekisho(): Command {
  const program = new Command('sekisho')
    .description(
      'IPsec set up once: a setting server hands policies, SAs and keys to routers.\n' +
        'Run one server, one router per site; the other commands look at them and at their files.',
    )
    .version(softwareVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command, with examples')
    .helpCommand('help [command]', 'explain a command, with examples')
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError()
    .showHelpAfterError('(sekisho --help explains; every command has its own --help)')
    .exitOverride();
  addServerCommand(program);
  addRouterCommand(program);
  addStatusCommand(program);
  addSpdCommand(program);
  addSadCommand(program);
  addTableCommand(program);
  addPolicyCommand(program);
  addCaCommand(program);
  addReleaseCommand(program);
  addEspCommand(program);
  // `--version` is ours before a command only: `release publish` has one of its own. Said last, so that commands do not inherit it.
  program.enablePositionalOptions();
  program.addHelpText(
    'after',
    `
Exit codes:
  0  all is well
  1  something is wrong, or could not be done; standard error says what
  2  the command line is wrong
  3  no router or server answers at its control socket

Examples:
  sekisho policy check server.yaml          is this file right?
  sekisho server --config server.yaml       run the setting server
  sekisho router --config router.yaml       run a router (needs root)
  sekisho status                            how is what runs on this machine?`,
  );
  return program;
}

/** Runs one command line and sets the process's exit code. */
export async function runCommand(args: readonly string[]): Promise<void> {
  try {
    await sekisho().parseAsync([...args], { from: 'user' });
  } catch (error) {
    const message = describeError(error);
    if (message !== undefined) process.stderr.write(`${message}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

if (import.meta.main) {
  // `sekisho sad | head`: whoever reads has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  await runCommand(process.argv.slice(2));
}
