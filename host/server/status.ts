/** What `sekisho status`, `table` and `policies` show of the server: values made from the machines' states, without keys. */
import { formatEndpoint } from '../model/address.ts';
import { describeSettled } from '../model/child-proposal.ts';
import type { Instant } from '../model/instant.ts';
import { proposalWarnings } from '../model/proposal.ts';
import { formatSelector } from '../model/selector.ts';
import type { ManagementRow, PolicyRow, ServerStatus } from '../model/status.ts';
import type { VersionUpStanding } from '../model/version-up.ts';
import type { PolicySet } from './distribution-policies/policy-set.ts';
import type { RequestProcessing } from './request-processing/request-processing.ts';
import type { Server } from './server.ts';

export interface ServerStatusSources {
  readonly server: Server;
  readonly processing: RequestProcessing;
  readonly policies: PolicySet;
  readonly identity: string;
  readonly software: string;
  readonly file: string;
  readonly problem: string | null;
  readonly startedAt: Instant;
  readonly loadedAt: Instant;
  readonly now: Instant;
}

/** The document of `GET /status`. */
export function serverStatus(sources: ServerStatusSources): ServerStatus {
  const { server, now, policies } = sources;
  const channels = new Map([...server.channels.channels()].map((channel) => [channel.router, channel]));
  const known = new Map(sources.processing.standings().map((router) => [router.name, router]));
  const entries: Record<string, number> = {};
  for (const { state } of sources.processing.table(now)) entries[state] = (entries[state] ?? 0) + 1;
  return {
    role: 'server',
    name: sources.identity,
    software: sources.software,
    uptimeSeconds: Math.round((now - sources.startedAt) / 1000),
    policies: {
      file: sources.file,
      count: policies.policies.length,
      loadedSecondsAgo: Math.round((now - sources.loadedAt) / 1000),
      problem: sources.problem,
      warnings: [...policies.warnings],
    },
    routers: [...policies.routers()].map(({ name }) => {
      const channel = channels.get(name);
      const standing = known.get(name);
      const seenAt = channel?.peer ?? standing?.endpoint;
      const since = channel?.since ?? standing?.loss?.at;
      return {
        name,
        channel: channel === undefined ? 'down' : 'up',
        endpoint: seenAt === undefined ? null : formatEndpoint(seenAt),
        behindNat: channel?.behindNat ?? false,
        sinceSeconds: since === undefined ? null : Math.round((now - since) / 1000),
        detail: channel === undefined ? (standing?.loss?.reason ?? '') : '',
        algorithms: channel === undefined ? '' : describeSettled(channel.settled),
        rekeyings: channel?.rekeyings(now) ?? null,
        software: standing?.software ?? '',
        board: standing?.versionUp?.board ?? '',
        slot: standing?.versionUp?.slot ?? '',
        versionUp: versionUpShown(standing?.versionUp ?? null),
      };
    }),
    certificates: server.channels.certificates(now),
    selfTests: { underWay: server.echoPeer.underWay, ...server.echoPeer.counters },
    rollout: server.rollout.status(now),
    entries,
    deadPaths: sources.processing.deadPaths(now).map(({ routers, detail, at }) => ({
      routers: [...routers],
      detail,
      secondsAgo: Math.round((now - at) / 1000),
    })),
    drops: { ...server.dropCounters },
    messages: { ...server.messageCounters, ...refusals(server.channels.refusals) },
  };
}

function versionUpShown(standing: VersionUpStanding | null): ServerStatus['routers'][number]['versionUp'] {
  return standing && { version: standing.version, stage: standing.stage, reason: standing.reason };
}

function refusals(counters: Readonly<Record<string, number>>): Record<string, number> {
  const refused = Object.entries(counters).filter(([, count]) => count > 0);
  return Object.fromEntries(refused.map(([reason, count]) => [`ike refused: ${reason}`, count]));
}

/** The rows of `GET /table`. */
export function managementRows(processing: RequestProcessing, now: Instant): ManagementRow[] {
  const losses = new Map(processing.standings().map(({ name, loss }) => [name, loss]));
  const lostSeconds = (router: string): number | null => {
    const loss = losses.get(router);
    return loss === undefined ? null : Math.round((now - loss.at) / 1000);
  };
  return processing.table(now).map((row) => {
    const [source, peer] = row.routers;
    return {
      source: source.router,
      peer: peer.router,
      kind: row.kind,
      state: row.state,
      sourceSpi: source.spi,
      peerSpi: peer.spi,
      sourceLostSeconds: lostSeconds(source.router),
      peerLostSeconds: lostSeconds(peer.router),
      revision: row.revision,
      remainingSeconds: row.remainingSeconds,
      selectors: row.selectors,
      holdsKeys: row.holdsKeys,
      reason: row.reason,
    };
  });
}

/** The rows of `GET /policies`. */
export function policyRows(policies: PolicySet): PolicyRow[] {
  return policies.policies.map((policy) => ({
    kind: policy.kind,
    between: [...policy.between],
    selectors: (policy.selectors ?? []).map(formatSelector),
    protocol: policy.protocol,
    mode: policy.mode,
    proposal: policy.proposal,
    warnings: proposalWarnings(policy.proposal),
    esn: policy.esn,
    encapsulation: policy.encapsulation,
    lifetimeSeconds: policy.lifetimeSeconds,
    revision: policy.revision,
  }));
}
