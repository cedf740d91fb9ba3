/**
 * A router is killed and started again. While it is down its nftables table lets nothing out in clear, although its host
 * keeps sending; afterwards both ends get new SAs without anybody's help, the old ones are withdrawn, and no key of before
 * comes back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readSad } from '../control.ts';
import { type Outcome, shortfalls } from '../report.ts';
import { ping, startFlow } from '../traffic.ts';
import { entryFor } from './renewals.ts';
import { type Scene, sitesOf } from './scene.ts';

const downMs = 1500;
const flowRate = 200;
const recoveryWithinMs = 15_000;
/** Withdrawals are repeated until they are answered; by then they are. */
const withdrawnWithinMs = 5000;

export async function routerRestart(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet, capture } = scene;
  const { tokyo, osaka } = sitesOf(plan);
  scene.say("router restart: kill -9 of osaka's router under a flow, then a new start");
  const [tokyoSocket, osakaSocket] = [fleet.routerSocket(tokyo), fleet.routerSocket(osaka)];
  const entries = [entryFor(osaka), entryFor(tokyo)];
  const spis = async (socket: string) =>
    (await readSad(socket)).filter((row) => entries.includes(row.entry)).map((row) => row.spi);
  const flow = await startFlow(processes, tokyo, osaka, flowRate);
  await sleep(300);
  const old = new Set([...(await spis(tokyoSocket)), ...(await spis(osakaSocket))]);
  await capture.settle();
  const before = capture.census.counts();
  await fleet.kill(osaka.name);
  await sleep(downMs);
  const down = await ping(processes, osaka, tokyo.hostAddress, { count: 5, intervalMs: 50, waitSeconds: 1 });
  await capture.settle();
  const cleartextWhileDown = capture.census.counts().cleartext - before.cleartext;
  const recoveredMilliseconds = await restart(scene);
  await fleet.waitUntilUp();
  const left = await waitForWithdrawal(tokyoSocket, osakaSocket, spis, old);
  await flow.stop();
  await capture.settle();
  const repeated = capture.census.counts().repeatedIvs - before.repeatedIvs;
  // A key belongs to the SPI that it was issued with: one that is seen again is a key handed out again.
  const keysIssuedTwice = (await spis(osakaSocket)).filter((spi) => old.has(spi)).length + repeated;
  const finding = {
    recoveredMilliseconds,
    keysIssuedTwice,
    cleartextWhileDown,
    sentWhileDown: Math.round((downMs / 1000) * flowRate) + 5,
    oldSecurityAssociationsLeft: left,
  };
  return {
    finding: { routerRestart: finding },
    shortfalls: shortfalls(
      [
        cleartextWhileDown === 0,
        `router restart: ${cleartextWhileDown} packets left in clear while it was down`,
      ],
      [down.replies === 0, 'router restart: a ping was answered although the router was down'],
      [recoveredMilliseconds !== null, `router restart: no traffic after ${recoveryWithinMs / 1000} s`],
      [keysIssuedTwice === 0, `router restart: ${keysIssuedTwice} keys were handed out twice`],
      [left === 0, `router restart: ${left} SAs of before are still in place`],
    ),
  };
}

/** Starts the router again; milliseconds from then to the first reply, null when none came. */
async function restart(scene: Scene): Promise<number | null> {
  const { plan, processes, fleet } = scene;
  const { tokyo, osaka } = sitesOf(plan);
  const startedAt = performance.now();
  await fleet.startRouter(osaka);
  while (performance.now() - startedAt < recoveryWithinMs) {
    const answer = await ping(processes, tokyo, osaka.hostAddress, { waitSeconds: 0.2 });
    if (answer.replies > 0) return Math.round(performance.now() - startedAt);
  }
  return null;
}

async function waitForWithdrawal(
  tokyoSocket: string,
  osakaSocket: string,
  spis: (socket: string) => Promise<number[]>,
  old: ReadonlySet<number>,
): Promise<number> {
  const deadline = performance.now() + withdrawnWithinMs;
  for (;;) {
    const now = [...(await spis(tokyoSocket)), ...(await spis(osakaSocket))];
    const left = now.filter((spi) => old.has(spi)).length;
    if (left === 0 || performance.now() > deadline) return left;
    await sleep(100);
  }
}
