import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

/** Calls it in a thread of its own, and says what became of that thread and of the main one. */
const program = `
  import { parentPort } from 'node:worker_threads';
  import { readFileSync } from 'node:fs';
  import { takePrecedence } from ${JSON.stringify(new URL('../../../host/platform/precedence.ts', import.meta.url).href)};
  const has = takePrecedence();
  parentPort.postMessage({ has, stat: readFileSync('/proc/thread-self/stat', 'utf8') });
`;

/** proc(5), field 19. */
const niceOf = (stat: string) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);

describe('takePrecedence', () => {
  it('is for the calling thread alone, and says where this user may not', async () => {
    const before = niceOf(readFileSync('/proc/self/stat', 'utf8'));
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
    const { has, stat } = await new Promise<{ has: boolean; stat: string }>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    if (process.getuid?.() === 0) expect(has).toBe(true);
    expect(niceOf(stat)).toBe(has ? -10 : before);
    expect(niceOf(readFileSync('/proc/self/stat', 'utf8'))).toBe(before);
  });
});
