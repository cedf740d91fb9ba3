/** Our setting server as a responder: the shipped process, on one processor, with the routers that the load plays enrolled. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { HostError } from '../../../host/model/host-error.ts';
import { readServerStatus } from '../../lab/control.ts';
import { describeEnd, type LabProcess, lastLines, nodeCommand } from '../../lab/processes.ts';
import { onProcessor, type Stage } from '../stage.ts';
import { ikePort, responderName, routerNames } from './load-plan.ts';

const upWithinMs = 60_000;

export interface OurServerOptions {
  readonly address: string;
  readonly keyFile: string;
  /** For the IKE SA. */
  readonly proposals: readonly string[];
  readonly processor: number;
}

/** Starts it at `address` in the namespace and waits until it answers. Throws HostError. */
export async function startOurServer(
  { place, processes }: Stage,
  namespace: string,
  { address, keyFile, proposals, processor }: OurServerOptions,
): Promise<LabProcess> {
  const file = place.path('server.yaml');
  const controlSocket = place.path('server.sock');
  const settings = {
    version: 1,
    server: {
      identity: responderName,
      listen: [{ address, port: ikePort }],
      channel: { ikeProposals: proposals, allowLegacy: true },
      database: place.path('server.sqlite'),
      controlSocket,
    },
    routers: routerNames.map((name, number) => ({
      name,
      credential: { preSharedKeyFile: keyFile },
      networks: [`10.${number}.0.0/16`],
    })),
    distributionPolicies: [{ kind: 'all', between: ['*', '*'] }],
  };
  writeFileSync(file, stringify(settings), { mode: 0o600 });
  const command = [nodeCommand, 'host/cli/main.ts', 'server', '--config', file];
  const started = await processes.start(namespace, 'our server', onProcessor(processor, command));
  const deadline = performance.now() + upWithinMs;
  while ((await readServerStatus(controlSocket).catch(() => undefined)) === undefined) {
    if (!started.isAlive()) throw new HostError('PLATFORM', describeEnd(started, await started.ended));
    if (performance.now() > deadline)
      throw new HostError('PLATFORM', `our server does not come up:\n${lastLines(started.logFile, 8)}`);
    await sleep(50);
  }
  return started;
}
