/** A network of its own in namespaces, as the lab builds it, and a way to start programs there; nothing of it outlives the bench. */
import { insideNamespace, namespacePrefix, runCommand } from '../lab/namespaces.ts';
import { Place } from '../lab/place.ts';
import { Processes } from '../lab/processes.ts';
import { buildTopology, type LinkOptions } from '../lab/topology.ts';
import { planTopology, type Site, type TopologyPlan } from '../lab/topology-plan.ts';

export interface Stage {
  readonly place: Place;
  readonly processes: Processes;
  readonly plan: TopologyPlan;
  readonly sites: readonly [Site, Site];
}

/**
 * Builds the network, runs `work` in it and takes everything down, whatever became of it. Several stages may stand side by side.
 *
 * @param links `plug` puts guests into the network that is built; the stage's plan is the one without
 *
 * @throws HostError
 */
export async function onStage<T>(
  name: string,
  say: (line: string) => void,
  work: (stage: Stage) => Promise<T>,
  {
    plug = (plan) => plan,
    ...links
  }: LinkOptions & { readonly plug?: (plan: TopologyPlan) => TopologyPlan } = {},
): Promise<T> {
  const place = Place.take(name, say);
  const processes = new Processes(place);
  try {
    const plan = planTopology();
    buildTopology(place.name, plug(plan), links);
    const [tokyo, osaka] = plan.sites;
    if (tokyo === undefined || osaka === undefined) throw new RangeError('expected two sites');
    return await work({ place, processes, plan, sites: [tokyo, osaka] });
  } finally {
    await processes.stopAll();
    place.leave();
  }
}

/** `command` on one processor alone. */
export function onProcessor(processor: number, command: readonly string[]): string[] {
  return ['taskset', '--cpu-list', String(processor), ...command];
}

/** Gives a namespace more addresses of its own. Throws HostError. */
export function addAddresses(stage: Stage, namespace: string, addresses: readonly string[]): void {
  const lines = addresses.map((address) => `address add ${address} dev lo`);
  runCommand(
    insideNamespace(namespacePrefix(stage.place.name) + namespace, ['ip', '-batch', '-']),
    lines.join('\n'),
  );
}
