/** Runs the NAT scenario in a lab that is up, and says what it finds. */
import { loadavg, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scene } from '../scenario/scene.ts';
import { type NatPair, tryPairs } from './pairs.ts';
import { type NatReport, pairShortfalls, renderPairs } from './report.ts';

const calmMs = 5000;

/** Returns the report; `print` gets the table. */
export async function runNatScenario(scene: Scene, print: (text: string) => void): Promise<NatReport> {
  const [load = 0] = loadavg();
  // Processes that have just started still rehearse.
  await sleep(calmMs);
  const pairs: NatPair[] = [];
  for await (const pair of tryPairs(scene)) {
    pairs.push(pair);
    scene.say(`${pair.kinds.join(' and ')}: ${outcomeOf(pair)}`);
    for (const line of pair.said) scene.say(`  ${line}`);
  }
  await scene.capture.settle();
  const { cleartext } = scene.capture.census.counts();
  await scene.capture.stop();
  print(`\n${renderPairs(pairs)}\n`);
  const shortfalls = pairShortfalls(pairs);
  if (cleartext > 0) shortfalls.push(`${cleartext} packets crossed in clear`);
  return {
    version: 1,
    pairs,
    cleartextPackets: cleartext,
    machine: { kernel: release(), node: process.version, load },
    shortfalls,
    ok: shortfalls.length === 0,
  };
}

function outcomeOf({ works, firstPacketMilliseconds, lost, sent, processorMsPerSecond }: NatPair): string {
  if (works) return `first packet ${firstPacketMilliseconds} ms, ${lost} of ${sent} lost under a renewal`;
  return `no path; ${processorMsPerSecond} ms of processor time a second for all three afterwards`;
}
