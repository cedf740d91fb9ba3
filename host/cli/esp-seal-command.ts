/** `sekisho esp seal`: packets of a capture, through one outbound SA, into a capture of ESP. */
import type { Command } from 'commander';
import type { EspOptions } from './esp-run.ts';
import { saFileHelp } from './sa-file-help.ts';

export function addEspSealCommand(parent: Command): void {
  parent
    .command('seal')
    .summary('seal the packets of a capture')
    .description(
      'Sends every packet of a capture through one SA and writes the ESP packets, whole outer packets as raw IP.\n' +
        'Captures are classic pcap of raw IP (link type 101) or Ethernet (1); each packet keeps its time.\n' +
        'What cannot be sealed is left out and counted on standard error.',
    )
    .requiredOption('--sa <file>', 'JSON file of the SA')
    .requiredOption('--in <file>', 'capture of plain packets')
    .requiredOption('--out <file>', 'capture of ESP packets to write')
    .option('--json', 'print {"packets": …, "leftOut": {reason: count}}')
    .addHelpText(
      'after',
      `${saFileHelp}

Sealing twice with one file repeats sequence numbers and, with GCM, nonces: keep the second result to yourself.

Examples:
  sekisho esp seal --sa sa.json --in plain.pcap --out esp.pcap
  tcpdump -r esp.pcap

Exit codes: 0 all sealed, 1 some left out or a file is wrong, 2 wrong command line`,
    )
    .action(async (options: EspOptions) => {
      const { runEsp } = await import('./esp-run.ts');
      runEsp('seal', options);
    });
}
