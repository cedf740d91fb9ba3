/** The self-test of a router in the lab's network: real sockets, a server without privileges, and what is said when UDP is not let through. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controlSocket, writeConfiguration } from '../../tools/lab/configuration.ts';
import { readRouterStatus, readSad, readServerStatus, readTable } from '../../tools/lab/control.ts';
import { Place } from '../../tools/lab/place.ts';
import { type LabProcess, nodeCommand, Processes } from '../../tools/lab/processes.ts';
import { buildTopology } from '../../tools/lab/topology.ts';
import { planTopology } from '../../tools/lab/topology-plan.ts';
import { describeWith } from '../requirements.ts';

const lab = `selftest-${process.pid}`;
const command = 'host/cli/main.ts';
const patienceMs = 40_000;

async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${patienceMs / 1000} s: ${what}`);
    await sleep(100);
  }
}

describeWith(['root', 'tun', 'network namespaces', 'iproute2', 'nft', 'ping'], 'a self-test', () => {
  const plan = planTopology();
  let place: Place;
  let processes: Processes;
  let server: LabProcess;

  function selfTest(...args: string[]) {
    const socket = controlSocket(place, 'tokyo');
    const full = [command, 'router', 'self-test', '--json', '--socket', socket, ...args];
    const { status, stdout, stderr } = spawnSync(nodeCommand, full, { encoding: 'utf8' });
    return { status, result: stdout === '' ? stderr : JSON.parse(stdout) };
  }

  beforeAll(async () => {
    place = Place.take(lab, () => undefined);
    buildTopology(lab, plan);
    processes = new Processes(place);
    const files = writeConfiguration(place, plan, 'open', { saveKeys: undefined, protocol: 'esp' });
    server = await processes.start('server', 'server', [
      nodeCommand,
      command,
      'server',
      '--config',
      files.server,
    ]);
    const file = files.routers.tokyo ?? '';
    await processes.start('tokyo', 'tokyo', [nodeCommand, command, 'router', '--config', file]);
    await eventually('the channel is up', async () => {
      const { channel } = await readRouterStatus(controlSocket(place, 'tokyo'));
      return channel.state === 'up';
    });
  }, 120_000);

  afterAll(async () => {
    await processes.stopAll();
    place.leave();
  });

  it('passes, and leaves no SA behind', async () => {
    const { status, result } = selfTest();
    expect(result).toMatchObject({ ok: true });
    expect(status).toBe(0);
    expect(result.milliseconds).toBeLessThan(2000);
    await eventually('the SAs are taken down', async () => {
      const rows = await readTable(controlSocket(place, 'server'));
      const sad = await readSad(controlSocket(place, 'tokyo'));
      return rows.length === 0 && sad.every(({ kind }) => kind !== 'self-test');
    });
    const { selfTests } = await readServerStatus(controlSocket(place, 'server'));
    expect(selfTests).toMatchObject({ underWay: 0, setUps: 1, answered: 1 });
  });

  it('says what is missing without a server', async () => {
    server.signal('SIGKILL');
    await server.ended;
    const { status, result } = selfTest('--within', '2');
    expect(status).toBe(1);
    expect(result.ok).toBe(false);
    expect(result.reason).toMatch(/no channel|not answered/);
  });
});
