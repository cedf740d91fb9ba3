/** Which of a router's worker threads this is: the first, with the control side, or one that follows it. */
import { workerData } from 'node:worker_threads';
import type { PacketLoop, PacketLoopOptions } from '../packet-loop/packet-loop.ts';
import { runFollowerThread, usualLoop } from './follower-thread.ts';
import type { FollowerSettings, WorkerSettings } from './worker-protocol.ts';
import { runWorkerThread } from './worker-thread.ts';

/** Runs the thread to its end, with the packet loops that `makeLoop` makes. Throws HostError. */
export async function runRouterThread(
  makeLoop: (options: PacketLoopOptions) => PacketLoop = usualLoop,
): Promise<void> {
  const given = workerData as WorkerSettings | FollowerSettings; // typed by the only place that starts it, worker-client.ts
  if ('worker' in given) runFollowerThread(given, makeLoop);
  else await runWorkerThread(given, makeLoop);
}
