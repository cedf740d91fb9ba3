/** Runs one seed from beginning to end, and says which invariant broke, if any. */
import type { Engine } from '../../host/dataplane/engine.ts';
import { EngineModel } from './engine-model.ts';
import type { Plant } from './plant.ts';
import { Prng } from './prng.ts';
import { drawScenario, type Profile } from './scenario.ts';
import { settle } from './settlement.ts';
import { planTraffic, planTroubles } from './trouble.ts';
import { type Invariant, Violation } from './witness.ts';
import { World } from './world.ts';

export interface SeedOptions {
  readonly routers?: number | undefined;
  readonly loss?: number | undefined;
  /** Of every router; drawn for each unless given. */
  readonly workers?: number | undefined;
  /** The shipped engine instead of the model. */
  readonly wasm?:
    | {
        readonly makeEngine: (prng: Prng, saPairs: number) => Engine;
        readonly inspect: (engine: Engine) => void;
      }
    | undefined;
  readonly plant?: Plant | undefined;
  readonly trace?: string[] | undefined;
}

export interface SeedResult {
  readonly seed: number;
  readonly profile: Profile;
  readonly violation:
    | { readonly invariant: Invariant; readonly message: string; readonly stack: string }
    | undefined;
  readonly steps: number;
  readonly packets: number;
  readonly delivered: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** How long an SA may be at one end alone, both ends and the server being there: installation, then withdrawal. */
const aloneBoundMs = 60_000 + 100_000;
/** With more loss than this ten withdrawals may go unheard, and the next waits for a new channel. */
const aloneMaximumLoss = 0.35;
const aloneCheckEveryMs = 5_000;

export function runSeed(seed: number, options: SeedOptions = {}): SeedResult {
  const prng = new Prng(seed);
  const scenario = drawScenario(prng, {
    ...(options.routers === undefined ? {} : { routers: options.routers }),
    ...(options.loss === undefined ? {} : { loss: options.loss }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
  });
  const world = new World({
    seed,
    scenario,
    prng,
    makeEngine:
      options.wasm?.makeEngine ?? (() => new EngineModel(scenario.saPairs, options.plant?.modelFaults ?? {})),
    isEncrypting: options.wasm !== undefined,
    inspect: options.wasm?.inspect,
    plant: options.plant,
    trace: options.trace,
  });
  let violation: SeedResult['violation'];
  try {
    play(world);
  } catch (error) {
    violation = describe(error);
    world.trace('', violation.message);
  }
  const numbers = [...world.sent.keys()];
  return {
    seed,
    profile: scenario.profile,
    violation,
    steps: world.agenda.steps,
    packets: numbers.length,
    delivered: numbers.filter((number) => world.witness.hasDelivered(number)).length,
    drops: world.drops,
  };
}

function play(world: World): void {
  const end = world.now + world.scenario.durationMs;
  world.begin();
  planTraffic(world, end);
  planTroubles(world, end);
  const check = () => {
    world.witness.checkAlone(aloneBoundMs, (router) => world.undisturbedSince(router));
    if (world.now < end + 600_000) world.agenda.after(aloneCheckEveryMs, check);
  };
  if (world.scenario.weather.loss <= aloneMaximumLoss) check();
  world.runUntil(end);
  settle(world);
}

function describe(error: unknown): NonNullable<SeedResult['violation']> {
  if (error instanceof Violation) {
    return { invariant: error.invariant, message: error.message, stack: error.stack ?? '' };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    invariant: 'exception',
    message: `exception: ${message}`,
    stack: error instanceof Error ? (error.stack ?? '') : '',
  };
}
