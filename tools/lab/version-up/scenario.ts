/**
 * `--scenario version-up`: a guest is brought to other versions by its server while two other routers talk. Bad releases are refused, a
 * version that is no good is left again, a good one is kept; in the long form power is cut in between too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeCommand } from '../processes.ts';
import { firstPacket } from '../scenario/first-packet.ts';
import { type Scene, sitesOf } from '../scenario/scene.ts';
import { server } from '../topology-plan.ts';
import { type Flow, ping, startFlow } from '../traffic.ts';
import { Orders, orderWithinMs } from './orders.ts';
import { cutPowerInVersionUps } from './power-cuts.ts';
import { type Repository, versions } from './releases.ts';
import type { PowerCut, RefusedRelease, Trial, VersionUpReport } from './report.ts';

const webPort = 8080;
/** Under firmware, on a machine that others use. */
const startWithinMs = 600_000;
const othersRate = 20;
const otherPort = 5012;
/** What a version-up may cost beside the boot (docs/version-up.md). */
const mostBeyondBootMs = 20_000;

export interface VersionUpOptions {
  readonly web: string;
  readonly board: string;
  /** One version that is left, and one that is kept. */
  readonly isShort: boolean;
}

export async function runVersionUp(scene: Scene, options: VersionUpOptions): Promise<VersionUpReport> {
  const { plan, processes, fleet, capture, say } = scene;
  const { tokyo, osaka, nagoya } = sitesOf(plan);
  const shortfalls: string[] = [];
  const fallShort = (line: string): void => {
    shortfalls.push(line);
    say(`FELL SHORT: ${line}`);
  };
  const first = await firstPacket(scene);
  for (const line of first.shortfalls) fallShort(line);
  say(`first packet: ${first.finding.firstPacket?.milliseconds ?? 'no'} ms from ping to reply`);
  await processes.start(server, 'web server', [
    ...[nodeCommand, 'tools/lab/programs/file-server.ts', options.web],
    ...[plan.serverAddress, String(webPort)],
  ]);
  // Its SAs first: what is counted is what goes on, not how it begins.
  await ping(processes, osaka, nagoya.hostAddress, { count: 3 });
  const others = await startFlow(processes, osaka, nagoya, othersRate, otherPort);
  const orders = new Orders(scene, `http://${plan.serverAddress}:${webPort}`);
  const refusals: RefusedRelease[] = [];
  const trials: Trial[] = [];
  let powerCuts: readonly PowerCut[] = [];
  await fleet.guestOf(tokyo.name).console.waitFor(/"event":"started"/, startWithinMs);

  const refuse = async (what: string, version: string, repository: Repository, expected: RegExp) => {
    const { state, reason } = await orders.carryOut(version, repository);
    const { runs, slot } = await orders.standing();
    say(`${what}: ${reason}`);
    refusals.push({ what, reason });
    if (state !== 'stopped' || !expected.test(reason))
      fallShort(`${what}: expected ${expected}, found the roll-out ${state}: ${reason}`);
    if (runs !== versions.running || slot !== 'a') fallShort(`${what}: ${runs} runs, in slot ${slot}`);
  };
  const bring = async (what: string, version: string, expected: { runs: string; reason: RegExp }) => {
    const trial = await tryVersion(scene, orders, what, version);
    trials.push(trial);
    const { rollout, reason, runs, outageMilliseconds, bootMilliseconds } = trial;
    const beyond = bootMilliseconds === null ? null : outageMilliseconds - bootMilliseconds;
    say(
      `${what}: roll-out ${rollout}${reason === '' ? '' : ` (${reason})`}, ${runs} runs; nothing came through for ` +
        `${seconds(outageMilliseconds)} s${beyond === null ? '' : `, ${seconds(beyond)} s more than the boot`}`,
    );
    const isKept = expected.runs === version;
    if (rollout !== (isKept ? 'done' : 'stopped')) fallShort(`${what}: the roll-out is ${rollout}`);
    if (runs !== expected.runs) fallShort(`${what}: expected ${expected.runs} to run, found ${runs}`);
    if (!expected.reason.test(reason)) fallShort(`${what}: expected ${expected.reason}, found: ${reason}`);
    if (beyond !== null && beyond > mostBeyondBootMs)
      fallShort(`${what}: nothing came through for ${seconds(beyond)} s beyond the boot`);
  };

  const { running, panics, unreaching, good, older, ofAnotherBoard } = versions;
  await refuse('an older version', older, 'good', /NOT_NEWER/);
  await refuse("another board's", ofAnotherBoard, 'good', /NO_RELEASE/);
  await refuse('a signature that is none', good, 'forged', /SIGNATURE/);
  await refuse('metadata that expired', good, 'expired', /EXPIRED/);
  await refuse('a payload with a bit turned over', good, 'flipped', /PAYLOAD_MISMATCH: /);
  if (!options.isShort) await refuse('a payload that is cut short', good, 'truncated', /PAYLOAD_TRUNCATED: /);
  await bring('a version that panics', panics, { runs: running, reason: /tokyo.*3 starts of it ended/s });
  if (!options.isShort) {
    await bring('a version that never reaches its server', unreaching, {
      runs: running,
      reason: /tokyo.*not well within/s,
    });
    powerCuts = await cutPowerInVersionUps(scene, orders, fallShort);
  }
  await bring('a good version', good, { runs: good, reason: /^$/ });

  const { sent, lost, longestGapMs } = await others.stop();
  say(`${osaka.name} and ${nagoya.name} meanwhile: ${lost} of ${sent} datagrams lost`);
  if (lost > 0) fallShort(`between the other routers ${lost} of ${sent} datagrams were lost`);
  await capture.settle();
  const { cleartext } = capture.census.counts();
  if (cleartext > 0) fallShort(`${cleartext} packets crossed in clear`);
  await capture.stop();
  return {
    ...{ version: 1, board: options.board, router: tokyo.name, trials, refusals, powerCuts },
    others: { sent, lost, longestGapMilliseconds: longestGapMs },
    shortfalls,
    ok: shortfalls.length === 0,
  };
}

