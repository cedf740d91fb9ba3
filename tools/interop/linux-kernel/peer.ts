/** The Linux kernel's ESP and AH in a guest of QEMU, against our engine. Needs no privileges. */
import { join } from 'node:path';
import { repository } from '../../lab/processes.ts';
import type { Peer, Played, PlayOptions } from '../peer.ts';
import { combinations } from './combinations.ts';
import { progressLine, renderMatrix, renderProblems, reportOf, verdictLine } from './report.ts';
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
  const problems = renderProblems(results);
  return {
    text: `${renderMatrix(results)}\n${problems === '' ? '' : `\n${problems}\n`}`,
    verdict: verdictLine(results),
    isAgreed: results.every(({ problem }) => problem === undefined),
    report: reportOf(kernel, results),
  };
}
