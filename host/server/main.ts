/**
 * Entry point of the setting server: reads the policies, opens store and sockets, runs the machines, serves the control
 * socket. Needs no privileges: the channels use UDP on 4500 alone. Everything that touches the machine is brought in here.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { watchFile } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pino } from 'pino';
import { Dataplane } from '../dataplane/dataplane.ts';
import { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { maximumMessageOctets } from '../messages/limits.ts';
import { addressOf, type Endpoint, formatAddress, formatEndpoint } from '../model/address.ts';
import { EventLog } from '../model/event-log.ts';
import { HostError } from '../model/host-error.ts';
import type { Instant } from '../model/instant.ts';
import { refuseWithoutChannel, rekeyOrder } from '../model/rekey-order.ts';
import { buildUtcMs, softwareVersion } from '../model/software-version.ts';
import type { TimeBounds, UtcMs } from '../model/trusted-time.ts';
import { Alarm } from '../platform/alarm.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { serveControl } from '../platform/control-socket.ts';
import { randomOctets } from '../platform/entropy.ts';
import { readCredential, readTrusted } from '../platform/files.ts';
import { PeerAddresses } from '../platform/peer-addresses.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { type Loaded, PoliciesInForce } from './policies-in-force.ts';
import { RequestProcessing } from './request-processing/request-processing.ts';
import { Server } from './server.ts';
import { managementRows, policyRows, serverStatus } from './status.ts';
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

/** Octets that the kernel may keep of datagrams that wait: the burst of a fleet that comes back at once. */
const receiveBufferOctets = 4 * 1024 * 1024;

/** How long rehearsals wait after a datagram. */
const practicePauseMs = 20;

/** A certificate that was issued a moment ago by a machine whose clock runs ahead is not too early. */
const clockSkewMs = 300_000;

/** RFC 3948 section 2.3. */
const keepalive = Uint8Array.of(0xff);

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
  const log = pino({ name: settings.identity, timestamp: pino.stdTimeFunctions.isoTime });
  const software = softwareVersion();
  const events = new EventLog(settings.identity);
  const saPairs = channelCapacity(settings.routers.length);
  const sockets = await openSockets(settings.listen);
  const peers = new PeerAddresses();
  const alarm = new Alarm(bootTimeMs, () => server.deadline());
  const processing = new RequestProcessing({
    policies: loaded.policies,
    random: randomOctets,
    utcMsAt: (instant) => Date.now() + (instant - bootTimeMs()),
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
      send: (datagram, to) => {
        // One socket for each family is enough: routers answer to where they were configured to.
        const socket = sockets.find(({ endpoint }) => endpoint.address.family === to.address.family);
        socket?.socket.send(datagram, to.port, peers.textOf(to.address));
      },
      now: bootTimeMs,
      random: randomOctets,
      wakeAt: (at) => alarm.set(at),
      commit: (change) => store.commit(change),
      audit: ({ what, router, peer, kindName, detail }) =>
        store.audit({ atUtcMs: Date.now(), what, router, peer, kindName, detail }),
      log: (level, what, detail) => log[level]({ event: what, at: bootTimeMs() }, detail),
    },
  });
  let isAsked = false;
  for (const { socket, endpoint } of sockets) {
    socket.on('message', (datagram: Buffer, sender: RemoteInfo) => {
      const address = peers.addressOf(sender.address);
      if (datagram.length > keepalive.length) isAsked = true;
      if (address !== undefined) server.datagram(datagram, { address, port: sender.port }, endpoint);
    });
    socket.on('error', (error) => log.warn({ event: 'socket' }, error.message));
  }

  server.start(processing.start(bootTimeMs()));
  server.announce(stored.routers.flatMap(({ endpoint }) => endpoint ?? []));
  const flushing = setInterval(() => flushAudit(store, log), auditFlushMs);
  const control = await serveControl(command.socket ?? settings.controlSocket, {
    'GET /status': () =>
      serverStatus({
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
    'GET /table': () => managementRows(processing, bootTimeMs()),
    'GET /policies': () => policyRows(loaded.policies),
    'GET /events': () => events.rows(),
    'GET /audit': () => store.auditRows(1000),
    'POST /rekey': (body) => {
      const { router = '', what } = rekeyOrder(body);
      return refuseWithoutChannel(server.rekey(router, what));
    },
    'POST /reload': () => {
      reload();
      return { problem: inForce.problem };
    },
  });
  /** A round at a time, and none while routers have something to say. */
  const practise = (): void => {
    if (isAsked) {
      isAsked = false;
      practice = setTimeout(practise, practicePauseMs);
      return;
    }
    if (rehearsal.play() === 0) return;
    for (const bound of sockets) rehearseSocket(bound);
    practice = setTimeout(practise, 0);
  };
  let practice = setTimeout(practise, 0);
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
  clearTimeout(practice);
  rehearsal.close();
  clearInterval(flushing);
  await control.close();
  for (const { socket } of sockets) socket.close();
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
function flushAudit(store: SqliteStore, log: pino.Logger): void {
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

/**
 * Sends a keepalive, which the server takes no notice of, from the socket to itself. After some hundreds V8 has compiled the way
 * through Node's socket, before the first datagram of a router takes it. Nothing is lost where there is no loopback.
 */
function rehearseSocket({ socket, endpoint }: BoundSocket): void {
  const isAny = endpoint.address.octets.every((octet) => octet === 0);
  const loopback = endpoint.address.family === 4 ? '127.0.0.1' : '::1';
  socket.send(keepalive, endpoint.port, isAny ? loopback : formatAddress(endpoint.address), () => {});
}

interface BoundSocket {
  readonly socket: Socket;
  readonly endpoint: Endpoint;
}

/** Where the file says, or on every address of both families. */
function openSockets(listen: readonly Endpoint[]): Promise<BoundSocket[]> {
  const anywhere: Endpoint[] = [4, 16].map((octets) => ({
    address: addressOf(new Uint8Array(octets)),
    port: 4500,
  }));
  return Promise.all((listen.length > 0 ? listen : anywhere).map(openSocket));
}

async function openSocket(endpoint: Endpoint): Promise<BoundSocket> {
  const socket = createSocket({
    type: endpoint.address.family === 4 ? 'udp4' : 'udp6',
    ...(endpoint.address.family === 6 ? { ipv6Only: true } : {}),
    recvBufferSize: receiveBufferOctets,
    // We send to addresses alone. Node's own look-up would find that out too, but send a turn of the event loop later.
    lookup: (address, _, answer) => answer(null, address, endpoint.address.family),
  });
  try {
    const listening = once(socket, 'listening'); // it may be at once
    socket.bind({ address: formatAddress(endpoint.address), port: endpoint.port });
    await listening;
    return { socket, endpoint };
  } catch (cause) {
    throw new HostError(
      'PLATFORM',
      `cannot listen on ${formatEndpoint(endpoint)}: ${cause instanceof Error ? cause.message : String(cause)}; check server.listen and what else uses the port`,
      { cause },
    );
  }
}
