/**
 * The peer's router is down: the server asks it in vain and says so, and it is that word, not the router's own patience,
 * which ends the wait. The packets that were held meanwhile are dropped, counted, and the host is told.
 */
import { smallPairs } from '../configuration.ts';
import { type LoggedEvent, readEvents, readRouterStatus } from '../control.ts';
import { type Outcome, shortfalls } from '../report.ts';
import { ping } from '../traffic.ts';
import { type Scene, sitesOf } from './scene.ts';

const waitSeconds = 20;

/** Expects the set `many` with its shortened intervals, and starts nagoya's router again. */
export async function peerDown(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet } = scene;
  const { tokyo, nagoya } = sitesOf(plan);
  scene.say("peer down: nagoya's router is killed, then tokyo wants to talk to it");
  await fleet.kill(nagoya.name);
  const [pair] = smallPairs(tokyo, nagoya);
  const [source = '', destination = ''] = pair ?? [];
  const socket = fleet.routerSocket(tokyo);
  const droppedBefore = await heldDropped(socket);
  const result = await ping(processes, tokyo, destination, {
    source,
    count: 3,
    intervalMs: 100,
    waitSeconds,
  });
  const events = await readEvents(socket);
  const first = `entry ${nagoya.name}-1`;
  const heldAt = lastOf(events, 'packet in, no SA: held', first)?.atMs;
  const dropped = events.findLast(
    ({ what, detail }) => what.startsWith('held packets dropped') && detail === first,
  );
  const reason = dropped?.what.slice('held packets dropped: '.length) ?? null;
  const isServersWord = events.some(
    ({ what, atMs }) => what === 'no-response received' && atMs >= (heldAt ?? 0),
  );
  const heldPacketsDropped = (await heldDropped(socket)) - droppedBefore;
  await fleet.startRouter(nagoya);
  await fleet.waitUntilUp();
  const milliseconds =
    heldAt === undefined || dropped === undefined ? null : Math.round(dropped.atMs - heldAt);
  const saidBy = reason === null ? null : isServersWord ? 'server' : 'router';
  return {
    finding: { peerDown: { reason, milliseconds, saidBy, heldPacketsDropped } },
    shortfalls: shortfalls(
      [reason === 'no response', `peer down: the router says ${reason}, expected no response`],
      [saidBy === 'server', 'peer down: it was not the server that said so'],
      [heldPacketsDropped > 0, 'peer down: no held packet was counted as dropped'],
      [result.replies === 0, 'peer down: a ping was answered all the same'],
      [result.errors.length > 0, 'peer down: the host was not told'],
    ),
  };
}

async function heldDropped(socket: string): Promise<number> {
  return Number((await readRouterStatus(socket)).drops['held-abandoned'] ?? 0);
}

function lastOf(events: readonly LoggedEvent[], what: string, detail: string): LoggedEvent | undefined {
  return events.findLast((event) => event.what === what && event.detail === detail);
}
