/** `sekisho policy count`: how much a person typed, next to what hand-set IPsec with IKE would take. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import { type OutputOptions, print } from './output.ts';
import { readSettings } from './settings-text.ts';

export function addPolicyCountCommand(parent: Command): void {
  parent
    .command('count')
    .summary('count what was typed, next to hand-set IPsec')
    .description(
      'Counts the settings in the given files of the server and of the routers, next to what setting up IPsec with\n' +
        'IKE by hand would take for the same network. An IPsec policy and an IKE policy count one each, at the router\n' +
        'and at the server. SPD selectors, which are needed either way, are a line of their own.',
    )
    .argument('<file...>', 'YAML settings: one of the server and any number of routers')
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sekisho policy count server.yaml router-*.yaml
  sekisho policy count server.yaml tokyo.yaml osaka.yaml --json

Exit codes: 0 counted, 1 a file has mistakes or cannot be read, 2 wrong command line`,
    )
    .action(async (files: string[], options: OutputOptions) => {
      const { parsePolicyFile } = await import('../server/distribution-policies/policy-file.ts');
      const { parseRouterFile } = await import('../router/settings-file.ts');
      const { countSettings, formatCount } = await import('../server/distribution-policies/count.ts');
      const settings = files.map(readSettings);
      const [server, second] = settings.filter((one) => one.role === 'server');
      if (second !== undefined) {
        throw new HostError(
          'USAGE',
          `expected the file of one server, found ${server?.file} and ${second.file}`,
        );
      }
      const routers = settings
        .filter((one) => one.role === 'router')
        .map(({ file, text }) => parseRouterFile(text, file));
      const count = countSettings(server && parsePolicyFile(server.text, server.file), routers);
      print(count, options, formatCount);
    });
}
