/**
 * The order in which the scenarios run, and the report made of what they found. One that fails does not keep the others
 * from running: its error is a shortfall.
 */
import { cpus, loadavg, release } from 'node:os';
import { shortenedSeconds } from '../configuration.ts';
import { isInMemory } from '../place.ts';
import type { Finding, Outcome, Report } from '../report.ts';
import { firstPacket } from './first-packet.ts';
import { messageLoss } from './message-loss.ts';
import { noPolicy } from './no-policy.ts';
import { peerDown } from './peer-down.ts';
import { powerCut } from './power-cut.ts';
import { renewals } from './renewals.ts';
import { routerRestart } from './router-restart.ts';
import type { Scene } from './scene.ts';
import { serverRestart } from './server-restart.ts';
import { settings } from './settings.ts';
import { transfer } from './transfer.ts';

export type Step = (scene: Scene) => Promise<Outcome>;

/** What everybody sees: the first packet and a transfer. */
export const shortScenario: readonly Step[] = [firstPacket, transfer];

/** With the everyday configuration. */
const everyday: readonly Step[] = [firstPacket, transfer, renewals, noPolicy, serverRestart, routerRestart];
/** With guests. What a router does by itself is seen from outside. */
const withGuests: readonly Step[] = [firstPacket, transfer, powerCut];
/** With the configuration `many` and its shortened intervals; peerDown first, since it wants a pair without SAs. */
const many: readonly Step[] = [peerDown, messageLoss];

const behindTheSerialLine = 'asks a router by its control socket, and a board has no log-in';
const leftOutWithGuests: Report['leftOut'] = [
  { part: 'renewals', why: behindTheSerialLine },
  { part: 'noPolicy', why: behindTheSerialLine },
  {
    part: 'serverRestart',
    why: 'its flow of 1,000 datagrams a second is more than an emulated processor carries',
  },
  { part: 'routerRestart', why: 'powerCut is played in its place' },
  { part: 'peerDown', why: behindTheSerialLine },
  { part: 'messageLoss', why: behindTheSerialLine },
];

export interface ScenarioResult {
  readonly finding: Finding;
  readonly shortfalls: readonly string[];
}

/**
 * Runs the steps one after the other.
 *
 * @param show gets what each found, at once, for a person
 */
export async function runSteps(
  scene: Scene,
  steps: readonly Step[],
  show: (finding: Finding) => Promise<void>,
): Promise<ScenarioResult> {
  let finding: Finding = {};
  const shortfalls: string[] = [];
  for (const step of steps) {
    try {
      scene.fleet.refuseAfterCrash();
      const outcome = await step(scene);
      finding = { ...finding, ...outcome.finding };
      shortfalls.push(...outcome.shortfalls);
      for (const line of outcome.shortfalls) scene.say(`FELL SHORT: ${line}`);
      await show(outcome.finding);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const line = `${step.name} could not be finished: ${reason.split('\n')[0]}`;
      shortfalls.push(line);
      scene.say(`FELL SHORT: ${line}`);
    }
  }
  return { finding, shortfalls };
}

/** Leaves the fleet with the configuration `many`. */
function runWithManySelectors(
  scene: Scene,
  show: (finding: Finding) => Promise<void>,
): Promise<ScenarioResult> {
  const { fleet } = scene;
  scene.say('new configuration: a hundred small selectors for each pair of routers, shortened intervals');
  async function reconfiguration(): Promise<Outcome> {
    await fleet.stopAll();
    await fleet.startAll('many');
    return { finding: {}, shortfalls: [] };
  }
  return runSteps(scene, [reconfiguration, ...many, settings], show);
}

/** The whole scenario and its report. Leaves the fleet with the configuration `many` where no router is a guest. */
export async function runWholeScenario(
  scene: Scene,
  show: (finding: Finding) => Promise<void>,
): Promise<Report> {
  const { fleet, capture } = scene;
  const [load = 0] = loadavg();
  const hasGuests = fleet.guests.size > 0;
  const first = await runSteps(scene, hasGuests ? withGuests : everyday, show);
  const second = hasGuests
    ? await runSteps(scene, [settings], show)
    : await runWithManySelectors(scene, show);
  const counts = capture.census.counts();
  const missed = await capture.stop();
  const found = [...first.shortfalls, ...second.shortfalls];
  if (counts.repeatedIvs > 0) found.push(`capture: ${counts.repeatedIvs} (key, IV) pairs were used twice`);
  if (counts.fragments > 0) found.push(`capture: ${counts.fragments} outer packets were fragments`);
  if (missed !== 0) found.push(`capture: tcpdump missed ${missed} packets, so its counts prove nothing`);
  const finding = { ...first.finding, ...second.finding };
  return {
    version: 1,
    ...finding,
    ...(scene.guests === undefined ? {} : { guests: scene.guests }),
    leftOut: hasGuests ? leftOutWithGuests : [],
    shortenedIntervals: hasGuests
      ? { in: [], seconds: {} }
      : { in: ['messageLoss', 'peerDown'], seconds: shortenedSeconds },
    capture: { repeatedIvs: counts.repeatedIvs, fragments: counts.fragments, missed },
    machine: {
      kernel: release(),
      node: process.version,
      processors: cpus().length,
      load,
      database: isInMemory() ? 'memory' : 'disk',
    },
    shortfalls: found,
    ok: found.length === 0,
  };
}
