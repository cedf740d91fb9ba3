/** `sekisho sad`: the router's SAs, without their keys. */
import type { Command } from 'commander';
import { z } from 'zod';
import { sadRowSchema } from '../model/status.ts';
import { ask, routerSocket } from './control-client.ts';
import { print } from './output.ts';
import { renderSad } from './render-router.ts';

export function addSadCommand(parent: Command): void {
  parent
    .command('sad')
    .summary("the router's SAs, without keys")
    .description(
      'Shows the SAD (RFC 4301 section 4.4.2) of the router on this machine. SAs come in pairs, one each way;\n' +
        'PAIR is the SPI of the inbound one. STATE: in use, waiting for its first authentic packet, or old and\n' +
        'kept until its lifetime ends. Keys cannot be shown: the router has no way to tell them.',
    )
    .option('--socket <path>', 'control socket of the router', routerSocket)
    .option('--json', 'print the rows as JSON; sequence, packets and octets are decimal strings')
    .addHelpText(
      'after',
      `
Examples:
  sekisho sad
  sekisho sad --json | jq '[.[].octets | tonumber] | add'

Exit codes: 0 shown, 3 no router answers`,
    )
    .action(async (options: { socket: string; json?: boolean }) => {
      print(await ask(options.socket, '/sad', z.array(sadRowSchema)), options, renderSad);
    });
}
