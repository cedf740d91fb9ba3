/**
 * Who reaches whom through which NATs: for each two kinds a first packet, then traffic both ways while the SAs are renewed; or,
 * where the NATs leave no way, what the routers and the server say about it and what it costs them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readRouterStatus, readServerStatus, renew } from '../control.ts';
import type { Scene } from '../scenario/scene.ts';
import { type Site, server } from '../topology-plan.ts';
import { ping } from '../traffic.ts';
import { canMeet, type NatKind, natKinds } from './nat-kinds.ts';

export interface NatPair {
  readonly kinds: readonly [NatKind | 'none', NatKind | 'none'];
  /** What RFC 4787's behaviours allow. */
  readonly canWork: boolean;
  readonly works: boolean;
  readonly firstPacketMilliseconds: number | null;
  /** Echo requests after the first, both ways, while the SAs were renewed; none where there is no path. */
  readonly sent: number;
  readonly lost: number;
  /** The words of both routers and of the server where there is no path. */
  readonly said: readonly string[];
  /** Processor time of both routers and the server, per second of the ten seconds after that. */
  readonly processorMsPerSecond: number | null;
}

const packetsEachWay = 40;
const intervalMs = 50;
/** Longer than the router's patience (docs/protocol.md). */
const patienceSeconds = 20;
const restMs = 10_000;

/** Each two kinds once, in the order of the kinds. */
export async function* tryPairs(scene: Scene): AsyncGenerator<NatPair> {
  const kinds = ['none', ...natKinds] as const;
  const site = (kind: string, which: string): Site => {
    const found = scene.plan.sites.find(({ name }) => name === `${kind}-${which}`);
    if (found === undefined) throw new RangeError(`no site ${kind}-${which}`);
    return found;
  };
  for (const [index, first] of kinds.entries()) {
    for (const second of kinds.slice(index)) {
      yield await tryPair(scene, [first, second], [site(first, 'a'), site(second, 'b')]);
    }
  }
}

async function tryPair(
  scene: Scene,
  kinds: NatPair['kinds'],
  [a, b]: readonly [Site, Site],
): Promise<NatPair> {
  const { processes } = scene;
  const canWork = canMeet(...kinds);
  const first = await ping(processes, a, b.hostAddress, { waitSeconds: canWork ? 5 : patienceSeconds });
  const works = first.milliseconds !== undefined;
  const common = { kinds, canWork, works, firstPacketMilliseconds: first.milliseconds ?? null };
  if (!works) {
    const said = await words(scene, a, b);
    return { ...common, sent: 0, lost: 0, said, processorMsPerSecond: await restingCost(scene, a, b) };
  }
  const options = { count: packetsEachWay, intervalMs, waitSeconds: 2 };
  const [there, back] = await Promise.all([
    ping(processes, a, b.hostAddress, options),
    ping(processes, b, a.hostAddress, options),
    sleep((packetsEachWay * intervalMs) / 2).then(() => renew(scene.fleet.routerSocket(a), `to-${b.name}`)),
  ]);
  const sent = 2 * packetsEachWay;
  return {
    ...common,
    sent,
    lost: sent - there.replies - back.replies,
    said: [],
    processorMsPerSecond: null,
  };
}

async function words({ fleet }: Scene, a: Site, b: Site): Promise<string[]> {
  const said: string[] = [];
  for (const [own, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const { entries } = await readRouterStatus(fleet.routerSocket(own));
    const entry = entries.find(({ name }) => name === `to-${other.name}`);
    said.push(`${own.name}: ${entry?.state}, ${entry?.failure}: ${entry?.detail}`);
  }
  const { deadPaths } = await readServerStatus(fleet.serverSocket);
  const path = deadPaths.find(({ routers }) => routers.includes(a.name) && routers.includes(b.name));
  said.push(`server: ${path?.detail}`);
  return said;
}

async function restingCost({ fleet }: Scene, a: Site, b: Site): Promise<number> {
  const used = () => [a.name, b.name, server].reduce((sum, name) => sum + fleet.processorMs(name), 0);
  const before = used();
  await sleep(restMs);
  return Math.round((used() - before) / (restMs / 1000));
}
