/** strongSwan in network namespaces. Leaves nothing behind but the logs of conversations that failed. */
import { join } from 'node:path';
import { Place } from '../../lab/place.ts';
import { obtainPrivileges } from '../../lab/privileges.ts';
import { Processes, repository } from '../../lab/processes.ts';
import type { Peer, Played, PlayOptions } from '../peer.ts';
import { nameOf } from './combination.ts';
import { combinations } from './combinations.ts';
import { progressLine, renderMatrix, renderProblems, reportOf } from './report.ts';
import { runCombinations } from './run.ts';

export const peer: Peer = { names: combinations.map(nameOf), play };

async function play({ isChosen, jobs, name, print }: PlayOptions): Promise<Played> {
  obtainPrivileges();
  const chosen = combinations.filter((one) => isChosen(nameOf(one)));
  const place = Place.take(name, print);
  const processes = new Processes(place);
  const leave = async () => {
    await processes.stopAll();
    place.leave();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void leave().finally(() => process.exit(130)));
  }
  try {
    const results = await runCombinations({
      ...{ place, processes, combinations: chosen, jobs },
      logs: join(repository, 'build/interop'),
      onResult: (result, done) => print(progressLine(result, done, chosen.length)),
    });
    return {
      matrix: renderMatrix(results),
      problems: renderProblems(results),
      outcomes: results,
      report: reportOf(results),
    };
  } finally {
    await leave();
  }
}
