/** A lab that is killed leaves namespaces behind; its processes die with it, and the next start clears the rest. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { existingNamespaces, processStartTime } from '../../tools/lab/namespaces.ts';
import { Place, placeFolder } from '../../tools/lab/place.ts';
import { describeWith } from '../requirements.ts';

/** Of this run alone: others may test on the same machine. */
const lab = `crashcheck-${process.pid}`;

/** Takes the place, makes a namespace and a process in it, says the process's pid, and waits to be killed. */
const program = `
  const { Place } = await import('./tools/lab/place.ts');
  const { Processes } = await import('./tools/lab/processes.ts');
  const { buildTopology } = await import('./tools/lab/topology.ts');
  const place = Place.take('${lab}', () => {});
  buildTopology('${lab}', { namespaces: [{ name: 'server', forwards: false }], links: [], routes: [], nats: [], bridges: [] });
  const started = await new Processes(place).start('server', 'sleeper', ['sleep', '600']);
  console.log(started.pid);
  setInterval(() => {}, 1000);
`;

describeWith(['root', 'network namespaces', 'iproute2'], 'a lab that was killed', () => {
  afterEach(() => {
    Place.take(lab, () => undefined).leave();
  });

  async function startLab() {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    return { child, sleeper: Number(line) };
  }

  it('takes its processes with it, and the next one clears the namespaces', async () => {
    const { child, sleeper } = await startLab();
    expect(processStartTime(sleeper)).toBeGreaterThan(0);
    expect(existingNamespaces(lab)).toHaveLength(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (let tries = 0; tries < 100 && processStartTime(sleeper) !== undefined; tries++) await sleep(20);
    expect(processStartTime(sleeper)).toBeUndefined();
    expect(existingNamespaces(lab)).toHaveLength(1);

    const said: string[] = [];
    Place.take(lab, (line) => said.push(line)).leave();
    expect(said.join()).toContain('1 namespaces');
    expect(existingNamespaces(lab)).toEqual([]);
    expect(existsSync(placeFolder(lab))).toBe(false);
  });

  it('is told from one that is up, which is left alone', async () => {
    const { child, sleeper } = await startLab();
    expect(() => Place.take(lab, () => undefined)).toThrow(/already up/);
    expect(processStartTime(sleeper)).toBeGreaterThan(0);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
