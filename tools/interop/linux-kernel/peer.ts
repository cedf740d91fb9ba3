/** The Linux kernel's ESP and AH in a guest of QEMU, against our engine. Needs no privileges. */
import { join } from 'node:path';
import { repository } from '../../lab/processes.ts';
import type { Peer, Played, PlayOptions } from '../peer.ts';
import { combinations } from './combinations.ts';
import { progressLine, renderMatrix, renderProblems, reportOf } from './report.ts';
import { runCombinations } from './run.ts';

export const peer: Peer = { names: combinations.map(({ name }) => name), play };

async function play({ isChosen, print }: PlayOptions): Promise<Played> {
  const chosen = combinations.filter(({ name }) => isChosen(name));
  print('the guest boots; without hardware virtualization that takes half a minute');
  const { kernel, results } = await runCombinations({
    combinations: chosen,
    folder: join(repository, 'build/debian'),
    onBooted: (version) => print(`Linux ${version}`),
    onResult: (result, done) => print(progressLine(result, done, chosen.length)),
  });
  return {
    matrix: renderMatrix(results),
    problems: renderProblems(results),
    outcomes: results,
    report: reportOf(kernel, results),
  };
}
