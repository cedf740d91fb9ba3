/**
 * The internet between the nodes: each datagram is lost, doubled, late, or arrives, as the weather and the seed say. No order
 * is kept between two datagrams.
 */
import type { Agenda } from './agenda.ts';
import type { Prng } from './prng.ts';
import type { Weather } from './scenario.ts';

export class Network {
  weather: Weather;
  readonly #agenda: Agenda;
  readonly #prng: Prng;

  constructor(agenda: Agenda, prng: Prng, weather: Weather) {
    this.#agenda = agenda;
    this.#prng = prng;
    this.weather = weather;
  }

  /** Calls `arrive` once for each copy that gets there; returns how many there will be. */
  carry(arrive: (copy: number) => void): number {
    const { loss, duplication } = this.weather;
    let copies = this.#prng.chance(loss) ? 0 : 1;
    if (duplication > 0 && this.#prng.chance(duplication)) copies += 1;
    for (let copy = 0; copy < copies; copy += 1) this.#agenda.after(this.delayMs(), () => arrive(copy));
    return copies;
  }

  delayMs(): number {
    const { minimumMs, maximumMs, stragglers } = this.weather;
    const delay = this.#prng.between(minimumMs, maximumMs);
    return stragglers > 0 && this.#prng.chance(stragglers) ? delay + this.#prng.between(200, 8_000) : delay;
  }
}
