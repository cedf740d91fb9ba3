/** `sekisho policy explain`: which distribution policy two routers would get, and why. */
import type { Command } from 'commander';
import { type OutputOptions, print } from './output.ts';
import { readSettings } from './settings-text.ts';

interface ExplainOptions extends OutputOptions {
  readonly config: string;
}

export function addPolicyExplainCommand(parent: Command): void {
  parent
    .command('explain')
    .summary('which policy would two routers get, and why?')
    .description(
      'Looks up the distribution policies of two routers as the server would, and says of each policy of the pair\n' +
        'whether it applies and why not. With a selector: which one a packet from A would get.',
    )
    .argument('<a>', 'name of a router')
    .argument('<b>', 'name of the other router')
    .argument('[selector...]', 'a packet as A sends it, for example: tcp 443, or 10.1.0.5 10.2.0.9 udp 53')
    .option('-c, --config <file>', "the server's settings", '/etc/sekisho/server.yaml')
    .option('--json', 'print the explanation as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sekisho policy explain tokyo osaka --config server.yaml
  sekisho policy explain tokyo osaka tcp 443
  sekisho policy explain tokyo osaka 10.1.0.5 10.2.0.9 udp 53

Exit codes: 0 a policy applies, 1 none does or the file has mistakes, 2 wrong command line`,
    )
    .action(async (a: string, b: string, selector: string[], options: ExplainOptions) => {
      const { explainPolicy } = await import('../server/distribution-policies/explain.ts');
      print(explainPolicy(readSettings(options.config), a, b, selector), options, String);
    });
}
