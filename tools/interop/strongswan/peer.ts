/** strongSwan in network namespaces. Leaves nothing behind but the logs of conversations that failed. */
import { join } from 'node:path';
import { Place } from '../../lab/place.ts';
import { obtainPrivileges } from '../../lab/privileges.ts';
import { Processes, repository } from '../../lab/processes.ts';
import { unlessInterrupted } from '../interrupted.ts';
import type { Peer, Played, PlayOptions } from '../peer.ts';
import { type Combination, nameOf } from './matrix/combination.ts';
import { combinations } from './matrix/combinations.ts';
import { progressLine, renderMatrix, renderProblems, reportOf } from './report.ts';
import { runCombinations } from './run.ts';

/** What runs has so long to end by itself when the whole run is to end. */
const interruptedGraceMs = 500;

export const peer: Peer = { names: combinations.map(nameOf), play };

function play(options: PlayOptions): Promise<Played> {
  obtainPrivileges();
  return playChosen(
    combinations.filter((one) => options.isChosen(nameOf(one))),
    options,
  );
}

/**
 * Plays these combinations and leaves nothing behind but the logs of those that failed. Needs privileges.
 *
 * @throws HostError; Interrupted
 */
export async function playChosen(
  chosen: readonly Combination[],
  { jobs, name, print, signal }: Omit<PlayOptions, 'isChosen'>,
): Promise<Played> {
  const place = Place.take(name, print);
  const processes = new Processes(place);
  try {
    const running = runCombinations({
      ...{ place, processes, combinations: chosen, jobs, signal },
      logs: join(repository, 'build/interop'),
      onResult: (result, done) => print(progressLine(result, done, chosen.length)),
    });
    const results = await unlessInterrupted(signal, running);
    return {
      matrix: renderMatrix(results),
      problems: renderProblems(results),
      outcomes: results,
      report: reportOf(results),
    };
  } finally {
    await processes.stopAll(signal.aborted ? interruptedGraceMs : undefined);
    place.leave();
  }
}
