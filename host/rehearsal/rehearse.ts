/**
 * A rehearsal of everything before the first packet: a setting server and two routers, with real settings, channels, ESP and
 * store, that exist in memory alone. Packets between the two sites are held, get their SAs and arrive, again and again.
 *
 * It proves at every start that what goes in comes out, with every proposal. And it leaves compiled code behind: V8 runs
 * what has not run yet several times more slowly than what has run often, so that without it the first set-up of a process
 * took several times as long as its hundredth. That works only as far as the objects here are those of the real
 * programs, which is why they are made by the same code: settings are parsed, commands and events are cloned, instants
 * have fractions.
 */
import { RehearsedNetwork } from './rehearsed-network.ts';

/** So many set-ups leave V8 with optimised code for all that matters; twice as many changed little, measured. */
const usualRounds = 300;

/**
 * Runs the rehearsal, in some tenths of a second.
 *
 * @param random unpredictable octets
 * @throws HostError FIRMWARE_SELF_TEST when a packet does not arrive as it was
 */
export function rehearse(random: (octets: number) => Uint8Array, rounds = usualRounds): void {
  const network = new RehearsedNetwork(random);
  try {
    for (let round = 0; round < rounds; round++) network.carry(round);
  } finally {
    network.close();
  }
}
