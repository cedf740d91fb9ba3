import { afterEach, describe, expect, it } from 'vitest';
import { WorkerClient } from '../../../host/router/worker-client.ts';
import type { WorkerSettings } from '../../../host/router/worker-protocol.ts';

/** A worker that answers each question with its own words, `delayMs` later. */
function answeringAfter(delayMs: number): URL {
  const program = `
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage({ kind: 'ready', wakeFd: -1 });
    parentPort.on('message', ({ kind, id, ask }) => {
      if (kind === 'stop') process.exit(0);
      if (kind === 'ask') setTimeout(() => parentPort.postMessage({ kind: 'answer', id, answer: ask }), ${delayMs});
    });`;
  return new URL(`data:text/javascript,${encodeURIComponent(program)}`);
}

let client: WorkerClient | undefined;
afterEach(() => client?.stop());

async function clientOf(entry: URL): Promise<WorkerClient> {
  const ready = Promise.withResolvers<void>();
  const made = new WorkerClient({
    entry,
    workers: 1,
    settings: {} as WorkerSettings, // this worker wants none
    wake: () => {},
    onReady: () => ready.resolve(),
    onUpgrade: () => {},
    onLog: () => {},
    onExit: (reason) => ready.reject(reason),
  });
  client = made;
  await ready.promise;
  return made;
}

describe('a question to the worker', () => {
  it('is given up after two seconds, unless its answer must be known', async () => {
    const slow = await clientOf(answeringAfter(2500));
    const asked = performance.now();
    const status = slow.ask('renew', 'to-osaka').catch((error: Error) => error.message);
    const spd = slow.ask('replace-spd', [], Infinity);
    expect(await status).toBe('the packet loop did not answer within 2 s');
    expect(performance.now() - asked).toBeLessThan(2450);
    expect(await spd).toEqual([]);
    expect(performance.now() - asked).toBeGreaterThan(2400);
  });

  it('gets its own answer', async () => {
    const prompt = await clientOf(answeringAfter(0));
    const answers = await Promise.all([prompt.ask('renew', 'a'), prompt.ask('renew', 'b')]);
    expect(answers).toEqual(['a', 'b']);
  });
});
