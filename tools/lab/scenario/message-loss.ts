/**
 * A fifth of all setting messages is lost, on purpose and at random, while three hundred pairs of hosts start to talk, each
 * with an SPD entry, a policy and an SA pair of its own. Every pair comes up, and no SA is left that has only one end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pairsOf, smallPairs } from '../configuration.ts';
import { readSad, type SadRow } from '../control.ts';
import { applyRules, readCounters } from '../nft.ts';
import { type Outcome, shortfalls } from '../report.ts';
import { internet, type Site } from '../topology-plan.ts';
import { probe, startEcho } from '../traffic.ts';
import type { Scene } from './scene.ts';

const probability = 0.2;
const upWithinMs = 60_000;
/** A distribution that is not acknowledged by both ends within 60 s is withdrawn (docs/protocol.md); and some. */
const halfInstalledWithinMs = 70_000;
const table = 'sekisho-lab-loss';
/** The channel's own SAs belong to no SPD entry; their other ends are at the server. */
const channelEntry = '';

/** Expects the set `many`, freshly started. */
export async function messageLoss(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet } = scene;
  const pairs = pairsOf(plan.sites);
  const wanted = pairs.reduce((sum, [a, b]) => sum + smallPairs(a, b).length, 0);
  scene.say(
    `message loss: ${wanted} set-ups while ${probability * 100} % of the channels' datagrams are dropped`,
  );
  startLoss(scene);
  for (const site of plan.sites.slice(1)) {
    const [a] = plan.sites;
    if (a !== undefined)
      await startEcho(processes, site, [...new Set(smallPairs(a, site).map(([, remote]) => remote))]);
  }
  const answers = await Promise.all(pairs.map(([a, b]) => probe(processes, a, smallPairs(a, b), upWithinMs)));
  const times = answers.flat();
  const pairsUp = times.filter((time) => time !== null).length;
  scene.say(`message loss: ${pairsUp} of ${wanted} pairs are up`);
  const { datagrams, dropped } = stopLoss(scene);
  const halfInstalled = await waitForBothHalves(
    plan.sites.map((site) => [site, fleet.routerSocket(site)] as const),
  );
  const measured = times.filter((time) => time !== null);
  return {
    finding: {
      messageLoss: {
        probability,
        pairsWanted: wanted,
        pairsUp,
        datagrams,
        datagramsDropped: dropped,
        slowestMilliseconds: measured.length === 0 ? null : Math.round(Math.max(...measured)),
        halfInstalled,
      },
    },
    shortfalls: shortfalls(
      [
        pairsUp === wanted,
        `message loss: ${pairsUp} of ${wanted} pairs came up within ${upWithinMs / 1000} s`,
      ],
      [
        Math.abs(dropped / datagrams - probability) < 0.05,
        `message loss: ${dropped} of ${datagrams} datagrams were dropped, expected ${probability * 100} %`,
      ],
      [
        halfInstalled === 0,
        `message loss: ${halfInstalled} SAs have only one end after ${halfInstalledWithinMs / 1000} s`,
      ],
    ),
  };
}

/** Drops the share of what goes to and from the server, in the middle of the internet. */
function startLoss(scene: Scene): void {
  const chance = `numgen random mod 1000 < ${probability * 1000}`;
  const server = scene.plan.serverAddress;
  applyRules(
    scene.lab,
    internet,
    `table ip ${table} {
  counter crossed { }
  counter lost { }
  chain channel {
    counter name crossed
    ${chance} counter name lost drop
  }
  chain forward {
    type filter hook forward priority filter
    ip saddr ${server} jump channel
    ip daddr ${server} jump channel
  }
}
`,
  );
}

function stopLoss(scene: Scene): { datagrams: number; dropped: number } {
  const counters = readCounters(scene.lab, internet, 'ip', table);
  applyRules(scene.lab, internet, `delete table ip ${table}\n`);
  return { datagrams: counters.get('crossed') ?? 0, dropped: counters.get('lost') ?? 0 };
}

/** SAs without their other half at the other end: what one end sends with, the other must receive with, and the reverse. */
async function waitForBothHalves(routers: readonly (readonly [Site, string])[]): Promise<number> {
  const deadline = performance.now() + halfInstalledWithinMs;
  for (;;) {
    const tables = await Promise.all(routers.map(async ([, socket]) => readSad(socket)));
    const left = countHalves(tables);
    if (left === 0 || performance.now() > deadline) return left;
    await sleep(500);
  }
}

/** Rows of all SADs whose SPI is not found in the other direction at another router. */
export function countHalves(
  tables: readonly (readonly Pick<SadRow, 'direction' | 'spi' | 'entry'>[])[],
): number {
  let halves = 0;
  for (const [index, rows] of tables.entries()) {
    const elsewhere = tables.filter((_, other) => other !== index).flat();
    const known = new Set(elsewhere.map(({ direction, spi }) => `${direction} ${spi}`));
    halves += rows.filter(({ direction, spi, entry }) => {
      const other = direction === 'inbound' ? 'outbound' : 'inbound';
      return entry !== channelEntry && !known.has(`${other} ${spi}`);
    }).length;
  }
  return halves;
}
