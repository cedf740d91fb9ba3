/** A router's settings as a board takes them: the lab's own file with the board's names of interfaces, its key, and addresses. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { endOf } from './guest-wires.ts';
import type { TopologyPlan } from './topology-plan.ts';

/** The board's names of its first port of each side (docs/image.md). */
const ports = { unprotected: 'unprotected0', protected: 'protected0' } as const;

/**
 * Writes what tools/image/settings.ts puts on a disk into `folder`.
 *
 * @param plan the network without guests, which knows the router's addresses
 * @param file the router's settings as they are in a namespace, its key beside it
 * @param more fields of its settings that a router in a namespace has no use for
 */
export function writeGuestSettings(
  folder: string,
  plan: TopologyPlan,
  router: string,
  file: string,
  more: object = {},
): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // The lab's own (configuration.ts).
  const settings = parse(readFileSync(file, 'utf8')) as Record<string, unknown> & {
    readonly credential: { readonly preSharedKeyFile: string };
  };
  // The board has a control socket of its own.
  const { controlSocket: _, ...portable } = settings;
  const onBoard = {
    ...portable,
    ...more,
    unprotected: { interface: ports.unprotected },
    protected: { interfaces: [ports.protected] },
    network: networkOf(plan, router),
  };
  writeFileSync(join(folder, 'router.yaml'), stringify(onBoard), { mode: 0o600 });
  const key = settings.credential.preSharedKeyFile;
  copyFileSync(join(dirname(file), key), join(folder, basename(key)));
}

/** In place of the interfaces of the lab's namespace. */
function networkOf(plan: TopologyPlan, router: string): object {
  const addressesOf = (side: keyof typeof ports): readonly string[] => endOf(plan, router, side).addresses;
  return {
    addresses: {
      [ports.unprotected]: addressesOf('unprotected'),
      [ports.protected]: addressesOf('protected'),
    },
    routes: plan.routes.filter(({ namespace }) => namespace === router).map(({ to, via }) => ({ to, via })),
  };
}
