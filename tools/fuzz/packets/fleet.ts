/**
 * Spreads worlds over threads: each thread takes the next world when it has done one, so the same seed gives the same worlds
 * with any number of threads. Stops at the first failure, and at a deadline between two worlds.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runWorld, WORLD_PACKETS, type WorldFailure, type WorldResult } from './run-world.ts';
import { add, emptyTally, type Tally } from './tally.ts';

export interface FleetOptions {
  readonly seed: number;
  readonly firstWorld: number;
  readonly packets: number;
  readonly jobs: number;
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  /** Called after each world with the sum so far. */
  readonly onProgress: (sum: Tally) => void;
}

export interface FleetResult {
  readonly tally: Tally;
  readonly worlds: number;
  readonly failure: (WorldFailure & { readonly world: number }) | undefined;
}

interface Job {
  readonly world: number;
  readonly packets: number;
}

export function runFleet(options: FleetOptions): Promise<FleetResult> {
  const { seed, firstWorld, packets, jobs, deadline, onProgress } = options;
  const tally = emptyTally();
  const end = firstWorld + Math.ceil(packets / WORLD_PACKETS);
  let next = firstWorld;
  let worlds = 0;
  let failure: FleetResult['failure'];
  const nextJob = (): Job | undefined => {
    if (next >= end || failure !== undefined || performance.now() > deadline) return undefined;
    const world = next++;
    return { world, packets: Math.min(WORLD_PACKETS, packets - (world - firstWorld) * WORLD_PACKETS) };
  };
  return new Promise((resolve, reject) => {
    let running = 0;
    const start = (): void => {
      const first = nextJob();
      if (first === undefined) return;
      running++;
      const worker = new Worker(new URL(import.meta.url), { workerData: seed });
      let job: Job | undefined = first;
      worker.on('message', (result: WorldResult) => {
        worlds++;
        add(tally, result.tally);
        // The lowest world that failed, so that the same seed names the same packet.
        if (result.failure !== undefined && job !== undefined && job.world < (failure?.world ?? Infinity))
          failure = { ...result.failure, world: job.world };
        onProgress(tally);
        job = nextJob();
        worker.postMessage(job);
      });
      worker.on('error', reject);
      worker.on('exit', () => {
        if (--running === 0) resolve({ tally, worlds, failure });
      });
      worker.postMessage(first);
    };
    for (let job = 0; job < jobs; job++) start();
    if (running === 0) resolve({ tally, worlds, failure });
  });
}

/** A thread: one world for each message, until one says that there are no more. */
function work(seed: number): void {
  parentPort?.on('message', (job: Job | undefined) => {
    if (job === undefined) parentPort?.close();
    else parentPort?.postMessage(runWorld(seed, job.world, job.packets));
  });
}

if (!isMainThread && typeof workerData === 'number') work(workerData);
