/**
 * A lab that is up: network, processes, capture. `Lab.bringUp` makes it, `tearDown` removes every trace, in whatever state
 * it is; both say what they do.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardImage } from './board-image.ts';
import { Capture } from './capture.ts';
import { Census } from './census.ts';
import { Fleet, type Guests } from './fleet.ts';
import { plugInGuests } from './guest-wires.ts';
import type { LabOptions } from './options.ts';
import { Place } from './place.ts';
import { Processes, repository } from './processes.ts';
import type { Scene } from './scenario/scene.ts';
import { buildTopology } from './topology.ts';
import { planMoves, planNats, planTopology, type TopologyPlan } from './topology-plan.ts';

export class Lab {
  readonly place: Place;
  readonly plan: TopologyPlan;
  readonly processes: Processes;
  readonly #say: (line: string) => void;
  #fleet: Fleet | undefined;
  #down: Promise<void> | undefined;

  private constructor(name: string, plan: TopologyPlan, say: (line: string) => void) {
    this.#say = say;
    this.plan = plan;
    this.place = Place.take(name, say);
    this.processes = new Processes(this.place);
  }

  /** Takes the place; from here on `tearDown` is due. Nothing runs yet. */
  static take(options: LabOptions, say: (line: string) => void): Lab {
    return new Lab(options.name, planOf(options), say);
  }

  /**
   * Builds the network, starts the capture, the server and the routers, and waits for their channels.
   *
   * @param image of the routers that are guests, where the options want some
   * @param onFailure called with a line for a person when a process ends that nobody ended
   */
  async bringUp(
    options: LabOptions,
    image: BoardImage | undefined,
    onFailure: (message: string) => void,
  ): Promise<Scene> {
    const { place, plan, processes } = this;
    this.#say(
      `network: internet, server, ${plan.sites.map((site) => site.name).join(', ')}, a host behind each` +
        (options.nat === undefined ? '' : `, a NAT before ${options.nat}`),
    );
    const guests = image === undefined ? undefined : guestsOf(options, image, plan);
    buildTopology(place.name, guests === undefined ? plan : plugInGuests(plan, guests.routers));
    if (options.saveKeys !== undefined) prepareKeyFolder(options.saveKeys);
    const file = options.saveKeys === undefined ? undefined : join(options.saveKeys, 'internet.pcap');
    const networks = plan.sites.flatMap((site) => [site.network, site.network6]);
    const capture = await Capture.start(processes, new Census(networks, plan.serverAddress), file);
    const fleet = new Fleet(place, processes, plan, { ...options, guests }, onFailure);
    this.#fleet = fleet;
    this.#say(
      guests === undefined
        ? 'processes: setting server and routers'
        : `processes: setting server and routers; guests of QEMU: ${[...guests.routers].join(', ')} (${guests.image.name})`,
    );
    const startedAt = performance.now();
    await fleet.startAll(options.scenario === undefined ? 'everyday' : 'open');
    this.#say('channels: up');
    const scene = { lab: place.name, plan, processes, fleet, capture, say: this.#say };
    if (guests === undefined) return scene;
    const upMilliseconds = Math.round(performance.now() - startedAt);
    return {
      ...scene,
      guests: { board: guests.image.name, routers: [...guests.routers], upMilliseconds },
    };
  }

  /** Copies what the guests' consoles printed to where it outlives the lab, and says where. */
  keepConsoles(): void {
    const guests = [...(this.#fleet?.guests ?? [])].filter((name) =>
      existsSync(this.place.path(`${name}.log`)),
    );
    if (guests.length === 0) return;
    const folder = join(repository, 'build/lab', this.place.name);
    mkdirSync(folder, { recursive: true });
    for (const name of guests) copyFileSync(this.place.path(`${name}.log`), join(folder, `${name}.log`));
    this.#say(`what the guests' consoles printed: ${folder}`);
  }

  /** Ends every process, removes the namespaces and the folder. Repeated calls wait for the first. */
  tearDown(): Promise<void> {
    this.#down ??= this.#tearDown();
    return this.#down;
  }

  async #tearDown(): Promise<void> {
    this.#fleet?.letGo();
    try {
      await this.#fleet?.endGuests();
      await this.processes.stopAll();
    } finally {
      this.place.leave();
    }
    this.#say('torn down');
  }
}

function planOf({ scenario, nat }: LabOptions): TopologyPlan {
  switch (scenario) {
    case 'nat':
      return planNats();
    case 'moves':
      return planMoves();
    case 'version-up':
    case undefined:
      return planTopology(nat);
  }
}

/** In which a version that never reaches its server is left again; an emulated processor needs a minute of it to start. */
const trialSeconds = 180;
/** By firmware and boot loader. */
const guestUpWithinMs = 400_000;

/** The first router alone, or all. */
function guestsOf({ qemuOne, scenario }: LabOptions, image: BoardImage, { sites }: TopologyPlan): Guests {
  const routers = new Set(sites.slice(0, qemuOne ? 1 : undefined).map(({ name }) => name));
  if (scenario !== 'version-up') return { image, routers };
  return {
    image,
    routers,
    by: 'firmware',
    settings: { upgrade: { trialSeconds } },
    upWithinMs: guestUpWithinMs,
  };
}

/** For its owner alone, and without the keys of an earlier lab. */
function prepareKeyFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  rmSync(join(folder, 'esp_sa'), { force: true });
}
