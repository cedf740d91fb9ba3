/** What the JSON file of an SA holds, for `--help`; docs/cli.md says the same at length. */
import { proposalFormsOf } from '../model/proposal.ts';

/** One keyword form a line, so that braces stay whole. */
const formsOf = (protocol: 'esp' | 'ah'): string =>
  proposalFormsOf[protocol].replace(/, (?![^{]*\})/g, ',\n                    ');

/** Behind the options of each command that takes such a file. */
export const saFileHelp = `
The SA, as JSON:
  protocol          "esp" or "ah"; default "esp"
  mode              "tunnel" or "transport"
  proposal          ${formsOf('esp')};
                    with "ah": ${formsOf('ah')}
  spi               number or "0x…"
  encryptionKey     hexadecimal, without salt; left out where the proposal has none
  authenticationKey hexadecimal; left out for GCM, CCM, GMAC and ChaCha20-Poly1305
  salt              hexadecimal: 4 octets for GCM, GMAC, CTR and ChaCha20-Poly1305, 3 for CCM
  esn               true for extended (64-bit) sequence numbers; default false
  sequence          first sequence number; default 1
  tunnel            {"source": …, "destination": …}, the outer addresses; tunnel mode only
  udpEncapsulation  {"sourcePort": 4500, "destinationPort": 4500}; left out for raw ESP and AH

{"protocol": "esp", "mode": "tunnel", "proposal": "aes128gcm16", "spi": "0x1000",
 "encryptionKey": "000102030405060708090a0b0c0d0e0f", "salt": "10111213", "esn": true, "sequence": 1,
 "tunnel": {"source": "192.0.2.1", "destination": "192.0.2.2"}}`;
