/**
 * A router is killed and started again. While it is down its nftables table lets nothing out in clear, although its host
 * keeps sending; afterwards both ends get new SAs without anybody's help, the old ones are withdrawn, and no key of before
 * comes back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readSad } from '../control.ts';
import { readCounters } from '../nft.ts';
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
  const prevented = () => readCounters(scene.lab, osaka.name, 'inet', 'sekisho').get('leaks-prevented') ?? 0;
  await fleet.kill(osaka.name);
  const preventedBefore = prevented();
  await sleep(downMs);
  const down = await ping(processes, osaka, tokyo.hostAddress, { count: 5, intervalMs: 50, waitSeconds: 1 });
  await capture.settle();
  const cleartextWhileDown = capture.census.counts().cleartext - before.cleartext;
  const preventedWhileDown = prevented() - preventedBefore;
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
    preventedWhileDown,
    oldSecurityAssociationsLeft: left,
  };
  return {
    finding: { routerRestart: finding },
    shortfalls: shortfalls(
      [
        cleartextWhileDown === 0,
        `router restart: ${cleartextWhileDown} packets left in clear while it was down`,
      ],
      [
        preventedWhileDown > 0,
        'router restart: its nftables table stopped nothing while it was down, so nothing was proven',
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
