/** The tables as `sekisho spd`, `sad` and `table` print them: each router's SPD and SAD, the server's policies and pairs. */
import { renderSad, renderSpd } from '../../host/cli/render-router.ts';
import { renderManagementTable, renderPolicies } from '../../host/cli/render-server.ts';
import { readPolicies, readSad, readSpd, readTable } from './control.ts';
import type { Fleet } from './fleet.ts';
import type { TopologyPlan } from './topology-plan.ts';

/**
 * All tables under their titles.
 *
 * @param width of the terminal in characters; undefined is as wide as need be
 */
export async function renderTables(
  plan: TopologyPlan,
  fleet: Fleet,
  width: number | undefined,
): Promise<string> {
  const parts: string[] = [];
  for (const site of plan.sites) {
    // Behind a guest's serial line there is no log-in; the server's tables name its SAs.
    if (fleet.guests.has(site.name)) continue;
    const socket = fleet.routerSocket(site);
    parts.push(titled(`${site.name}: SPD`, renderSpd(await readSpd(socket), width)));
    parts.push(titled(`${site.name}: SAD`, renderSad(await readSad(socket), width)));
  }
  parts.push(
    titled('server: distribution policies', renderPolicies(await readPolicies(fleet.serverSocket), width)),
  );
  parts.push(
    titled('server: management table', renderManagementTable(await readTable(fleet.serverSocket), width)),
  );
  return parts.join('\n\n');
}

function titled(title: string, text: string): string {
  return `${title}\n${'-'.repeat(title.length)}\n${text}`;
}
