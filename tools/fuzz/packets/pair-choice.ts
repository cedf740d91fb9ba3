/** Draws pairs for packets. AH has few proposals: it gets more than their share. */
import type { SaProtocol } from '../../../host/model/security-association.ts';
import type { Random } from '../random.ts';
import type { PairPlan } from './pair-plan.ts';

type EngineOrigin = 'router' | 'peer';

export class PairChoice {
  readonly #random: Random;
  /** Indexes of pairs. */
  readonly #pairs: Readonly<Record<EngineOrigin, Readonly<Record<SaProtocol, readonly number[]>>>>;

  constructor(random: Random, pairs: readonly PairPlan[]) {
    this.#random = random;
    const of = (origin: EngineOrigin, protocol: SaProtocol) =>
      pairs.filter((pair) => pair.origin === origin && pair.protocol === protocol).map(({ index }) => index);
    const byProtocol = (origin: EngineOrigin) => ({ esp: of(origin, 'esp'), ah: of(origin, 'ah') });
    this.#pairs = { router: byProtocol('router'), peer: byProtocol('peer') };
  }

  /** Index of a pair that this engine sends through. */
  pick(origin: EngineOrigin): number {
    return this.of(origin, this.#random.oneIn(4) ? 'ah' : 'esp');
  }

  /** The same, of this protocol. */
  of(origin: EngineOrigin, protocol: SaProtocol): number {
    return this.#random.pick(this.#pairs[origin][protocol]);
  }
}
