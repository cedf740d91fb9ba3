/** `sekisho table`: the setting server's management table, or its distribution policies. */
import type { Command } from 'commander';
import { z } from 'zod';
import { managementRowSchema, policyRowSchema } from '../model/status.ts';
import { ask, serverSocket } from './control-client.ts';
import { print } from './output.ts';
import { renderManagementTable, renderPolicies } from './render-server.ts';

export function addTableCommand(parent: Command): void {
  parent
    .command('table')
    .summary("the server's management table: requested and issued SAs")
    .description(
      'Shows the management table of the setting server on this machine: one row for each pair of SAs that was\n' +
        'asked for or issued, who asked, for which kind (distribution policy), and how far it is. Keys are not in\n' +
        'it; the server forgets them as soon as both routers have them.',
    )
    .option('--socket <path>', 'control socket of the server', serverSocket)
    .option('--policies', 'show the distribution policies in force instead')
    .option('--json', 'print the rows as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sekisho table
  sekisho table --policies
  sekisho table --json | jq 'group_by(.state) | map({(.[0].state): length}) | add'

Exit codes: 0 shown, 3 no server answers`,
    )
    .action(async (options: { socket: string; policies?: boolean; json?: boolean }) => {
      if (options.policies === true) {
        print(await ask(options.socket, '/policies', z.array(policyRowSchema)), options, renderPolicies);
      } else {
        print(
          await ask(options.socket, '/table', z.array(managementRowSchema)),
          options,
          renderManagementTable,
        );
      }
    });
}
