/**
 * Routers that are guests of QEMU, in a plan: the router's namespace becomes the wall with the sockets. It has no address and
 * forwards nothing; each of its links is bridged with a TAP interface, which is a port of the guest.
 */
import type { Side } from '../../boards/board.ts';
import type { LinkEnd, TopologyPlan } from './topology-plan.ts';

/** A link's end in a namespace, and the TAP interface that gets the same frames. */
export interface Bridge {
  readonly namespace: string;
  readonly device: string;
  readonly tap: string;
}

/** The plan's devices of a router by their side. */
export const deviceOf: Readonly<Record<Side, string>> = { unprotected: 'wan0', protected: 'lan0' };

/** The TAP interface for a port of that side. */
export function tapOf(side: Side): string {
  return `tap-${deviceOf[side]}`;
}

/** What a router has on the device of its side in a plan without guests. */
export function endOf(plan: TopologyPlan, router: string, side: Side): LinkEnd {
  const found = plan.links
    .flat()
    .find(({ namespace, device }) => namespace === router && device === deviceOf[side]);
  if (found === undefined) throw new RangeError(`${router} has no link ${deviceOf[side]}`);
  return found;
}

/** The plan with these routers as guests. */
export function plugInGuests(plan: TopologyPlan, routers: ReadonlySet<string>): TopologyPlan {
  const bare = (end: LinkEnd): LinkEnd => (routers.has(end.namespace) ? { ...end, addresses: [] } : end);
  return {
    ...plan,
    namespaces: plan.namespaces.map((one) => (routers.has(one.name) ? { ...one, forwards: false } : one)),
    links: plan.links.map(([a, b]) => [bare(a), bare(b)] as const),
    routes: plan.routes.filter(({ namespace }) => !routers.has(namespace)),
    bridges: [...routers].flatMap((namespace) =>
      (['unprotected', 'protected'] as const).map((side) => ({
        namespace,
        device: deviceOf[side],
        tap: tapOf(side),
      })),
    ),
  };
}
