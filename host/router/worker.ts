/** Entry point of a router's worker thread. */
import { runWorkerThread } from './worker-thread.ts';

await runWorkerThread();
