/** `sekisho esp open`: ESP packets of a capture, through one inbound SA, into a capture of what was in them. */
import type { Command } from 'commander';
import type { EspOptions } from './esp-run.ts';
import { saFileHelp } from './sa-file-help.ts';

export function addEspOpenCommand(parent: Command): void {
  parent
    .command('open')
    .summary('open the ESP packets of a capture')
    .description(
      'Opens the ESP packets of a capture with one SA, in their order and with the anti-replay window on, and writes\n' +
        'what was in them as raw IP. What does not open is left out and counted on standard error by reason:\n' +
        'icv (changed or another key), replay, spi-unknown (another SA), not-esp, …; docs/errors.md has them all.',
    )
    .requiredOption('--sa <file>', 'JSON file of the SA')
    .requiredOption('--in <file>', 'capture of ESP packets')
    .requiredOption('--out <file>', 'capture of plain packets to write')
    .option('--json', 'print {"packets": …, "leftOut": {reason: count}}')
    .addHelpText(
      'after',
      `${saFileHelp}

Examples:
  sekisho esp open --sa sa.json --in esp.pcap --out plain.pcap
  sekisho esp open --sa sa.json --in wan.pcap --out lan.pcap --json | jq .leftOut

Exit codes: 0 all opened, 1 some left out or a file is wrong, 2 wrong command line`,
    )
    .action(async (options: EspOptions) => {
      const { runEsp } = await import('./esp-run.ts');
      runEsp('open', options);
    });
}
