/** The roll-outs of a scene's server for its guest alone, by the operator's command, and what the server knows of the guest. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../../host/cli/control-client.ts';
import { HostError } from '../../../host/model/host-error.ts';
import { rolloutAnswerSchema } from '../../../host/model/status.ts';
import { readServerStatus } from '../control.ts';
import { nodeCommand } from '../processes.ts';
import { type Scene, sitesOf } from '../scenario/scene.ts';
import { server } from '../topology-plan.ts';
import type { Repository } from './releases.ts';

/** A download, some boots and a trial, on a machine that others use. */
export const orderWithinMs = 1_500_000;
const channelWithinMs = 600_000;
const pollMs = 200;

export class Orders {
  readonly #scene: Scene;
  readonly #web: string;

  constructor(scene: Scene, web: string) {
    this.#scene = scene;
    this.#web = web;
  }

  /** Starts a roll-out to `version` and waits until it is over. */
  async carryOut(version: string, repository: Repository): Promise<{ state: string; reason: string }> {
    await this.start(version, repository);
    const deadline = performance.now() + orderWithinMs;
    for (;;) {
      const rollout = await this.#rollout();
      if (rollout !== null && rollout.state !== 'running') {
        const { state, reason } = rollout;
        if (state !== 'done') await this.#command('abort');
        return { state, reason };
      }
      if (performance.now() > deadline)
        throw new HostError('PLATFORM', `the roll-out of ${version} is not over: ${JSON.stringify(rollout)}`);
      await sleep(pollMs);
    }
  }

  async start(version: string, repository: Repository): Promise<void> {
    const router = sitesOf(this.#scene.plan).tokyo.name;
    await this.#command(
      ...['start', version, '--stages', '100%', '--max-failures', '1', '--routers', router],
      ...['--url', `${this.#web}/${repository}/`, '--deadline', String(orderWithinMs / 1000)],
    );
  }

  async abort(): Promise<void> {
    const rollout = await this.#rollout();
    if (rollout !== null && rollout.state !== 'done' && rollout.state !== 'aborted')
      await this.#command('abort');
  }

  /** How far the guest said that it is: `writing`, `trial`, or nothing yet. */
  async progress(): Promise<string> {
    return (await this.#rollout())?.told[0]?.progress ?? '';
  }

  /**
   * What the guest runs, once it has its channel.
   *
   * @param since a channel that is older does not count (performance.now()): after a power cut the server takes a while to miss it
   * @param from the slot that it runs from: where that is another one than before, the server's word of it is of the new channel, and not
   *   what it said on the one before
   */
  async standing(
    since = Number.NEGATIVE_INFINITY,
    from?: string,
  ): Promise<{ readonly runs: string; readonly slot: string; readonly stage: string }> {
    const { plan, fleet } = this.#scene;
    const { tokyo } = sitesOf(plan);
    const deadline = performance.now() + channelWithinMs;
    for (;;) {
      const { routers } = await readServerStatus(fleet.serverSocket);
      const found = routers.find(({ name }) => name === tokyo.name);
      // Whole seconds, rounded.
      const upSince = performance.now() - 1000 * (found?.sinceSeconds ?? 0) + 500;
      const isSaid = from === undefined ? found?.slot !== '' : found?.slot === from;
      if (found?.channel === 'up' && isSaid && upSince >= since)
        return { runs: found.software, slot: found.slot, stage: found.versionUp?.stage ?? '' };
      if (performance.now() > deadline)
        throw new HostError(
          'PLATFORM',
          `${tokyo.name} has no channel after ${channelWithinMs / 1000} s` +
            (from === undefined ? '' : `, or none on which it says slot ${from}`),
        );
      await sleep(pollMs);
    }
  }

  async #rollout() {
    return (await ask(this.#scene.fleet.serverSocket, '/rollout', rolloutAnswerSchema)).rollout;
  }

  async #command(...args: readonly string[]): Promise<void> {
    const { processes, fleet } = this.#scene;
    const command = [nodeCommand, 'host/cli/main.ts', 'server', 'rollout', ...args];
    await processes.run(server, `rollout ${args[0]}`, [...command, '--socket', fleet.serverSocket]);
  }
}
