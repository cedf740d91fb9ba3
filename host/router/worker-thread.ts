/**
 * The body of a router's worker thread: opens Linux's packet interface over the engine's memory and runs the router until it
 * is told to stop. Questions of the main thread are answered between two rounds, and rehearsals played when there is
 * nothing else to do.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { equalAddresses } from '../model/address.ts';
import { earliest } from '../model/instant.ts';
import { PacketLoop, type PacketLoopOptions } from '../packet-loop/packet-loop.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { randomOctets } from '../platform/entropy.ts';
import { openLinuxPacketInterface } from '../platform/linux-packet-interface.ts';
import { takePrecedence } from '../platform/precedence.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { RouterCore } from './core.ts';
import { LogLines } from './log-lines.ts';
import { routerStatus } from './status.ts';
import { loadWorkerCredentials } from './worker-credentials.ts';
import type { FromWorker, Question, Questions, ToWorker, WorkerSettings } from './worker-protocol.ts';

/** What the settings file allows, and rows for entries with several selectors. */
const maximumSpdEntries = 4096;
const maximumSpdRows = 8192;

/** A packet slot takes the longest setting message in its inner packet (10,240 octets and headers), or of the TUN. */
const ordinaryPacketOctets = 10_496;
const encapsulationOctets = 128;

/** Runs the thread to its end, with the packet loop that `makeLoop` makes. Throws HostError. */
export async function runWorkerThread(
  makeLoop: (options: PacketLoopOptions) => PacketLoop = (options) => new PacketLoop(options),
): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this runs in a worker thread');
  const worker = workerData as WorkerSettings; // typed by the only place that starts it, worker-client.ts
  const { settings, local, pathMtuOctets } = worker;
  const post = (message: FromWorker): void => port.postMessage(message);
  const lines = new LogLines((waiting) => post({ kind: 'log', lines: waiting }));
  const log = (level: 'info' | 'warn', what: string, detail: string): void =>
    lines.add({ level, what, detail, at: bootTimeMs() });
  const held = await loadWorkerCredentials(worker, (message) => log('warn', 'credential', message));
  const rehearsal = new Rehearsal(randomOctets);

  let wakeFd = -1;
  const core = new RouterCore({
    settings,
    software: worker.software,
    local,
    credentials: held.credentials,
    learnTime: held.learnTime,
    utcAtLeast: held.utcAtLeast,
    random: randomOctets,
    now: bootTimeMs,
    log,
    openLoop: ({ address }) =>
      makeLoop({
        icmpSources: worker.icmpSources.map((source) =>
          equalAddresses(source, local.address) ? address : source,
        ),
        unansweredSeconds: settings.unansweredSeconds,
        engine: {
          random: randomOctets,
          pathMtuOctets,
          capacities: {
            saPairs: settings.capacity.saPairs,
            spdEntries: maximumSpdEntries,
            spdRows: maximumSpdRows,
            packetOctets: Math.max(ordinaryPacketOctets, settings.tunnel.mtu + encapsulationOctets),
            heldPackets: settings.held.packetsTotal,
            heldPerKey: settings.held.packetsPerEntry,
          },
        },
        openInterface: (memory) => {
          const opened = openLinuxPacketInterface({
            memory,
            tunName: settings.tunnel.interface,
            tunMtu: settings.tunnel.mtu,
            localAddresses: [address],
            localPort: local.port,
            mark: worker.mark,
            raw: true,
          });
          wakeFd = opened.wakeFd;
          return opened;
        },
      }),
    onReopened: () => post({ kind: 'ready', wakeFd }),
    ...(worker.versionUp === undefined ? {} : { versionUp: worker.versionUp }),
    upgrade: (version, url) => post({ kind: 'upgrade', version, url }),
  });
  post({ kind: 'ready', wakeFd });

  let isStopped = false;
  /** When there was something to do, and how long a round of the rehearsal takes. */
  let [busyAt, roundMs] = [bootTimeMs(), 0];
  const answers = answersOf(core, worker);
  /** Takes what the main thread said. A listener on the port would never get its turn. */
  const listen = (): number => {
    let done = 0;
    for (let said = receiveMessageOnPort(port); said !== undefined; said = receiveMessageOnPort(port)) {
      const message = said.message as ToWorker; // posted by worker-client.ts alone
      if (message.kind === 'start') core.start();
      else if (message.kind === 'stop') isStopped = true;
      else if (message.question === 'self-test')
        core.router.selfTest(message.ask, (result) =>
          post({ kind: 'answer', id: message.id, answer: result }),
        );
      else post({ kind: 'answer', id: message.id, answer: answer(answers, message) });
      done++;
    }
    return done;
  };
  try {
    while (!isStopped) {
      // Something for V8 to compile while there is nothing else to do: a round after a silence half as long. On a small
      // processor that is longer than the gaps of a transfer, which would wait for each round otherwise.
      const practiceAt = rehearsal.isOver ? undefined : busyAt + roundMs / 2;
      const isCalled = core.wait(earliest(practiceAt, lines.dueAt));
      let done = core.run();
      if (lines.dueAt !== undefined) done += lines.postDue(bootTimeMs());
      // Whoever says something calls; who does not know yet where to call is heard a little later.
      if (isCalled || done === 0) done += listen();
      if (practiceAt === undefined) continue;
      const now = bootTimeMs();
      if (done > 0) busyAt = now;
      else if (now >= practiceAt) {
        rehearsal.play();
        const isCalledMeanwhile = core.rehearse();
        core.run(); // what comes of that is no work
        if (isCalledMeanwhile) listen();
        roundMs = bootTimeMs() - now;
        // Not before: rehearsals have time.
        if (rehearsal.isOver) takePrecedence();
      }
    }
  } finally {
    lines.postAll(); // whatever ends the thread, they tell what was before it
  }
  rehearsal.close();
  core.close();
  held.wipe();
}

/** Questions that are answered at once. */
type Prompt = Exclude<Question, 'self-test'>;
type Answers = { [Name in Prompt]: (ask: Questions[Name]['ask']) => Questions[Name]['answer'] };

function answersOf(core: RouterCore, { settings, software, startedAt }: WorkerSettings): Answers {
  return {
    status: (problem) =>
      routerStatus({
        router: core.router,
        name: settings.name,
        software,
        serverIdentity: settings.server.identity,
        serverEndpoint: settings.server,
        startedAt,
        problem,
        now: bootTimeMs(),
        snapshot: core.snapshot(),
        bundles: core.bundles,
      }),
    spd: () => core.snapshot().spd,
    sad: () => core.snapshot().sad,
    events: () => core.events.rows(),
    renew: (entry) => core.router.renew(entry ?? undefined),
    rekey: (what) => core.router.rekey(what),
    heard: () => core.router.heard(),
    move: (to) => core.move(to),
    'spd-refusal': (entries) => core.router.spdRefusal(entries),
    'replace-spd': (entries) => core.router.replaceSpd(entries),
    'version-up': (standing) => {
      core.router.versionUpChanged(standing);
      return null;
    },
  };
}

function answer<Name extends Prompt>(
  answers: Answers,
  { question, ask }: { readonly question: Name; readonly ask: Questions[Name]['ask'] },
): Questions[Name]['answer'] {
  return answers[question](ask);
}
