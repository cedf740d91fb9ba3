import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Poller, WakeEvent, wake } from '../../../host/platform/poller.ts';

describe('Poller', () => {
  it('returns 0 after its time, and not before', () => {
    const event = new WakeEvent();
    const poller = new Poller();
    const index = poller.add(event.fd);
    const start = performance.now();
    expect(poller.wait(30)).toBe(0);
    expect(performance.now() - start).toBeGreaterThanOrEqual(29);
    expect(poller.isReadable(index)).toBe(false);
    event.close();
  });

  it('is woken by this thread before it waits, once', () => {
    const event = new WakeEvent();
    const poller = new Poller();
    const index = poller.add(event.fd);
    wake(event.fd);
    wake(event.fd);
    expect(poller.wait(1000)).toBe(1);
    expect(poller.isReadable(index)).toBe(true);
    expect(event.drain()).toBe(true);
    expect(event.drain()).toBe(false);
    expect(poller.wait(0)).toBe(0);
    event.close();
  });

  it('is woken by another thread that knows only the number', async () => {
    const event = new WakeEvent();
    const poller = new Poller();
    poller.add(event.fd);
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads');
       setTimeout(() => require('node:fs').writeSync(workerData, new Uint8Array(new BigUint64Array([1n]).buffer)), 50);`,
      { eval: true, workerData: event.fd },
    );
    const start = performance.now();
    expect(poller.wait(5000)).toBe(1);
    expect(performance.now() - start).toBeLessThan(4000);
    await worker.terminate();
    event.close();
  });

  it('says whether output is possible only when asked', () => {
    const event = new WakeEvent();
    const poller = new Poller();
    const index = poller.add(event.fd);
    poller.watchWritable(index, true);
    expect(poller.wait(0)).toBe(1);
    expect(poller.isWritable(index)).toBe(true);
    poller.watchWritable(index, false);
    expect(poller.wait(0)).toBe(0);
    event.close();
  });

  it('reports a closed descriptor as ready, so that the read can say why', () => {
    const poller = new Poller();
    const index = poller.add(1_000_000);
    expect(poller.wait(0)).toBe(1);
    expect(poller.isReadable(index)).toBe(true);
  });
});
