/** What goes wrong, and what people change, while traffic flows: each trouble at an instant that the seed says. */
import { drawPolicies, drawSpd, type Profile, packetKinds } from './scenario.ts';
import type { World } from './world.ts';

type Trouble = (world: World) => void;

function anyRouter(world: World) {
  return world.prng.pick([...world.routers.values()]);
}

/** Dies between two of its next actions. */
const routerDies: Trouble = (world) => {
  const node = anyRouter(world);
  if (world.prng.chance(0.3)) world.killRouter(node);
  else node.actionsToLive = 1 + world.prng.below(8);
};

const serverDies: Trouble = (world) => {
  if (world.prng.chance(0.3)) world.killServer();
  else world.server.actionsToLive = 1 + world.prng.below(12);
};

const channelBreaks: Trouble = (world) => {
  const node = anyRouter(world);
  world.loseChannel(node, 'trouble');
  if (!world.prng.chance(0.5)) return;
  world.server.channels.delete(node.name);
  world.server.tell({ kind: 'channel-down', router: node.name, reason: 'no-response' });
};

const engineTraps: Trouble = (world) => {
  anyRouter(world).life?.loseEngine();
};

/** A NAT in between takes another port. */
const endpointMoves: Trouble = (world) => {
  const node = anyRouter(world);
  node.endpoint = { ...node.endpoint, port: 1024 + world.prng.below(60_000) };
  world.trace(node.name, `is now seen at port ${node.endpoint.port}`);
  world.agenda.after(world.prng.between(10, 3_000), () => world.tellPlace(node));
};

let revision = 1;

const policiesChange: Trouble = (world) => {
  revision += 1;
  world.trace('server', 'gets new policies');
  world.server.replacePolicies(drawPolicies(world.prng, world.scenario.names, revision, false));
};

const spdIsEdited: Trouble = (world) => {
  const node = anyRouter(world);
  const { names, cuts } = world.scenario;
  world.trace(node.name, 'gets a new SPD');
  const drawn = drawSpd(world.prng, node.name, names, cuts);
  // Most of it stays as it is.
  const entries = world.prng.chance(0.5)
    ? drawn
    : [...node.entries.filter(() => world.prng.chance(0.8)), ...drawn].filter(
        ({ name }, index, all) => all.findIndex((other) => other.name === name) === index,
      );
  if (node.life === undefined) node.entries = entries;
  else node.life.edit(entries);
};

const renewalIsForced: Trouble = (world) => {
  const node = anyRouter(world);
  for (const { inboundSpi } of node.life?.machine.status().pairs ?? []) {
    if (world.prng.chance(0.5)) node.life?.tell({ kind: 'renew', spi: inboundSpi });
  }
};

const crashes = [routerDies, serverDies, channelBreaks, engineTraps, endpointMoves];
const edits = [policiesChange, spdIsEdited, renewalIsForced, channelBreaks];
const troubles: Readonly<Record<Profile, readonly Trouble[]>> = {
  calm: [],
  deaf: [],
  lossy: [],
  crashes,
  edits,
  everything: [...crashes, ...edits],
};

/** Plans the seed's troubles up to `end`. */
export function planTroubles(world: World, end: number): void {
  const { profile, troubleEveryMs } = world.scenario;
  const possible = troubles[profile];
  if (possible.length === 0) return;
  let at = world.now + world.prng.between(0, troubleEveryMs);
  while (at < end) {
    const trouble = world.prng.pick(possible);
    world.agenda.at(at, () => trouble(world));
    at += world.prng.between(0, 2 * troubleEveryMs);
  }
}

/** Plans the hosts' traffic up to `end`: each flow comes and goes. */
export function planTraffic(world: World, end: number): void {
  const { names, packetEveryMs } = world.scenario;
  for (const from of names) {
    for (const to of names) {
      if (from === to) continue;
      const flows = world.prng.pick([0, 1, 1, 2]);
      for (let flow = 0; flow < flows; flow += 1) planFlow(world, from, to, packetEveryMs, end);
    }
  }
}

function planFlow(world: World, from: string, to: string, everyMs: number, end: number): void {
  const kind = world.prng.pick(packetKinds);
  const host = world.prng.below(100);
  const isSteady = world.prng.chance(0.5);
  function send(): void {
    if (world.now >= end) return;
    world.sendPacket(from, to, kind, host);
    const isPause = !isSteady && world.prng.chance(0.1);
    world.agenda.after(
      world.prng.between(0, 2 * everyMs) + (isPause ? world.prng.between(5_000, 90_000) : 0),
      send,
    );
  }
  world.agenda.after(world.prng.between(3_000, 12_000), send);
}