/** One version, until the roll-out is over, the router has its channel, and its host hears its peer's again. */
async function tryVersion(scene: Scene, orders: Orders, what: string, version: string): Promise<Trial> {
  const { plan, processes, fleet, say } = scene;
  const { tokyo, osaka } = sitesOf(plan);
  say(`${what}: ${version} is ordered`);
  const { console, monitor } = fleet.guestOf(tokyo.name);
  await ping(processes, osaka, tokyo.hostAddress, { count: 3 });
  const flow: Flow = await startFlow(processes, tokyo, osaka, 10);
  const resetsBefore = monitor.count('RESET');
  const startedAt = performance.now();
  const boot = (async () => {
    await monitor.waitFor('RESET', resetsBefore + 1, orderWithinMs);
    const resetAt = performance.now();
    // A router's lines come a second late: what it said of its last start may have been printed just now.
    console.skip();
    await console.waitFor(/"event":"started"/, orderWithinMs);
    return performance.now() - resetAt;
  })();
  boot.catch(() => undefined);
  const { state, reason } = await orders.carryOut(version, 'good');
  const milliseconds = Math.round(performance.now() - startedAt);
  const bootMs = await boot;
  const { runs, slot } = await orders.standing();
  for (let tries = 0; tries < 60; tries++)
    if ((await ping(processes, osaka, tokyo.hostAddress)).replies > 0) break;
  await sleep(1000);
  const { longestGapMs } = await flow.stop();
  const resets = monitor.count('RESET') - resetsBefore;
  return {
    ...{ version, what, rollout: state, reason, runs, slot, milliseconds },
    outageMilliseconds: Math.round(longestGapMs),
    bootMilliseconds: resets === 1 ? Math.round(bootMs) : null,
  };
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
