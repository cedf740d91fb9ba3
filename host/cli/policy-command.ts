/** `sekisho policy`: looks at configuration files. Nothing here needs a network, a privilege or a running process. */
import type { Command } from 'commander';
import { addPolicyCheckCommand } from './policy-check-command.ts';
import { addPolicyCountCommand } from './policy-count-command.ts';
import { addPolicyExplainCommand } from './policy-explain-command.ts';

export function addPolicyCommand(parent: Command): void {
  const policy = parent
    .command('policy')
    .summary('check, explain and count configuration files')
    .description(
      'Looks at the YAML files of the setting server and of routers. It needs no network, no privileges and no\n' +
        'running process, so it fits a pre-commit hook.',
    )
    .addHelpText('after', '\nEach has its own examples: sekisho policy check --help');
  addPolicyCheckCommand(policy);
  addPolicyExplainCommand(policy);
  addPolicyCountCommand(policy);
}
