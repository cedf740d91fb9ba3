/**
 * The body of a worker thread that follows a router's first one: a packet loop, with a queue of the TUN and sockets of its own,
 * that does between two batches what it is told, and tells what happened. It knows no server and asks for nothing.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { EngineLostError } from '../dataplane/instance.ts';
import { PacketLoop, type PacketLoopOptions } from '../packet-loop/packet-loop.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { randomOctets } from '../platform/entropy.ts';
import { type HandedSocket, openFurtherPacketInterface } from '../platform/linux-packet-interface.ts';
import { wake } from '../platform/poller.ts';
import { takePrecedence } from '../platform/precedence.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { wipeKeys } from './change-keys.ts';
import { type FromFollower, type Handed, openCommand, type ToFollower } from './follower-protocol.ts';
import { packetLoopOptions } from './loop-settings.ts';
import type { FollowerSettings } from './worker-protocol.ts';

/** An idle loop looks at the clock so often, for lifetimes in the firmware; one without an engine at what it is told. */
const idleWaitMs = 1000;
const closedWaitMs = 2;

type MakeLoop = (options: PacketLoopOptions) => PacketLoop;

/** Runs the thread to its end, with the packet loops that `makeLoop` makes. Throws HostError. */
export function runFollowerThread(settings: FollowerSettings, makeLoop: MakeLoop): void {
  const follower = new FollowerThread(settings, makeLoop);
  let rehearsal: Rehearsal | undefined;
  /** When there was something to do, and how long a round of the rehearsal takes, as in the first worker. */
  let [busyAt, roundMs] = [bootTimeMs(), 0];
  while (!follower.isStopped) {
    const practiceAt = rehearsal?.isOver ? undefined : busyAt + roundMs / 2;
    const isBusy = follower.round(practiceAt === undefined ? idleWaitMs : practiceAt - bootTimeMs());
    if (practiceAt === undefined) continue;
    const now = bootTimeMs();
    if (isBusy) busyAt = now;
    else if (follower.isOpen && now >= practiceAt) {
      // Not before the packet loop is there: that the engine works the first worker has shown.
      if (rehearsal === undefined) rehearsal = new Rehearsal(randomOctets);
      else rehearsal.play();
      busyAt = bootTimeMs();
      roundMs = busyAt - now;
      if (rehearsal.isOver) takePrecedence();
    }
  }
  rehearsal?.close();
  follower.close();
}

class FollowerThread {
  isStopped = false;
  readonly #settings: FollowerSettings;
  readonly #makeLoop: MakeLoop;
  readonly #port: MessagePort;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #loop: PacketLoop | undefined;
  #offer: (sockets: readonly HandedSocket[]) => void = () => {};
  #firstWakeFd = -1;

  constructor(settings: FollowerSettings, makeLoop: MakeLoop) {
    this.#settings = settings;
    this.#makeLoop = makeLoop;
    this.#port = settings.port;
  }

  /** What it was told, then packets. Sleeps up to `waitMs` where there is nothing. Returns whether there was something. */
  round(waitMs: number): boolean {
    if (this.#loop === undefined) Atomics.wait(this.#sleeper, 0, 0, closedWaitMs);
    else this.#loop.wait(Math.max(0, Math.min(idleWaitMs, waitMs)));
    let done = 0;
    try {
      // Before what has arrived is received: an SPI that was reserved before a packet was sent for it is known then.
      done += this.#listen();
      done += this.#loop?.run() ?? 0;
    } catch (error) {
      if (!(error instanceof EngineLostError)) throw error;
      this.#lose(error);
      return true;
    }
    const events = this.#loop?.takeEvents() ?? [];
    if (events.length > 0) this.#tell({ kind: 'events', events });
    return done > 0;
  }

  get isOpen(): boolean {
    return this.#loop !== undefined;
  }

  close(): void {
    this.#loop?.close();
    this.#loop = undefined;
  }

  #lose(error: EngineLostError): void {
    this.close();
    this.#tell({ kind: 'lost', reason: String(error.cause ?? error.message) });
  }

  #listen(): number {
    let done = 0;
    for (
      let said = receiveMessageOnPort(this.#port);
      said !== undefined;
      said = receiveMessageOnPort(this.#port)
    ) {
      this.#take(said.message as ToFollower); // posted by followers.ts alone
      done++;
    }
    return done;
  }

  #take(message: ToFollower): void {
    switch (message.kind) {
      case 'open':
        this.#open(message);
        break;
      case 'obey': {
        const command = openCommand(message.command);
        try {
          this.#loop?.obey(command);
        } finally {
          if (command.kind === 'change') wipeKeys(command.change);
        }
        break;
      }
      case 'rebind':
        this.#offer(socketsIn(message.sockets));
        this.#loop?.rebind(message.from, message.to);
        break;
      case 'snapshot':
        if (this.#loop !== undefined) {
          const { bundles } = this.#loop;
          this.#tell({ kind: 'snapshot', id: message.id, snapshot: this.#loop.snapshot(), bundles });
        }
        break;
      case 'stop':
        this.isStopped = true;
        break;
    }
  }

  #open({ address, sockets, wakeFd }: Extract<ToFollower, { kind: 'open' }>): void {
    this.close();
    this.#firstWakeFd = wakeFd;
    const { settings, local, mark, worker } = this.#settings;
    let ownWakeFd = -1;
    this.#loop = this.#makeLoop({
      ...packetLoopOptions(this.#settings, address, randomOctets),
      openInterface: (memory) => {
        const { opened, offer } = openFurtherPacketInterface({
          memory,
          worker,
          tunName: settings.tunnel.interface,
          tunMtu: settings.tunnel.mtu,
          localPort: local.port,
          mark,
          sockets: socketsIn(sockets),
        });
        this.#offer = offer;
        ownWakeFd = opened.wakeFd;
        return opened;
      },
    });
    this.#tell({ kind: 'ready', wakeFd: ownWakeFd });
  }

  #tell(message: FromFollower): void {
    this.#port.postMessage(message);
    wake(this.#firstWakeFd);
  }
}

/** They are what the first worker's interface handed over, as this one's wants them. */
function socketsIn(handed: readonly Handed[]): readonly HandedSocket[] {
  return handed as readonly HandedSocket[];
}

/** As above, with the usual packet loop. */
export const usualLoop: MakeLoop = (options) => new PacketLoop(options);
