/**
 * The power of a guest is cut under a flow and switched on again: it boots, gets its channel and new SAs without anybody's help,
 * nothing crosses in clear meanwhile, and no (key, IV) of before comes back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Outcome, shortfalls } from '../report.ts';
import { ping, startFlow } from '../traffic.ts';
import { type Scene, sitesOf } from './scene.ts';

const flowRate = 20;
const downMs = 2000;
/** A boot, a channel and a first packet, on a machine that others use. */
const recoveryWithinMs = 400_000;

export async function powerCut(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet, capture } = scene;
  const { tokyo, osaka } = sitesOf(plan);
  const [cut, other] = fleet.guests.has(osaka.name) ? [osaka, tokyo] : [tokyo, osaka];
  scene.say(`power cut: ${cut.name}'s machine is switched off under a flow, and on again`);
  await capture.settle();
  const before = capture.census.counts();
  const flow = await startFlow(processes, tokyo, osaka, flowRate);
  await sleep(1000);
  await fleet.kill(cut.name);
  await sleep(downMs);
  const down = await ping(processes, cut, other.hostAddress, { count: 5, intervalMs: 50, waitSeconds: 1 });
  const startedAt = performance.now();
  await fleet.startRouter(cut);
  let recoveredMilliseconds: number | null = null;
  while (recoveredMilliseconds === null && performance.now() - startedAt < recoveryWithinMs) {
    fleet.refuseAfterCrash();
    const answer = await ping(processes, other, cut.hostAddress, { waitSeconds: 1 });
    if (answer.replies > 0) recoveredMilliseconds = Math.round(performance.now() - startedAt);
  }
  await flow.stop();
  await capture.settle();
  const after = capture.census.counts();
  const cleartextPackets = after.cleartext - before.cleartext;
  const repeatedIvs = after.repeatedIvs - before.repeatedIvs;
  return {
    finding: { powerCut: { router: cut.name, recoveredMilliseconds, cleartextPackets, repeatedIvs } },
    shortfalls: shortfalls(
      [down.replies === 0, 'power cut: a ping was answered although the router was off'],
      [recoveredMilliseconds !== null, `power cut: no traffic after ${recoveryWithinMs / 1000} s`],
      [cleartextPackets === 0, `power cut: ${cleartextPackets} packets crossed in clear`],
      [repeatedIvs === 0, `power cut: ${repeatedIvs} initialisation vectors were used twice`],
    ),
  };
}
