/**
 * Entry point of the setting server: reads the policies, opens store and sockets, runs the machines, serves the control
 * socket. Needs no privileges: the channels use UDP on 4500 alone. Everything that touches the machine is brought in here.
 */
import { watchFile } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Logger } from 'pino';
import { Dataplane } from '../dataplane/dataplane.ts';
import { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { maximumMessageOctets } from '../messages/limits.ts';
import { EventLog } from '../model/event-log.ts';
import { HostError } from '../model/host-error.ts';
import type { Instant } from '../model/instant.ts';
import { buildUtcMs, softwareVersion } from '../model/software-version.ts';
import type { TimeBounds, UtcMs } from '../model/trusted-time.ts';
import { Alarm } from '../platform/alarm.ts';
import { ChannelSockets } from '../platform/channel-sockets.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { serveControl } from '../platform/control-socket.ts';
import { randomOctets } from '../platform/entropy.ts';
import { readCredential, readTrusted } from '../platform/files.ts';
import { openLog } from '../platform/log.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { controlRoutes } from './control-routes.ts';
import { type Loaded, PoliciesInForce } from './policies-in-force.ts';
import { Practice } from './practice.ts';
import { RequestProcessing } from './request-processing/request-processing.ts';
import { Rollout } from './rollout/rollout.ts';
import { Server } from './server.ts';
import { SqliteStore } from './store/sqlite-store.ts';

export interface ServerCommand {
  readonly config: string;
  /** In place of the file's control socket. */
  readonly socket?: string;
}

/** Rows of the audit log are on disk at most so much later. */
const auditFlushMs = 500;

/** Inner IPv6 and UDP headers, outer ones, ESP: more than all of them take. */
const encapsulationOctets = 256;

/** RFC 3948 section 2.3: nobody has anything to say. */
const keepaliveOctets = 1;

/** A certificate that was issued a moment ago by a machine whose clock runs ahead is not too early. */
const clockSkewMs = 300_000;

/** Runs the server until it is told to stop by SIGTERM or SIGINT. Throws HostError. */
export async function main(command: ServerCommand): Promise<void> {
  const startedAt = bootTimeMs();
  const settings = new PoliciesInForce(command.config, readCredential).settings();
  const serverTime = clockFrom(buildUtcMs());
  const readCertificates =
    settings.certificate &&
    (await import('../certificates/load-server.ts')).certificateReader(
      { secret: readCredential, trusted: readTrusted },
      serverTime,
    );
  const inForce = new PoliciesInForce(command.config, readCredential, readCertificates);
  const store = new SqliteStore(resolve(dirname(command.config), settings.database), {
    auditRows: settings.auditRows,
  });
  const stored = store.load();
  inForce.restore(stored.revisions);
  const first = inForce.load(store);
  if (first === undefined)
    throw new HostError('CONFIG_INVALID', `${command.config}: changed while it was read`);
  let loaded: Loaded = first.loaded;
  let loadedAt: Instant = bootTimeMs();

  const rehearsal = new Rehearsal(randomOctets);
  const log = openLog(settings.identity);
  const software = softwareVersion();
  const events = new EventLog(settings.identity);
  const saPairs = channelCapacity(settings.routers.length);
  const sockets = await ChannelSockets.open(settings.listen);
  const alarm = new Alarm(bootTimeMs, () => server.deadline());
  const utcMsAt = (instant: Instant): number => Date.now() + (instant - bootTimeMs());
  const processing = new RequestProcessing({
    policies: loaded.policies,
    random: randomOctets,
    utcMsAt,
    settings: settings.processing,
    entries: stored.entries,
    routers: stored.routers,
  });
  const server = new Server({
    identity: settings.identity,
    credentialsFor: (router) => loaded.credentials.credentialsFor(router),
    certificateTrust: () => loaded.credentials.certificateTrust,
    hasPpks: () => loaded.credentials.hasPpks,
    ownCertificate: () => loaded.credentials.ownValidity,
    utcAtLeast: () => serverTime().atLeastUtcMs,
    channel: settings.channel,
    processing,
    rollout: new Rollout({ random: randomOctets, utcMsAt, stored: stored.rollout }),
    spiAllocator: new SpiAllocator(saPairs, () => new DataView(randomOctets(4).buffer).getUint32(0)),
    events,
    ports: {
      engine: new Dataplane({
        random: randomOctets,
        capacities: {
          saPairs,
          bindingRows: saPairs * 4,
          heldPackets: 1,
          packetSlots: 1,
          bundles: 1,
          packetOctets: maximumMessageOctets + encapsulationOctets,
        },
      }),
      send: (datagram, to) => sockets.send(datagram, to),
      now: bootTimeMs,
      random: randomOctets,
      wakeAt: (at) => alarm.set(at),
      commit: (change) => store.commit(change),
      audit: ({ what, router, peer, kindName, detail }) =>
        store.audit({ atUtcMs: Date.now(), what, router, peer, kindName, detail }),
      log: (level, what, detail) => log[level]({ event: what, at: bootTimeMs() }, detail),
    },
  });
  const practice = new Practice(rehearsal, () => sockets.rehearse());
  sockets.receive({
    datagram: (bytes, from, to) => {
      if (bytes.length > keepaliveOctets) practice.interrupt();
      server.datagram(bytes, from, to);
    },
    error: (message) => log.warn({ event: 'socket' }, message),
  });

  server.start(processing.start(bootTimeMs()));
  server.announce(stored.routers.flatMap(({ endpoint }) => endpoint ?? []));
  const flushing = setInterval(() => flushAudit(store, log), auditFlushMs);
  const routes = controlRoutes({
    sources: () => ({
      server,
      processing,
      policies: loaded.policies,
      identity: settings.identity,
      software,
      file: command.config,
      problem: inForce.problem,
      startedAt,
      loadedAt,
      now: bootTimeMs(),
    }),
    events: () => events.rows(),
    store,
    now: bootTimeMs,
    reload: () => {
      reload();
      return inForce.problem;
    },
  });
  const control = await serveControl(command.socket ?? settings.controlSocket, routes);
  log.info({ event: 'started', at: bootTimeMs() }, `setting server ${settings.identity} ${software}`);
  const warnOfPolicies = (): void => {
    for (const warning of loaded.policies.warnings) log.warn({ event: 'policy warning' }, warning);
  };
  warnOfPolicies();

  const reload = (): void => {
    try {
      const next = inForce.load(store);
      if (next === undefined) return;
      loaded = next.loaded;
      loadedAt = bootTimeMs();
      server.replacePolicies(loaded.policies, next.expelled);
      log.info(
        { event: 'policies loaded' },
        `${loaded.policies.policies.length} policies from ${command.config}`,
      );
      warnOfPolicies();
    } catch (error) {
      inForce.problem = error instanceof Error ? error.message : String(error);
      log.warn({ event: 'policies refused' }, inForce.problem);
    }
  };
  process.on('SIGHUP', reload);
  watchFile(command.config, { interval: 1000, persistent: false }, reload);

  await new Promise<void>((stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop());
  });
  alarm.set(undefined);
  practice.stop();
  clearInterval(flushing);
  await control.close();
  sockets.close();
  store.close();
  log.info({ event: 'stopped', at: bootTimeMs() }, 'SAs in place carry traffic on to their hard lifetime');
  process.exit(0);
}

/** A server has a clock, which is right or is set right. It cannot be before this software was there. */
function clockFrom(builtUtcMs: UtcMs): () => TimeBounds {
  return () => {
    const utcMs = Math.max(Date.now(), builtUtcMs);
    return { atLeastUtcMs: utcMs, atMostUtcMs: utcMs + clockSkewMs };
  };
}

/** Writes the audit rows that wait; on a full disk they wait on. */
function flushAudit(store: SqliteStore, log: Logger): void {
  try {
    store.flush();
  } catch (error) {
    log.warn({ event: 'store' }, error instanceof Error ? error.message : String(error));
  }
}

/**
 * A pair for each router's channel, a quarter more for those that are being renewed or were added by a reload, and rounded
 * up to a power of two: about 12 KiB each.
 */
function channelCapacity(routers: number): number {
  return 2 ** Math.ceil(Math.log2(64 + routers * 1.25));
}
