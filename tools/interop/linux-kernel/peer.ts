/** The Linux kernel's ESP and AH in a guest of QEMU, against our engine. Needs no privileges. */
import { join } from 'node:path';
import { repository } from '../../lab/processes.ts';
import { unlessInterrupted } from '../interrupted.ts';
import type { Peer, Played, PlayOptions } from '../peer.ts';
import { combinations } from './combinations.ts';
import { progressLine, renderMatrix, renderProblems, reportOf } from './report.ts';
import { runCombinations } from './run.ts';

export const peer: Peer = { names: combinations.map(({ name }) => name), play };

async function play({ isChosen, print, signal }: PlayOptions): Promise<Played> {
  const chosen = combinations.filter(({ name }) => isChosen(name));
  print('the guest boots; without hardware virtualization that takes half a minute');
  // Its guest ends with this program (tools/qemu-runner/guest.ts).
  const running = runCombinations({
    combinations: chosen,
    folder: join(repository, 'build/debian'),
    onBooted: (version) => print(`Linux ${version}`),
    onResult: (result, done) => print(progressLine(result, done, chosen.length)),
  });
  const { kernel, results } = await unlessInterrupted(signal, running);
  return {
    matrix: renderMatrix(results),
    problems: renderProblems(results),
    outcomes: results,
    report: reportOf(kernel, results),
  };
}
