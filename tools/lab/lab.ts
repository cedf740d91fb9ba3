/**
 * A lab that is up: network, processes, capture. `Lab.bringUp` makes it, `tearDown` removes every trace, in whatever state
 * it is; both say what they do.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Capture } from './capture.ts';
import { Census } from './census.ts';
import { Fleet } from './fleet.ts';
import type { LabOptions } from './options.ts';
import { Place } from './place.ts';
import { Processes } from './processes.ts';
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
   * @param onFailure called with a line for a person when a process ends that nobody ended
   */
  async bringUp(options: LabOptions, onFailure: (message: string) => void): Promise<Scene> {
    const { place, plan, processes } = this;
    this.#say(
      `network: internet, server, ${plan.sites.map((site) => site.name).join(', ')}, a host behind each` +
        (options.nat === undefined ? '' : `, a NAT before ${options.nat}`),
    );
    buildTopology(place.name, plan);
    if (options.saveKeys !== undefined) prepareKeyFolder(options.saveKeys);
    const file = options.saveKeys === undefined ? undefined : join(options.saveKeys, 'internet.pcap');
    const networks = plan.sites.flatMap((site) => [site.network, site.network6]);
    const capture = await Capture.start(processes, new Census(networks, plan.serverAddress), file);
    const fleet = new Fleet(place, processes, plan, options, onFailure);
    this.#fleet = fleet;
    this.#say('processes: setting server and routers');
    await fleet.startAll(options.scenario === undefined ? 'everyday' : 'open');
    this.#say('channels: up');
    return { lab: place.name, plan, processes, fleet, capture, say: this.#say };
  }

  /** Ends every process, removes the namespaces and the folder. Repeated calls wait for the first. */
  tearDown(): Promise<void> {
    this.#down ??= this.#tearDown();
    return this.#down;
  }

  async #tearDown(): Promise<void> {
    this.#fleet?.letGo();
    try {
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
    case undefined:
      return planTopology(nat);
  }
}

/** For its owner alone, and without the keys of an earlier lab. */
function prepareKeyFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  rmSync(join(folder, 'esp_sa'), { force: true });
}
