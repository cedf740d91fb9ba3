/** `npm run interop` that is told to end does so at once, and leaves neither namespaces nor processes nor files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { existingNamespaces } from '../../tools/lab/namespaces.ts';
import { placeFolder, readState } from '../../tools/lab/place.ts';
import { nodeCommand, repository } from '../../tools/lab/processes.ts';
import { describeWith } from '../requirements.ts';

const name = `interrupted-${process.pid}`;
let run: ChildProcess | undefined;
afterEach(() => run?.kill('SIGKILL'));

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (holds()) return;
    await sleep(50);
  }
  throw new Error('it did not come about within 30 s');
}

describeWith(
  ['root', 'tun', 'iproute2', 'network namespaces', 'strongswan'],
  'a run of the whole matrix',
  () => {
    it.each(['SIGTERM', 'SIGINT'] as const)(
      'ends at %s in the middle of its conversations',
      { timeout: 60_000 },
      async (signal) => {
        const args = ['tools/interop/main.ts', 'strongswan', '--name', name];
        const child = spawn(nodeCommand, args, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
        run = child;
        let said = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (octets) => (said += octets));
        // Conversations have begun: their ends run.
        await until(() => (readState(name)?.processes.length ?? 0) > 2);
        expect(existingNamespaces(name).length).toBeGreaterThan(0);
        const begun = performance.now();
        child.kill(signal);
        const [status] = await once(child, 'close');
        expect({ status, said }).toMatchObject({
          status: 130,
          said: expect.stringMatching(/interop: interrupted\n$/),
        });
        expect(performance.now() - begun).toBeLessThan(5000);
        expect(existingNamespaces(name)).toEqual([]);
        expect(existsSync(placeFolder(name))).toBe(false);
      },
    );
  },
);
