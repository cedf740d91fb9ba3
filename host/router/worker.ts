/** Entry point of a router's worker threads. */
import { runRouterThread } from './router-thread.ts';

await runRouterThread();
