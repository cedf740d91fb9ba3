/**
 * The Linux kernel in a guest of QEMU: its ESP and AH against our engine, which needs no privileges; then strongSwan with that ESP against
 * our server, for which there have to be network namespaces.
 */
import { join } from 'node:path';
import { obtainPrivileges } from '../../lab/privileges.ts';
import { repository } from '../../lab/processes.ts';
import { unlessInterrupted } from '../interrupted.ts';
import type { Peer, Played, PlayOptions } from '../peer.ts';
import { nameOf } from '../strongswan/matrix/combination.ts';
import { playChosen } from '../strongswan/peer.ts';
import { type Combination, combinations } from './combinations.ts';
import { ikev2Combinations } from './ikev2-combinations.ts';
import { progressLine, renderMatrix, renderProblems, reportOf } from './report.ts';
import { runCombinations } from './run.ts';

export const peer: Peer = {
  names: [...combinations.map(({ name }) => name), ...ikev2Combinations.map(nameOf)],
  play,
};

async function play(options: PlayOptions): Promise<Played> {
  const sas = combinations.filter(({ name }) => options.isChosen(name));
  const channels = ikev2Combinations.filter((one) => options.isChosen(nameOf(one)));
  if (channels.length > 0) obtainPrivileges();
  const parts = [
    ...(sas.length > 0 ? [await playSas(sas, options)] : []),
    ...(channels.length > 0 ? [withIkev2(await playChosen(channels, options))] : []),
  ];
  const texts = (part: 'matrix' | 'problems') => parts.map((one) => one[part]).filter((text) => text !== '');
  return {
    matrix: texts('matrix').join('\n\n'),
    problems: texts('problems').join('\n'),
    outcomes: parts.flatMap(({ outcomes }) => outcomes),
    report: Object.assign({}, ...parts.map(({ report }) => report)),
  };
}

/** In the document of `--json` the channels stand beside the SAs. */
function withIkev2(played: Played): Played {
  return { ...played, report: { ikev2: played.report } };
}

async function playSas(chosen: readonly Combination[], { print, signal }: PlayOptions): Promise<Played> {
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
