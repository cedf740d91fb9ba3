/** What `sekisho status` and its like show of a router: values made from the machines' states and the engine's snapshot. */
import type { EngineSnapshot, SadRow, SpdRow } from '../dataplane/snapshot.ts';
import { formatEndpoint } from '../model/address.ts';
import { describeSettled } from '../model/child-proposal.ts';
import type { Instant } from '../model/instant.ts';
import type { RouterStatus } from '../model/status.ts';
import type { Bundles } from '../packet-loop/packet-interface.ts';
import type { Router } from './router.ts';
import type { SettingStatus } from './setting-management/status.ts';

type Snapshots = readonly [EngineSnapshot, ...EngineSnapshot[]];

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
  /** One for each worker, in order. */
  readonly snapshots: Snapshots;
  readonly bundles: Bundles;
}

/** The document of `GET /status`. */
export function routerStatus(sources: StatusSources): RouterStatus {
  const { router, snapshots, now } = sources;
  const [first] = snapshots;
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
    counters: decimal(sum(snapshots.map(({ counters }) => counters))),
    drops: decimal(sum(snapshots.map(({ drops }) => drops))),
    workers: snapshots.map(({ counters, heldPackets }) => ({ counters: decimal(counters), heldPackets })),
    messages: { ...router.messageCounters, ...prefixed('ignored: ', settings.ignored) },
    heldPackets: snapshots.reduce((held, { heldPackets }) => held + heldPackets, 0),
    generation: first.generation,
    activeBank: first.activeBank,
  };
}

/** The SADs of all workers, one after the other. */
export function mergedSad(snapshots: Snapshots): SadRow[] {
  return snapshots.flatMap(({ sad }) => sad);
}

/** The SPD with what each worker has bound to its entries: what several say alike stands there once. As it is, where there is one worker. */
export function mergedSpd([first, ...others]: Snapshots): readonly SpdRow[] {
  if (others.length === 0) return first.spd;
  // The packets of the first worker wait meanwhile: each row is looked at once.
  const byEntry = [first, ...others].map(({ spd }) => Map.groupBy(spd, ({ entry }) => entry));
  const [ofFirst] = byEntry;
  const rows = [...(ofFirst ?? [])].flatMap(([entry, ownRows]) => {
    const bound = byEntry.flatMap((of) => (of.get(entry) ?? []).filter(isBound));
    const own = ownRows.filter((row) => !isBound(row));
    const seen = new Set<string>();
    return [...bound, ...own].filter((row) => {
      const text = JSON.stringify({ ...row, order: 0 });
      if (seen.has(text)) return false;
      seen.add(text);
      return true;
    });
  });
  return rows.map((row, order) => ({ ...row, order }));
}

function isBound({ state }: SpdRow): boolean {
  return state === 'sa';
}

function sum(counts: readonly Readonly<Record<string, bigint>>[]): Record<string, bigint> {
  const total: Record<string, bigint> = {};
  for (const one of counts)
    for (const [name, count] of Object.entries(one)) total[name] = (total[name] ?? 0n) + count;
  return total;
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
