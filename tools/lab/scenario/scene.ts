/** What every scenario works with: the network, the processes, the capture, and a place to say how it goes. */
import type { Capture } from '../capture.ts';
import type { Fleet } from '../fleet.ts';
import type { Processes } from '../processes.ts';
import type { Report } from '../report.ts';
import type { Site, TopologyPlan } from '../topology-plan.ts';

export interface Scene {
  readonly lab: string;
  readonly plan: TopologyPlan;
  readonly processes: Processes;
  readonly fleet: Fleet;
  readonly capture: Capture;
  /** What the report says of routers that are guests; undefined where none is. */
  readonly guests?: Report['guests'];
  /** A line of progress for a person. */
  readonly say: (line: string) => void;
}

export interface Sites {
  readonly tokyo: Site;
  readonly osaka: Site;
  readonly nagoya: Site;
}

/** The three sites by name. */
export function sitesOf(plan: TopologyPlan): Sites {
  const site = (name: string): Site => {
    const found = plan.sites.find((one) => one.name === name);
    if (found === undefined) throw new RangeError(`no site ${name}`);
    return found;
  };
  return { tokyo: site('tokyo'), osaka: site('osaka'), nagoya: site('nagoya') };
}

/** Outer addresses by the names of those who have them. */
export function outerNames(plan: TopologyPlan): Map<string, string> {
  return new Map([
    [plan.serverAddress, 'server'],
    ...plan.sites.flatMap((site): [string, string][] => [
      [site.seenAs, site.name],
      [site.wanAddress, site.name],
    ]),
  ]);
}
