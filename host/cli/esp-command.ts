/** `sekisho esp`: seals and opens ESP and AH packets in capture files with the engine of the router, for support and for tests. */
import type { Command } from 'commander';
import { addEspOpenCommand } from './esp-open-command.ts';
import { addEspSealCommand } from './esp-seal-command.ts';
import { saFileHelp } from './sa-file-help.ts';

export function addEspCommand(parent: Command): void {
  const esp = parent
    .command('esp')
    .summary('seal or open ESP or AH packets in capture files')
    .description(
      "Runs the packets of a capture file through the router's own packet engine with one SA of your choice.\n" +
        'For support (can this be opened with that key?) and for tests against other implementations.',
    )
    .addHelpText('after', saFileHelp);
  addEspSealCommand(esp);
  addEspOpenCommand(esp);
}
