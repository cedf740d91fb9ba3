/**
 * The `sekisho` command of the image: a router and what looks at it, without the setting server and what edits its files. The
 * router's worker thread runs the same file: most of the code is of both.
 */
import { isMainThread } from 'node:worker_threads';
import { Command } from 'commander';
import { describeError, exitCodeOf } from '../../../host/cli/exit-code.ts';
import { addRouterCommand } from '../../../host/cli/router-command.ts';
import { addSadCommand } from '../../../host/cli/sad-command.ts';
import { addSpdCommand } from '../../../host/cli/spd-command.ts';
import { addStatusCommand } from '../../../host/cli/status-command.ts';
import { softwareVersion } from '../../../host/model/software-version.ts';
import { runRouterThread } from '../../../host/router/router-thread.ts';

async function runCommand(): Promise<void> {
  const program = new Command('sekisho').version(softwareVersion(), '-V, --version').exitOverride();
  addRouterCommand(program, new URL('./sekisho.js', import.meta.url));
  addStatusCommand(program);
  addSpdCommand(program);
  addSadCommand(program);
  try {
    await program.parseAsync();
  } catch (error) {
    const message = describeError(error);
    if (message !== undefined) process.stderr.write(`${message}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

void (isMainThread ? runCommand() : runRouterThread());
