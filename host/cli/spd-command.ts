/** `sekisho spd`: the router's ordered SPD as its engine has it. */
import type { Command } from 'commander';
import { z } from 'zod';
import { spdRowSchema } from '../model/status.ts';
import { ask, routerSocket } from './control-client.ts';
import { print } from './output.ts';
import { renderSpd } from './render-router.ts';

export function addSpdCommand(parent: Command): void {
  parent
    .command('spd')
    .summary("the router's SPD: which packets are protected, and through what")
    .description(
      'Shows the SPD (RFC 4301 section 4.4.1) of the router on this machine in its order: the first row whose\n' +
        'selector matches a packet decides, and a packet that matches none is discarded. STATE says whether a\n' +
        'PROTECT row has SAs (sa), is asking for them (acquire) or was refused them (blocked).',
    )
    .option('--socket <path>', 'control socket of the router', routerSocket)
    .option('--json', 'print the rows as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sekisho spd
  sekisho spd --json | jq '.[] | select(.state == "blocked")'

Exit codes: 0 shown, 3 no router answers`,
    )
    .action(async (options: { socket: string; json?: boolean }) => {
      print(await ask(options.socket, '/spd', z.array(spdRowSchema)), options, renderSpd);
    });
}
