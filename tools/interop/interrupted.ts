/** Who is told to end leaves what he is at, and sees to it that nothing is left of it. */

export class Interrupted extends Error {
  constructor() {
    super('interrupted');
  }
}

/** `work`, or a rejection with Interrupted as soon as `signal` says so; `work` is not waited for then. */
export function unlessInterrupted<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  work.catch(() => undefined); // nobody hears of it any more
  const interrupted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(new Interrupted());
    signal.addEventListener('abort', () => reject(new Interrupted()), { once: true });
  });
  return Promise.race([work, interrupted]);
}
