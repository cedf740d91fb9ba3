/**
 * Plays combinations one after the other in each of a few arenas side by side, and keeps the logs of those that fail. What
 * is waited for is mostly the other end, so two at a time keep a machine with two processors busy.
 */
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Place } from '../../lab/place.ts';
import type { Processes } from '../../lab/processes.ts';
import { type Combination, folderOf } from './matrix/combination.ts';
import { play } from './play.ts';
import type { Result } from './report.ts';

export interface RunOptions {
  readonly place: Place;
  readonly processes: Processes;
  readonly combinations: readonly Combination[];
  /** How many conversations at a time, at least 1. */
  readonly jobs: number;
  /** Nothing is begun, or reported, once it is aborted. */
  readonly signal: AbortSignal;
  /** Gets a folder for each combination that fails. */
  readonly logs: string;
  readonly onResult: (result: Result, done: number) => void;
}

/** Plays all of them; results are in the order of the combinations. */
export async function runCombinations(options: RunOptions): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = options.combinations.entries();
  let done = 0;
  const work = async (arena: string) => {
    for (const [index, combination] of waiting) {
      if (options.signal.aborted) return;
      const result = await playOne(options, arena, combination);
      // Ctrl-C reaches a command that is under way before it reaches us: what fails by that is no difference.
      await nextTurn();
      if (options.signal.aborted) return;
      results[index] = result;
      done += 1;
      options.onResult(result, done);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, (_, index) => work(`arena${index + 1}`)));
  return results;
}

async function playOne(
  { place, processes, logs }: RunOptions,
  arena: string,
  combination: Combination,
): Promise<Result> {
  const startedAt = performance.now();
  let problem: string | undefined;
  try {
    await play({ place, processes, arena }, combination);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const folder = place.path(arena);
  const kept = problem === undefined ? undefined : keepLogs(folder, join(logs, folderOf(combination)));
  rmSync(folder, { recursive: true, force: true });
  return { combination, problem, seconds, logs: kept };
}

/** Copies the logs alone: beside them lie keys. */
function keepLogs(from: string, to: string): string {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from).filter((name) => name.endsWith('.log')))
    cpSync(join(from, file), join(to, file));
  return to;
}
