/**
 * The body of a router's worker thread: opens Linux's packet interface over the engine's memory and runs the router until it
 * is told to stop. Questions of the main thread are answered between two rounds, and rehearsals played when there is
 * nothing else to do.
 */
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { EngineSnapshot } from '../dataplane/snapshot.ts';
import { earliest } from '../model/instant.ts';
import type { PacketLoop, PacketLoopOptions } from '../packet-loop/packet-loop.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { randomOctets } from '../platform/entropy.ts';
import { type LinuxPacketInterface, openLinuxPacketInterface } from '../platform/linux-packet-interface.ts';
import { wake } from '../platform/poller.ts';
import { takePrecedence } from '../platform/precedence.ts';
import { SharedSockets } from '../platform/shared-sockets.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { RouterCore } from './core.ts';
import type { FromFollower } from './follower-protocol.ts';
import { type FollowerPort, Followers } from './followers.ts';
import { LogLines } from './log-lines.ts';
import { engineCapacities, packetLoopOptions } from './loop-settings.ts';
import { mergedSad, mergedSpd, routerStatus } from './status.ts';
import { loadWorkerCredentials } from './worker-credentials.ts';
import type { FromWorker, Question, Questions, ToWorker, WorkerSettings } from './worker-protocol.ts';

/** Runs the thread to its end, with the packet loop that `makeLoop` makes. Throws HostError. */
export async function runWorkerThread(
  worker: WorkerSettings,
  makeLoop: (options: PacketLoopOptions) => PacketLoop,
): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this runs in a worker thread');
  const { settings, local } = worker;
  const post = (message: FromWorker): void => port.postMessage(message);
  const lines = new LogLines((waiting) => post({ kind: 'log', lines: waiting }));
  const log = (level: 'info' | 'warn', what: string, detail: string): void =>
    lines.add({ level, what, detail, at: bootTimeMs() });
  const held = await loadWorkerCredentials(worker, (message) => log('warn', 'credential', message));
  const rehearsal = new Rehearsal(randomOctets);

  const workers = worker.followers.length + 1;
  const shared =
    workers === 1 ? undefined : new SharedSockets(workers, { localPort: local.port, mark: worker.mark });
  let opened: LinuxPacketInterface | undefined;
  const wakeFd = (): number => opened?.wakeFd ?? -1;
  const followers =
    worker.followers.length === 0
      ? undefined
      : new Followers({
          ports: worker.followers.map(followerPort),
          wake,
          capacities: engineCapacities(worker),
          handOver: (one) => opened?.handOver(one) ?? [],
          ownWakeFd: wakeFd,
        });
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
        ...packetLoopOptions(worker, address, randomOctets),
        openInterface: (memory) => {
          opened = openLinuxPacketInterface({
            memory,
            tunName: settings.tunnel.interface,
            tunMtu: settings.tunnel.mtu,
            localAddresses: [address],
            localPort: local.port,
            mark: worker.mark,
            raw: true,
            ...(shared === undefined ? {} : { shared }),
          });
          return opened;
        },
      }),
    onReopened: () => post({ kind: 'ready', wakeFd: wakeFd() }),
    ...(followers === undefined ? {} : { followers }),
    ...(worker.versionUp === undefined ? {} : { versionUp: worker.versionUp }),
    upgrade: (version, url) => post({ kind: 'upgrade', version, url }),
  });
  let isReady = false;
  let isStopped = false;
  /** When there was something to do, and how long a round of the rehearsal takes. */
  let [busyAt, roundMs] = [bootTimeMs(), 0];
  const answers = answersOf(core);
  /** Takes what the main thread said. A listener on the port would never get its turn. */
  const listen = (): number => {
    let done = 0;
    for (let said = receiveMessageOnPort(port); said !== undefined; said = receiveMessageOnPort(port)) {
      const message = said.message as ToWorker; // posted by worker-client.ts alone
      if (message.kind === 'start') core.start();
      else if (message.kind === 'stop') isStopped = true;
      else if (isAboutAll(message)) {
        core.askSnapshots((snapshots) =>
          post({ kind: 'answer', id: message.id, answer: answerAboutAll(core, worker, message, snapshots) }),
        );
      } else if (message.question === 'self-test')
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
      if (!isReady && followers?.areReady !== false) {
        isReady = true;
        post({ kind: 'ready', wakeFd: wakeFd() });
      }
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
  followers?.stop();
  core.close();
  shared?.close();
  held.wipe();
}

/** A port of Node's, as the first worker's end of a way to a follower. */
function followerPort(port: MessagePort): FollowerPort {
  return {
    post: (message, moved = []) => port.postMessage(message, [...moved]),
    // Posted by follower-thread.ts alone. A listener would never get its turn here.
    take: () => receiveMessageOnPort(port)?.message as FromFollower | undefined,
  };
}

/** Questions about the engines of all workers, which have to be asked first. */
type AboutAll = 'status' | 'spd' | 'sad';
type Ask = Extract<ToWorker, { kind: 'ask' }>;
type AskAboutAll = Extract<Ask, { question: AboutAll }>;

function isAboutAll(message: Ask): message is AskAboutAll {
  return message.question === 'status' || message.question === 'spd' || message.question === 'sad';
}

function answerAboutAll(
  core: RouterCore,
  { settings, software, startedAt }: WorkerSettings,
  message: AskAboutAll,
  snapshots: readonly [EngineSnapshot, ...EngineSnapshot[]],
): Questions[AboutAll]['answer'] {
  switch (message.question) {
    case 'status':
      return routerStatus({
        router: core.router,
        name: settings.name,
        software,
        serverIdentity: settings.server.identity,
        serverEndpoint: settings.server,
        startedAt,
        problem: message.ask,
        now: bootTimeMs(),
        snapshots,
        bundles: core.bundles,
      });
    case 'spd':
      return mergedSpd(snapshots);
    case 'sad':
      return mergedSad(snapshots);
  }
}

/** Questions that are answered at once. */
type Prompt = Exclude<Question, 'self-test' | AboutAll>;
type Answers = { [Name in Prompt]: (ask: Questions[Name]['ask']) => Questions[Name]['answer'] };

function answersOf(core: RouterCore): Answers {
  return {
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
