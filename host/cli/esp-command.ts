/** `sekisho esp`: seals and opens ESP packets in capture files with the engine of the router, for support and for tests. */
import type { Command } from 'commander';
import { addEspOpenCommand } from './esp-open-command.ts';
import { addEspSealCommand } from './esp-seal-command.ts';

/** The SA file, explained once for both commands. */
export const saFileHelp = `
The SA, as JSON:
  protocol          "esp"
  mode              "tunnel" or "transport"
  proposal          aes256gcm16, aes128gcm16, aes256-sha256, aes128-sha256, aes256-sha1, aes128-sha1
  spi               number or "0x…"
  encryptionKey     hexadecimal, without salt
  authenticationKey hexadecimal; left out for GCM
  salt              hexadecimal, 4 octets; GCM only
  esn               true for extended (64-bit) sequence numbers; default false
  sequence          first sequence number; default 1
  tunnel            {"source": …, "destination": …}, the outer addresses; tunnel mode only
  udpEncapsulation  {"sourcePort": 4500, "destinationPort": 4500}; left out for raw ESP

{"protocol": "esp", "mode": "tunnel", "proposal": "aes128gcm16", "spi": "0x1000",
 "encryptionKey": "000102030405060708090a0b0c0d0e0f", "salt": "10111213", "esn": true, "sequence": 1,
 "tunnel": {"source": "192.0.2.1", "destination": "192.0.2.2"}}`;

export function addEspCommand(parent: Command): void {
  const esp = parent
    .command('esp')
    .summary('seal or open ESP packets in capture files')
    .description(
      "Runs the packets of a capture file through the router's own packet engine with one SA of your choice.\n" +
        'For support (can this be opened with that key?) and for tests against other implementations.',
    )
    .addHelpText('after', saFileHelp);
  addEspSealCommand(esp);
  addEspOpenCommand(esp);
}
