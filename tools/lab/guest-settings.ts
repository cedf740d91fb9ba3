/** A router's settings as a board takes them: the lab's own file with the board's names of interfaces, its key, and addresses. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { deviceOf, endOf } from './guest-wires.ts';
import type { TopologyPlan } from './topology-plan.ts';

/** The board's names of its first port of each side (docs/image.md). */
const ports = { unprotected: 'unprotected0', protected: 'protected0' } as const;

/**
 * Writes what tools/image/settings.ts puts on a disk into `folder`.
 *
 * @param plan the network without guests, which knows the router's addresses
 * @param file the router's settings as they are in a namespace, its key beside it
 */
export function writeGuestSettings(folder: string, plan: TopologyPlan, router: string, file: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // The lab's own (configuration.ts).
  const settings = parse(readFileSync(file, 'utf8')) as Record<string, unknown> & {
    readonly credential: { readonly preSharedKeyFile: string };
  };
  // The board has a control socket of its own.
  const { controlSocket: _, ...portable } = settings;
  const onBoard = {
    ...portable,
    unprotected: { interface: ports.unprotected },
    protected: { interfaces: [ports.protected] },
  };
  writeFileSync(join(folder, 'router.yaml'), stringify(onBoard), { mode: 0o600 });
  const key = settings.credential.preSharedKeyFile;
  copyFileSync(join(dirname(file), key), join(folder, basename(key)));
  writeFileSync(join(folder, 'network'), networkOf(plan, router), { mode: 0o600 });
}

function networkOf(plan: TopologyPlan, router: string): string {
  const addresses = (['unprotected', 'protected'] as const).flatMap((side) =>
    endOf(plan, router, side).addresses.map((address) => `${ports[side]} address ${address}`),
  );
  const routes = plan.routes
    .filter(({ namespace }) => namespace === router)
    .map(({ to, via }) => `route ${to} via ${via}`);
  return [
    `# In place of ${deviceOf.unprotected} and ${deviceOf.protected} of the lab`,
    ...addresses,
    ...routes,
    '',
  ].join('\n');
}
