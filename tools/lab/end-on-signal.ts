/** What asks a program that has made namespaces to end: a signal, or the end of whoever started it. */

const parentWatchMs = 250;

/** Exit status of a program that was interrupted, as shells have it for Ctrl-C. */
export const interruptedStatus = 130;

/** Resolves at the first signal that asks this process to end, or when the npm that started it is gone. */
export function endOnSignal(): Promise<'interrupted'> {
  const { promise, resolve } = Promise.withResolvers<'interrupted'>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Later ones are ignored: the teardown is under way, and it is bounded.
    process.on(signal, () => resolve('interrupted'));
  }
  // A SIGTERM to npm ends npm and its shell, but is not handed on: whoever meant us sees to it that our parent is gone.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event !== undefined) {
    const watch = setInterval(() => {
      if (process.ppid !== parent) resolve('interrupted');
    }, parentWatchMs);
    watch.unref();
  }
  return promise;
}
