/**
 * Power that is really cut, QEMU killed, at moments spread over the writing of a version and the switch to it. Each time one of the two
 * versions has to come up with its settings: without them it would have no channel.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Scene, sitesOf } from '../scenario/scene.ts';
import type { Orders } from './orders.ts';
import { versions } from './releases.ts';
import type { PowerCut } from './report.ts';

const momentWithinMs = 600_000;

/** How long after the router said that it writes; the last ones are beyond the end of that on a fast machine. */
const whileWritingMs = [0, 1500, 3000, 6000, 10_000, 15_000] as const;
/** What the console, or the machine, does last before the power goes. */
const whileSwitching = ['trial', 'reset', 'boot loader', 'kernel'] as const;

/**
 * Ten cuts. The guest runs what it ran before when this returns.
 *
 * @param fallShort gets a line for each that did not end as it has to
 */
export async function cutPowerInVersionUps(
  scene: Scene,
  orders: Orders,
  fallShort: (line: string) => void,
): Promise<PowerCut[]> {
  const cuts: PowerCut[] = [];
  const cutAt = async (moment: string, wait: () => Promise<void>): Promise<void> => {
    await orders.start(versions.good, 'good');
    await wait();
    cuts.push(await cut(scene, orders, moment, fallShort));
  };
  for (const ms of whileWritingMs)
    await cutAt(`${ms / 1000} s after it began to write`, async () => {
      await until(async () => (await orders.progress()) !== '');
      await sleep(ms);
    });
  for (const what of whileSwitching) await cutAt(`at the ${what}`, () => switching(scene, orders, what));
  return cuts;
}

async function switching(scene: Scene, orders: Orders, what: (typeof whileSwitching)[number]): Promise<void> {
  const { console, monitor } = scene.fleet.guestOf(sitesOf(scene.plan).tokyo.name);
  switch (what) {
    case 'trial':
      return until(async () => (await orders.progress()) === 'trial');
    case 'reset':
      return monitor.waitFor('RESET', monitor.count('RESET') + 1, momentWithinMs);
    case 'boot loader':
      await console.waitFor(/starting slot b/, momentWithinMs);
      return;
    case 'kernel':
      await console.waitFor(/sekisho: [\d.]+ on [\w-]+, slot b/, momentWithinMs);
      return;
  }
}

async function cut(
  scene: Scene,
  orders: Orders,
  moment: string,
  fallShort: (line: string) => void,
): Promise<PowerCut> {
  const { fleet, plan, say } = scene;
  const { tokyo } = sitesOf(plan);
  await fleet.kill(tokyo.name);
  await orders.abort();
  const startedAt = performance.now();
  await fleet.startRouter(tokyo);
  await orders.standing(startedAt);
  const starts = fleet.guestOf(tokyo.name).console.text.matchAll(/starting slot ([ab])/g);
  const slot = [...starts].at(-1)?.[1] ?? 'none';
  // The boot loader's word first: the router's own comes a moment after its channel.
  const { runs } = await orders.standing(startedAt, slot);
  say(`power cut ${moment}: ${runs} came up, from slot ${slot}`);
  const expected = slot === 'a' ? versions.running : versions.good;
  if (runs !== expected) fallShort(`power cut ${moment}: slot ${slot} has ${runs}, expected ${expected}`);
  if (slot !== 'a') await backToTheFirstDisk(scene, orders);
  return { moment, runs, slot };
}

/** With the version of before, whose factory left slot b empty. */
async function backToTheFirstDisk({ fleet, plan }: Scene, orders: Orders): Promise<void> {
  const { tokyo } = sitesOf(plan);
  await fleet.kill(tokyo.name);
  fleet.forgetDisk(tokyo.name);
  const startedAt = performance.now();
  await fleet.startRouter(tokyo);
  await orders.standing(startedAt, 'a');
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + momentWithinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('the version-up did not come as far as that');
    await sleep(100);
  }
}
