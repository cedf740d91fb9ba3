/**
 * A router that has its settings on a config flash, in the lab's network, with real packets: changes that touch nobody else's,
 * that cut it off from its server, that a crash cuts short; and its credentials, which nobody sees.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConfigurationFiles, controlSocket, writeConfiguration } from '../../tools/lab/configuration.ts';
import { readRouterStatus } from '../../tools/lab/control.ts';
import { Place } from '../../tools/lab/place.ts';
import { type LabProcess, nodeCommand, Processes } from '../../tools/lab/processes.ts';
import { buildTopology } from '../../tools/lab/topology.ts';
import { hostOf, planTopology, type Site } from '../../tools/lab/topology-plan.ts';
import { startFlow } from '../../tools/lab/traffic.ts';
import { describeWith } from '../requirements.ts';

/** Of this run alone: others may test on the same machine. */
const lab = `flash-${process.pid}`;
const command = 'host/cli/main.ts';

/** A machine full of other tests is slow. */
const patienceMs = 40_000;

async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${patienceMs / 1000} s: ${what}`);
    await sleep(100);
  }
}

interface Ended {
  readonly status: number | null;
  readonly text: string;
}

describeWith(
  ['root', 'tun', 'network namespaces', 'iproute2', 'nft', 'ping'],
  'a router with a config flash',
  () => {
    const plan = planTopology();
    const [tokyo, osaka, nagoya] = plan.sites as [Site, Site, Site];
    let place: Place;
    let processes: Processes;
    let files: ConfigurationFiles;
    let router: LabProcess;
    /** Everything that a command or the router has said. */
    const said: string[] = [];

    function sekisho(...args: string[]): Ended {
      const { status, stdout, stderr } = spawnSync(nodeCommand, [command, 'router', 'config', ...args], {
        encoding: 'utf8',
      });
      said.push(stdout, stderr);
      return { status, text: stdout + stderr };
    }

    /** A command for the router that runs. */
    function config(...args: string[]): Ended {
      return sekisho(...args, '--socket', controlSocket(place, 'tokyo'));
    }

    function flash(): string {
      return place.path('tokyo.flash');
    }

    async function startRouter(): Promise<void> {
      const args = [nodeCommand, command, 'router', '--flash', flash()];
      router = await processes.start('tokyo', 'tokyo', args);
      await eventually('the channel is up', () => isUp(tokyo));
    }

    async function isUp(site: Site): Promise<boolean> {
      const status = await readRouterStatus(controlSocket(place, site.name)).catch(() => undefined);
      return status?.channel.state === 'up';
    }

    /** Lost packets of a train from tokyo's host, with what ping said. */
    async function lost(to: Site, count: number, intervalSeconds: number): Promise<number> {
      const train = ['ping', '-q', '-c', `${count}`, '-i', `${intervalSeconds}`, '-W', '2', to.hostAddress];
      const output = await processes.run(hostOf(tokyo), `ping ${to.name}`, train, true);
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? [];
      expect(Number(sent)).toBe(count);
      return Number(sent) - Number(received);
    }

    beforeAll(async () => {
      place = Place.take(lab, () => undefined);
      buildTopology(lab, plan);
      processes = new Processes(place);
      files = writeConfiguration(place, plan, 'open', { saveKeys: undefined, protocol: 'esp' });
      await processes.start('server', 'server', [nodeCommand, command, 'server', '--config', files.server]);
      for (const { name } of [osaka, nagoya]) {
        const file = files.routers[name] ?? '';
        await processes.start(name, name, [nodeCommand, command, 'router', '--config', file]);
      }
      writeFileSync(flash(), '', { mode: 0o600 });
      truncateSync(flash(), 1024 * 1024);
      const applied = sekisho('apply', files.routers.tokyo ?? '', '--flash', flash());
      expect(applied).toMatchObject({ status: 0, text: expect.stringMatching(/^revision 1 is written/) });
      await startRouter();
      await eventually('all are up', async () => (await isUp(osaka)) && (await isUp(nagoya)));
    }, 120_000);

    afterAll(async () => {
      await processes.stopAll();
      place.leave();
    });

    it('carries packets like one with a file', async () => {
      expect(await lost(osaka, 5, 0.2)).toBe(0);
      expect(await lost(nagoya, 5, 0.2)).toBe(0);
      expect(sekisho('show', '--flash', flash()).text).toContain('name: tokyo');
      expect(sekisho('show', '--socket', controlSocket(place, 'osaka'))).toMatchObject({
        status: 1,
        text: expect.stringMatching(/this router has its settings from .*osaka\.yaml: edit that/),
      });
      // The router holds it: nobody else writes.
      expect(sekisho('rollback', '--flash', flash())).toMatchObject({ status: 1 });
    });

    it('has an SPD entry changed without a packet lost on another one', async () => {
      const flow = await startFlow(processes, tokyo, osaka, 200);
      const removed = config('set', 'spd[to-nagoya]', '--remove');
      expect(removed).toMatchObject({
        status: 0,
        text: expect.stringMatching(/revision 2 is in force: the server answered/),
      });
      expect(await lost(nagoya, 2, 0.2)).toBe(2);
      expect(config('rollback')).toMatchObject({ status: 0 });
      expect(await lost(nagoya, 3, 0.2)).toBe(0);
      const result = await flow.stop();
      expect(result.sent).toBeGreaterThan(1000);
      expect(result).toMatchObject({ lost: 0, duplicates: 0, missing: [] });
    });

    it('is itself again after a change that cut it off from its server', async () => {
      const cut = config('set', 'server.port', '4999', '--seconds', '6');
      expect(cut).toMatchObject({
        status: 1,
        text: expect.stringMatching(
          /revision 4 was taken back: the server did not answer within 6 s; revision 3 is in force/,
        ),
      });
      await eventually('the channel is up again', () => isUp(tokyo));
      expect(await lost(osaka, 5, 0.2)).toBe(0);
      expect(config('set', 'unprotected.interface', 'wan9', '--seconds', '5')).toMatchObject({
        status: 1,
        text: expect.stringMatching(
          /taken back: it cannot be put in force: .*wan9 has no IPv4 address after 5 s/,
        ),
      });
      await eventually('the channel is up again', () => isUp(tokyo));
    }, 120_000);

    it('takes settings that need it started anew, and stays with them when the server answers', async () => {
      expect(config('set', 'tunnel.mtu', '1380')).toMatchObject({ status: 0 });
      expect(config('show').text).toContain('mtu: 1380');
      await eventually('the channel is up', () => isUp(tokyo));
      expect(await lost(osaka, 5, 0.2)).toBe(0);
    });

    it('has the settings before after a crash in the middle of a trial, and says so', async () => {
      expect(config('set', 'tunnel.mtu', '1300', '--manual')).toMatchObject({ status: 0 });
      expect(config('show').text).toContain('mtu: 1300');
      router.signal('SIGKILL');
      await router.ended;
      await startRouter();
      expect(config('show').text).toContain('mtu: 1380');
      expect(config('show', '--state').text).toMatch(
        /taken back: the router was stopped before it was confirmed/,
      );
      const { config: state } = await readRouterStatus(controlSocket(place, 'tokyo'));
      expect(state?.problems.join()).toMatch(/revision 7 was taken back/);
    }, 60_000);

    it('takes what `show` prints back, with another credential, and refuses what is wrong', async () => {
      const shown = config('show');
      const file = place.path('edited.yaml');
      writeFileSync(file, shown.text, { mode: 0o600 });
      expect(config('apply', file)).toMatchObject({
        status: 0,
        text: expect.stringMatching(/nothing has to change/),
      });
      writeFileSync(file, shown.text.replace('port: 4500', 'port: 99999'));
      expect(config('apply', file)).toMatchObject({ status: 1, text: expect.stringMatching(/server\.port/) });
      writeFileSync(
        file,
        shown.text.replace(/preSharedKeyFile: .*/, 'preSharedKey: not-the-key-of-this-router'),
      );
      const wrong = config('apply', file, '--seconds', '6');
      expect(wrong).toMatchObject({
        status: 1,
        text: expect.stringMatching(/taken back: the server did not answer/),
      });
      await eventually('the channel is up again', () => isUp(tokyo));
      expect(config('set', 'credential.preSharedKey', 'xxxxxxxxxxxxxxxxxxxx')).toMatchObject({ status: 2 });
    }, 60_000);

    it('forgets everything on a factory reset', async () => {
      const key = readFileSync((files.routers.tokyo ?? '').replace(/yaml$/, 'psk'));
      expect(readFileSync(flash()).includes(key)).toBe(true);
      expect(config('factory-reset')).toMatchObject({ status: 2 });
      expect(config('factory-reset', '--yes')).toMatchObject({ status: 0 });
      expect(await router.ended).toBe(0);
      expect(readFileSync(flash()).includes(key)).toBe(false);
      const started = spawnSync(nodeCommand, [command, 'router', '--flash', flash()], { encoding: 'utf8' });
      expect(started.stderr).toMatch(/holds no settings.*sekisho router config apply/);
      expect(started.status).toBe(1);
    });

    it('has told nobody a key', () => {
      const key = readFileSync((files.routers.tokyo ?? '').replace(/yaml$/, 'psk'), 'utf8');
      const everything = [...said, readFileSync(place.path('tokyo.log'), 'utf8')].join('\n');
      expect(everything).toContain('revision 1 is written');
      for (const secret of [key, 'not-the-key-of-this-router']) expect(everything).not.toContain(secret);
    });
  },
);
