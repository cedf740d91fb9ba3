/**
 * The first worker's end of those that follow it: tells each what concerns its engine, and hears what happened there. What it says
 * arrives in order; what a follower's engine would refuse is known here, from the same changes (table-shadow.ts).
 */
import type { TableChange } from '../dataplane/engine.ts';
import type { Capacities } from '../dataplane/memory-layout.ts';
import type { EngineSnapshot } from '../dataplane/snapshot.ts';
import { TableShadow } from '../dataplane/table-shadow.ts';
import type { Address } from '../model/address.ts';
import type { LoopCommand, LoopEvent } from '../packet-loop/protocol.ts';
import { type FromFollower, type Handed, sealCommand, type ToFollower } from './follower-protocol.ts';

/** One end of a way to a follower. */
export interface FollowerPort {
  readonly post: (message: ToFollower, moved?: readonly ArrayBuffer[]) => void;
  /** The next message that has come; undefined when there is none. */
  readonly take: () => FromFollower | undefined;
}

export interface FollowersOptions {
  /** In the order of the workers, from the second on. */
  readonly ports: readonly FollowerPort[];
  /** Ends a wait, given the number of its eventfd. */
  readonly wake: (fd: number) => void;
  readonly capacities: Partial<Capacities>;
  /** The sockets that were opened last for a worker; asked once each time. */
  readonly handOver: (worker: number) => readonly Handed[];
  /** The eventfd that ends the first worker's wait. */
  readonly ownWakeFd: () => number;
}

export type FollowerNews =
  | { readonly kind: 'events'; readonly worker: number; readonly events: readonly LoopEvent[] }
  | { readonly kind: 'lost'; readonly worker: number; readonly reason: string };

interface Follower {
  readonly worker: number;
  readonly port: FollowerPort;
  shadow: TableShadow;
  wakeFd: number;
  /** `open`s that it has not answered. */
  opening: number;
}

interface Asked {
  readonly snapshots: (EngineSnapshot | undefined)[];
  readonly done: (snapshots: readonly EngineSnapshot[]) => void;
}

export class Followers {
  readonly #options: FollowersOptions;
  readonly #followers: readonly Follower[];
  readonly #asked = new Map<number, Asked>();
  #nextId = 1;

  constructor(options: FollowersOptions) {
    this.#options = options;
    this.#followers = options.ports.map((port, index) => ({
      worker: index + 1,
      port,
      shadow: new TableShadow(options.capacities),
      wakeFd: -1,
      opening: 0,
    }));
  }

  /** How many workers there are, the first among them. */
  get workers(): number {
    return this.#followers.length + 1;
  }

  /** Whether each has its packet loop. */
  get areReady(): boolean {
    return this.#followers.every(({ opening, wakeFd }) => opening === 0 && wakeFd >= 0);
  }

  /** Lets each open a packet loop with an engine that has nothing, in place of the one that it had. */
  open(address: Address): void {
    const wakeFd = this.#options.ownWakeFd();
    // Whoever asked is not answered by engines that are gone.
    this.#asked.clear();
    for (const follower of this.#followers) {
      follower.shadow = new TableShadow(this.#options.capacities);
      follower.opening += 1;
      const sockets = this.#options.handOver(follower.worker);
      this.#post(follower, { kind: 'open', address, sockets, wakeFd });
    }
  }

  /** Why the engine of `worker` would refuse the change now, or undefined. */
  refusal(worker: number, change: TableChange): string | undefined {
    return this.#of(worker).shadow.refusal(change);
  }

  /** Lets `worker` carry a command out. Throws HostError where its engine would refuse it. */
  order(worker: number, command: LoopCommand): void {
    const follower = this.#of(worker);
    if (command.kind === 'change') follower.shadow.note(command.change);
    const sealed = sealCommand(command);
    this.#post(follower, { kind: 'obey', command: sealed.command }, sealed.moved);
  }

  /** The first worker's sockets are bound to `to` now, and so are those that were opened for the others. */
  rebind(from: Address, to: Address): void {
    for (const follower of this.#followers) {
      const sockets = this.#options.handOver(follower.worker);
      this.#post(follower, { kind: 'rebind', from, to, sockets });
    }
  }

  /** What happened since the last call, in order for each. */
  takeNews(): FollowerNews[] {
    const news: FollowerNews[] = [];
    for (const follower of this.#followers) {
      for (let said = follower.port.take(); said !== undefined; said = follower.port.take())
        this.#take(follower, said, news);
    }
    return news;
  }

  /** Asks all for their tables and counts; `done` gets them in order, and never where an engine is lost meanwhile. */
  askSnapshots(done: Asked['done']): void {
    const id = this.#nextId++;
    this.#asked.set(id, { done, snapshots: this.#followers.map(() => undefined) });
    for (const follower of this.#followers) this.#post(follower, { kind: 'snapshot', id });
  }

  /** Ends them. */
  stop(): void {
    for (const follower of this.#followers) this.#post(follower, { kind: 'stop' });
  }

  #take(follower: Follower, said: FromFollower, news: FollowerNews[]): void {
    const { worker } = follower;
    switch (said.kind) {
      case 'ready':
        follower.wakeFd = said.wakeFd;
        follower.opening -= 1;
        break;
      case 'snapshot':
        this.#takeSnapshot(follower, said.id, said.snapshot);
        break;
      // What a loop said that has been replaced meanwhile is about nothing that there is.
      case 'events':
        if (follower.opening === 0) news.push({ kind: 'events', worker, events: said.events });
        break;
      case 'lost':
        if (follower.opening === 0) news.push({ kind: 'lost', worker, reason: said.reason });
        break;
    }
  }

  #takeSnapshot({ worker }: Follower, id: number, snapshot: EngineSnapshot): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    asked.snapshots[worker - 1] = snapshot;
    const all = asked.snapshots.flatMap((one) => one ?? []);
    if (all.length < asked.snapshots.length) return;
    this.#asked.delete(id);
    asked.done(all);
  }

  #of(worker: number): Follower {
    const follower = this.#followers[worker - 1];
    if (follower === undefined) throw new RangeError(`there is no worker ${worker}`);
    return follower;
  }

  #post({ port, wakeFd }: Follower, message: ToFollower, moved: readonly ArrayBuffer[] = []): void {
    port.post(message, moved);
    if (wakeFd >= 0) this.#options.wake(wakeFd);
  }
}
