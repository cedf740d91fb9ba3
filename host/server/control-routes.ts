/** What can be asked of a running server at its control socket, and what can be told it. */
import { HostError } from '../model/host-error.ts';
import type { Instant } from '../model/instant.ts';
import { refuseWithoutChannel, rekeyOrder } from '../model/rekey-order.ts';
import { parsePlan } from './rollout/plan.ts';
import { managementRows, policyRows, type ServerStatusSources, serverStatus } from './status.ts';
import type { Store } from './store/store.ts';

export interface ControlledServer {
  /** As things are now. */
  readonly sources: () => ServerStatusSources;
  readonly events: () => unknown;
  readonly store: Store;
  readonly now: () => Instant;
  /** Reads the policy file again; returns why it was not taken, or null. */
  readonly reload: () => string | null;
}

/** Audit rows in an answer. */
const auditRows = 1000;

export function controlRoutes(
  controlled: ControlledServer,
): Readonly<Record<string, (body: unknown) => unknown>> {
  const { sources, store, now } = controlled;
  const rollout = () => ({ rollout: sources().server.rollout.status(now()) });
  return {
    'GET /status': () => serverStatus(sources()),
    'GET /table': () => managementRows(sources().processing, now()),
    'GET /policies': () => policyRows(sources().policies),
    'GET /events': controlled.events,
    'GET /audit': () => store.auditRows(auditRows),
    'GET /rollout': rollout,
    'POST /rollout': (body) => {
      orderRollout(sources(), body);
      return rollout();
    },
    'POST /rekey': (body) => {
      const { router = '', what } = rekeyOrder(body);
      return refuseWithoutChannel(sources().server.rekey(router, what));
    },
    'POST /reload': () => ({ problem: controlled.reload() }),
  };
}

/** `{order: "start", …plan}`, or `{order: "pause" | "resume" | "abort"}`. Throws HostError USAGE. */
function orderRollout({ server }: ServerStatusSources, body: unknown): void {
  const { order, ...rest } =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  switch (order) {
    case 'start':
      server.startRollout(parsePlan(rest));
      return;
    case 'pause':
    case 'abort':
      server.orderRollout(order);
      return;
    case 'resume': {
      const { maxFailures } = rest;
      const isNumber = typeof maxFailures === 'number' && Number.isInteger(maxFailures) && maxFailures >= 1;
      if (maxFailures !== undefined && !isNumber)
        throw new HostError('USAGE', 'expected maxFailures of 1 or more');
      server.orderRollout('resume', isNumber ? maxFailures : undefined);
      return;
    }
    default:
      throw new HostError('USAGE', 'expected {"order": "start", "pause", "resume" or "abort"}');
  }
}
