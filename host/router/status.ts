/** What `sekisho status` and its like show of a router: values made from the machines' states and the engine's snapshot. */
import type { EngineSnapshot } from '../dataplane/snapshot.ts';
import { formatEndpoint } from '../model/address.ts';
import { describeSettled } from '../model/child-proposal.ts';
import type { Instant } from '../model/instant.ts';
import type { RouterStatus } from '../model/status.ts';
import type { Bundles } from '../packet-loop/packet-interface.ts';
import type { Router } from './router.ts';
import type { SettingStatus } from './setting-management/status.ts';

export interface StatusSources {
  readonly router: Router;
  readonly name: string;
  readonly software: string;
  readonly serverIdentity: string;
  readonly serverEndpoint: Parameters<typeof formatEndpoint>[0];
  readonly startedAt: Instant;
  /** Why the settings file as it stands is not in force; null when it is. */
  readonly problem: string | null;
  readonly now: Instant;
  readonly snapshot: EngineSnapshot;
  readonly bundles: Bundles;
}

/** The document of `GET /status`. */
export function routerStatus(sources: StatusSources): RouterStatus {
  const { router, snapshot, now } = sources;
  const channel = router.channel.state;
  const settings = router.settings.status();
  return {
    role: 'router',
    name: sources.name,
    software: sources.software,
    uptimeSeconds: Math.round((now - sources.startedAt) / 1000),
    channel: {
      state: channel.state,
      server: sources.serverIdentity,
      endpoint: formatEndpoint(sources.serverEndpoint),
      sinceSeconds: Math.round((now - channel.since) / 1000),
      detail: channel.state === 'up' ? '' : channel.lastFailure,
      behindNat: channel.localBehindNat,
      setUps: channel.setUps,
      algorithms: channel.settled === undefined ? '' : describeSettled(channel.settled),
      rekeyings: router.channel.rekeyings(now) ?? null,
    },
    certificates: router.channel.certificates(now),
    problem: sources.problem,
    entries: settings.entries.map((entry) => ({
      name: entry.name,
      action: entry.action,
      requestPeer: entry.requestPeer === '' ? null : entry.requestPeer,
      ...entryState(settings, entry),
    })),
    bundles: { ...sources.bundles },
    counters: decimal(snapshot.counters),
    drops: decimal(snapshot.drops),
    messages: { ...router.messageCounters, ...prefixed('ignored: ', settings.ignored) },
    heldPackets: snapshot.heldPackets,
    generation: snapshot.generation,
    activeBank: snapshot.activeBank,
  };
}

function entryState(
  settings: SettingStatus,
  entry: SettingStatus['entries'][number],
): Pick<RouterStatus['entries'][number], 'state' | 'failure' | 'detail'> {
  const pairs = settings.pairs.filter((pair) => pair.entry === entry.name && pair.role === 'in use');
  const isAsking = settings.requests.some((request) => request.entry === entry.name);
  if (pairs.length > 0) {
    const kinds = pairs.map((pair) => pair.kind).join(', ');
    return { state: 'ready', failure: null, detail: isAsking ? `${kinds}, renewing` : kinds };
  }
  const awaited = settings.pairs.find((pair) => pair.entry === entry.name && pair.role === 'waiting');
  if (awaited !== undefined)
    return {
      state: 'requesting',
      failure: null,
      detail: `${awaited.kind}, waiting for a packet of ${awaited.peer}`,
    };
  if (isAsking) return { state: 'requesting', failure: null, detail: '' };
  if (entry.failure !== null) return { state: 'failed', failure: entry.failure, detail: entry.failureDetail };
  return { state: 'idle', failure: null, detail: '' };
}

function decimal(counts: Readonly<Record<string, bigint>>): Record<string, string> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count.toString()]));
}

function prefixed(prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [prefix + name, count]));
}
