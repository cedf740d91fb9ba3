/**
 * A rehearsal of everything that a first packet sets going: a setting server and two routers, with real settings, channels,
 * ESP and store, that exist in memory alone. Packets between the two sites are held, get their SAs and arrive, again and
 * again.
 *
 * The first round, before anything is opened, proves at every start that what goes in comes out. The others leave compiled
 * code behind: V8 runs what has not run yet several times more slowly than what has run often, so that without them the
 * first set-up of a process took several times as long as its hundredth. That works only as far as the objects here are
 * those of the real programs, which is why they are made by the same code: settings are parsed, and cloned as for a worker,
 * and instants have fractions.
 *
 * Rounds take milliseconds each and are played while the program has nothing else to do: nobody waits for a rehearsal.
 */
import { RehearsedNetwork } from './rehearsed-network.ts';

/** So many set-ups leave V8 with optimised code for all that matters; twice as many changed little, measured. */
const usualRounds = 300;

export class Rehearsal {
  readonly #rounds: number;
  #network: RehearsedNetwork | undefined;
  #round = 0;

  /**
   * Plays the first round.
   *
   * @param random unpredictable octets; the keys exist only here
   * @throws HostError FIRMWARE_SELF_TEST when a packet does not arrive as it was
   */
  constructor(random: (octets: number) => Uint8Array, rounds = usualRounds) {
    this.#rounds = rounds;
    this.#network = new RehearsedNetwork(random);
    this.play();
  }

  /**
   * Plays another round, if one is left. Returns how many there were: 0 or 1.
   *
   * @throws HostError FIRMWARE_SELF_TEST as the constructor does
   */
  play(): number {
    if (this.#network === undefined) return 0;
    this.#network.carry(this.#round++);
    if (this.#round >= this.#rounds) this.close();
    return 1;
  }

  /** True when no round is left. */
  get isOver(): boolean {
    return this.#network === undefined;
  }

  /** Ends it, and lets its engines go, with keys that protected nothing. */
  close(): void {
    this.#network?.close();
    this.#network = undefined;
  }
}
