/**
 * The end of a seed: the weather clears, everybody is there, and what the settings want must come about: traffic wherever
 * all three sides agree, the right failure elsewhere, and silence after the last SA.
 */
import type { SettingFailure } from '../../host/router/setting-management/events.ts';
import { buildPacket, selectorOf } from './inner-packet.ts';
import { fairWeather, hostOf, packetKinds } from './scenario.ts';
import { firstMatch, Violation } from './witness.ts';
import type { World } from './world.ts';

/** The longest back-off, and what a request may take in front of it. */
const calmDownMs = 130_000;
/** Probes go out this long after the first one, until one arrives: the first may meet a block or a dying SA. */
const probesMs = [0, 4_000, 20_000, 45_000, 90_000];
const afterProbesMs = 45_000;
/** The longest lifetime of an SA, of an entry of the management table after it, and of a tombstone. */
const lastWordMs = 240_000 + 60_000 + 60_000 + 60_000;

interface Probe {
  readonly from: string;
  readonly to: string;
  readonly entry: string;
  readonly isWanted: boolean;
  readonly numbers: number[];
}

/** Runs the world to its end and checks that all is as it should be. */
export function settle(world: World): void {
  checkNothingLost(world);
  world.network.weather = fairWeather;
  world.internet.weather = fairWeather;
  world.server.actionsToLive = Number.POSITIVE_INFINITY;
  for (const node of world.routers.values()) node.actionsToLive = Number.POSITIVE_INFINITY;
  world.startServer();
  for (const node of world.routers.values()) world.startRouter(node);
  world.runUntil(world.now + calmDownMs);
  const probes = planProbes(world);
  world.runUntil(world.now + (probesMs.at(-1) ?? 0) + afterProbesMs);
  for (const probe of probes) checkProbe(world, probe);
  world.runUntil(world.now + lastWordMs);
  checkRest(world);
}

/**
 * Where packets are not lost by the network every one arrives, but those on their way while their SA ended for lack of
 * traffic. Where setting messages are lost a request may fail, and what was held is dropped then.
 */
function checkNothingLost(world: World): void {
  const { profile } = world.scenario;
  if (profile !== 'calm' && profile !== 'deaf') return;
  world.runUntil(world.now + (profile === 'calm' ? 10_000 : 90_000));
  const failed = new Set(
    world.failures
      .filter(({ failure }) => failure !== 'no corresponding entry')
      .map(({ router, entry }) => `${router} ${peerOf(world, router, entry)}`),
  );
  for (const [number, { from, to, at, mustArrive }] of world.sent) {
    if (!mustArrive || world.witness.hasDelivered(number)) continue;
    // Ten times unheard, `installed` counts as never said, and the SAs are taken back at both ends.
    if (profile === 'deaf' && (world.withdrawnAt.has(from) || world.withdrawnAt.has(to))) continue;
    if (profile === 'deaf' && (failed.has(`${from} ${to}`) || failed.has(`${to} ${from}`))) continue;
    const ends = world.hardEnds.get([from, to].sort().join(' ')) ?? [];
    if (ends.some((end) => Math.abs(end - at) < 3_000)) continue;
    throw new Violation(
      'packet-lost',
      `packet ${number} from ${from} to ${to}, sent at ${Math.round(at)} ms`,
    );
  }
}

function peerOf(world: World, router: string, entry: string): string {
  return world.routers.get(router)?.entries.find(({ name }) => name === entry)?.requestPeer ?? '';
}

function planProbes(world: World): Probe[] {
  const probes: Probe[] = [];
  for (const from of world.scenario.names) {
    for (const to of world.scenario.names) {
      if (from === to) continue;
      for (const kind of packetKinds.slice(0, 3)) {
        const host = world.prng.below(100);
        const selector = selectorOf(buildPacket(0, hostOf(from, host), hostOf(to, host), kind));
        const entry = firstMatch(world.routers.get(from)?.entries ?? [], selector);
        if (entry?.action !== 'PROTECT') continue;
        const probe: Probe = {
          from,
          to,
          entry: entry.name,
          isWanted: world.isWanted(from, to, selector),
          numbers: [],
        };
        probes.push(probe);
        const send = () => {
          if (probe.numbers.some((number) => world.witness.hasDelivered(number))) return;
          probe.numbers.push(world.sendPacket(from, to, kind, host));
        };
        for (const delay of probesMs) world.agenda.after(delay, send);
      }
    }
  }
  return probes;
}

const failuresInPeace: ReadonlySet<SettingFailure> = new Set([
  'no corresponding entry',
  'no response',
  'refused',
]);

function checkProbe(world: World, { from, to, entry, isWanted, numbers }: Probe): void {
  const hasArrived = numbers.some((number) => world.witness.hasDelivered(number));
  if (isWanted && !hasArrived) {
    throw new Violation('pair-silent', `packets ${numbers.join(', ')} from ${from} to ${to} did not arrive`);
  }
  if (isWanted) return;
  if (hasArrived)
    throw new Violation('delivered-astray', `a packet from ${from} to ${to}, which nobody wants`);
  const status = world.routers.get(from)?.life?.machine.status();
  const failure = status?.entries.find(({ name }) => name === entry)?.failure;
  // Another kind of the entry may have come up since, which clears the word; the engine's refusal stays.
  if (failure != null && !failuresInPeace.has(failure)) {
    throw new Violation('wrong-failure', `${from}, entry ${entry}: ${failure}`);
  }
}

/** Long after the last packet nobody has an SA, a request, or anything to do. */
function checkRest(world: World): void {
  for (const { name, life } of world.routers.values()) {
    const status = life?.machine.status();
    if ((status?.pairs.length ?? 0) > 0 || (status?.requests.length ?? 0) > 0) {
      throw new Violation('no-rest', `${name} still has SAs or requests`);
    }
    if (life?.machine.nextDeadline() !== undefined)
      throw new Violation('no-rest', `${name} still has a deadline`);
  }
  const rows = world.server.machine?.table(world.now) ?? [];
  if (rows.length > 0) throw new Violation('no-rest', `the management table still has ${rows.length} rows`);
  if (world.server.machine?.nextDeadline() !== undefined) {
    throw new Violation('no-rest', 'the server still has a deadline');
  }
}
